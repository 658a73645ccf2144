//! Rules and objects. Each case is a schema of one field and the values that the field takes one after the other.

use serde_json::{Value, json};

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) schema: Value,
    /// The first is created, the others are updates of what is stored.
    pub(crate) values: Vec<Value>,
}

fn ruled(mut schema: Value, rules: &[Value]) -> Value {
    schema["x-kubernetes-validations"] = Value::from(rules.to_vec());
    schema
}

fn rule(text: &str) -> Value {
    json!({ "rule": text })
}

fn object(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

fn string() -> Value {
    json!({ "type": "string", "maxLength": 100 })
}

fn case(name: &'static str, schema: Value, rules: &[&str], values: Value) -> Case {
    let rules: Vec<Value> = rules.iter().map(|text| rule(text)).collect();
    let Value::Array(values) = values else { panic!("values") };
    Case { name, schema: ruled(schema, &rules), values }
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = scalars();
    cases.extend(lists_and_maps());
    cases.extend(transitions());
    cases.extend(messages());
    cases.extend(libraries());
    cases
}

fn scalars() -> Vec<Case> {
    vec![
        case("int", json!({ "type": "integer" }), &["self > 2", "self % 2 == 0"], json!([1, 4, 3])),
        case(
            "number",
            json!({ "type": "number" }),
            &["self > 2.5", "double(int(self)) == self"],
            json!([1, 4, 3.5]),
        ),
        case(
            "text",
            string(),
            &["self.startsWith('a')", "self.size() < 3"],
            json!(["b", "ab", "äää", "aää"]),
        ),
        case("boolean", json!({ "type": "boolean" }), &["self"], json!([false, true])),
        case(
            "time",
            json!({ "type": "string", "format": "date-time" }),
            &["self > timestamp('2024-01-01T00:00:00Z')", "self.getFullYear() < 2030"],
            json!(["2023-01-01T00:00:00Z", "2025-05-05T10:00:00+02:00", "2031-01-01T00:00:00.5Z"]),
        ),
        case(
            "day",
            json!({ "type": "string", "format": "date" }),
            &["self.getDayOfMonth() == 0"],
            json!(["2023-01-01", "2023-01-02"]),
        ),
        case(
            "length",
            json!({ "type": "string", "format": "duration" }),
            &["self >= duration('1m')", "self.getHours() < 2"],
            json!(["30s", "1h", "2h30m"]),
        ),
        case(
            "bytes",
            json!({ "type": "string", "format": "byte", "maxLength": 100 }),
            &["self == b'abc'", "size(self) == 3"],
            json!(["YWJj", "YWJjZA=="]),
        ),
        case(
            "either",
            json!({ "x-kubernetes-int-or-string": true, "maxLength": 20 }),
            &["type(self) == int ? self < 5 : self.endsWith('%')"],
            json!([7, 3, "5%", "5"]),
        ),
        case(
            "nothing",
            object(json!({ "a": { "type": "string", "nullable": true, "maxLength": 9 } })),
            &["has(self.a)"],
            json!([{ "a": "x" }, { "a": null }, {}]),
        ),
    ]
}

fn lists_and_maps() -> Vec<Case> {
    let strings = json!({ "type": "array", "maxItems": 10, "items": string() });
    let set = json!({ "type": "array", "maxItems": 10, "x-kubernetes-list-type": "set", "items": string() });
    let map = json!({ "type": "object", "maxProperties": 10, "additionalProperties": string() });
    vec![
        case(
            "list",
            strings.clone(),
            &["self.all(x, x.size() > 1)", "self.exists(x, x == 'aa')", "self[1] == 'bb'"],
            json!([["aa", "bb"], ["a"], [], ["aa", "b", "cc"]]),
        ),
        case(
            "one",
            strings.clone(),
            &[
                "self.exists_one(x, x == 'a')",
                "self.map(x, x + 'b').filter(y, y != 'cb').size() < 3",
            ],
            json!([["a"], ["a", "a"], ["a", "b", "d"]]),
        ),
        case(
            "map",
            map.clone(),
            &["'a' in self", "self.all(key, self[key] != key)", "self.b == 'c'"],
            json!([{ "a": "b", "b": "c" }, { "b": "b" }, { "a": "x" }]),
        ),
        case(
            "set",
            object(json!({ "s": set })),
            &["self == oldSelf", "!has(self.s) || self.s == ['a', 'b'] || self.s.size() != 2"],
            json!([{ "s": ["b", "a"] }, { "s": ["a", "b"] }, { "s": ["a"] }]),
        ),
        case(
            "names",
            object(
                json!({ "namespace": string(), "a-b": string(), "c.d": string(), "e__f": string(), "true": string() }),
            ),
            &[
                "self.__namespace__ == 'x'",
                "self.a__dash__b == 'x'",
                "self.c__dot__d == 'x'",
                "self.e__underscores__f == 'x'",
                "has(self.__true__)",
            ],
            json!([{ "namespace": "x", "a-b": "x", "c.d": "x", "e__f": "x", "true": "x" },
                   { "namespace": "y", "a-b": "y", "c.d": "y", "e__f": "y" }, {}]),
        ),
        case(
            "optional",
            object(json!({ "a": string(), "m": map, "l": strings })),
            &[
                "self.?a.orValue('z') == 'z'",
                "self.?m.b.orValue('q') == 'q'",
                "self.?l[?0].hasValue() == false",
                "self.?a.optMap(x, x.size() == 1).orValue(true)",
                "[?self.?a, 'k'].size() == 1",
            ],
            json!([{}, { "a": "z", "m": { "b": "q" } }, { "a": "yy", "m": { "b": "r" }, "l": ["1"] }]),
        ),
        case(
            "hidden",
            json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": { "a": string() } }),
            &["self.a == 'x'"],
            json!([{ "a": "x", "b": { "c": 1 } }, { "a": "y" }]),
        ),
        Case {
            name: "below",
            schema: json!({ "type": "object", "properties": { "l": { "type": "array", "maxItems": 5, "items":
                ruled(object(json!({ "n": { "type": "integer" } })), &[rule("self.n > 0")]) },
                "m": { "type": "object", "maxProperties": 5, "additionalProperties": ruled(json!({ "type": "integer" }), &[rule("self > 0")]) } } }),
            values: vec![
                json!({ "l": [{ "n": 1 }, { "n": 0 }, {}], "m": { "k": 0, "j": 1 } }),
                json!({ "l": [{ "n": 1 }], "m": {} }),
            ],
        },
    ]
}

fn transitions() -> Vec<Case> {
    let entry = ruled(
        object(json!({ "k": string(), "v": { "type": "integer" } })),
        &[rule("self.v >= oldSelf.v")],
    );
    let mut entry = entry;
    entry["required"] = json!(["k"]);
    let keyed = json!({ "type": "array", "maxItems": 10, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": entry });
    vec![
        case("immutable", string(), &["self == oldSelf"], json!(["a", "b", "a"])),
        Case {
            name: "keyed",
            schema: keyed,
            values: vec![
                json!([{ "k": "a", "v": 1 }, { "k": "b", "v": 5 }]),
                json!([{ "k": "b", "v": 4 }, { "k": "a", "v": 1 }, { "k": "c", "v": 0 }]),
                json!([{ "k": "b", "v": 6 }]),
            ],
        },
        Case {
            name: "born",
            schema: ruled(
                string(),
                &[
                    json!({ "rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": true }),
                    json!({ "rule": "oldSelf.hasValue() || self == 'a'", "optionalOldSelf": true }),
                ],
            ),
            values: vec![json!("b"), json!("a"), json!("c")],
        },
    ]
}

fn messages() -> Vec<Case> {
    let schema = |rules: Value| json!({ "type": "object", "properties": { "a": string(), "b.c": string() }, "x-kubernetes-validations": rules });
    vec![
        Case {
            name: "told",
            schema: schema(json!([
                { "rule": "false", "message": " plain " },
                { "rule": "false", "messageExpression": "'made of ' + self.a", "message": "fallback" },
                { "rule": "false", "messageExpression": "''", "message": "fallback" },
                { "rule": "false", "messageExpression": "'two\\nlines'" },
                { "rule": "false", "reason": "FieldValueForbidden", "fieldPath": ".a" },
                { "rule": "false", "reason": "FieldValueRequired", "fieldPath": ".a", "message": "needed" },
                { "rule": "false", "reason": "FieldValueDuplicate", "fieldPath": "['b.c']", "message": "twice" },
                { "rule": "false", "reason": "FieldValueInvalid" },
            ])),
            values: vec![json!({ "a": "x" }), json!({})],
        },
        case(
            "fails",
            object(
                json!({ "a": string(), "n": { "type": "integer" }, "l": { "type": "array", "maxItems": 5, "items": { "type": "integer" } } }),
            ),
            &[
                "self.a == 'x'",
                "1 / self.n > 0",
                "self.l[3] == 1",
                "self.n + 9223372036854775807 > 0",
                "int(self.a) == 1",
                "dyn(self.a) + 1 == 2",
                "duration(self.a) > duration('1s')",
            ],
            json!([{}, { "n": 0, "l": [], "a": "y" }, { "n": 1, "l": [1, 1, 1, 1], "a": "1" }]),
        ),
        case(
            "absorbed",
            object(json!({ "a": string(), "n": { "type": "integer" } })),
            &[
                "self.a == 'x' || true",
                "!(self.a == 'x' && false)",
                "[1, 0].exists(i, 1 / i == 1)",
                "[0, 1].all(i, 1 / i == 1)",
            ],
            json!([{}]),
        ),
    ]
}

fn libraries() -> Vec<Case> {
    let texts = |rules: &[&str]| case("", string(), rules, json!(["a"])).schema;
    let check = |name: &'static str, rules: &[&str]| Case {
        name,
        schema: texts(rules),
        values: vec![json!("a")],
    };
    vec![
        check(
            "strings",
            &[
                "'a,b'.split(',') == ['a', 'b']",
                "'abc'.substring(1) == 'bc'",
                "' a '.trim() == 'a'",
                "'aXa'.replace('a', 'b') == 'bXb'",
                "'ab'.charAt(1) == 'b'",
                "'abcb'.lastIndexOf('b') == 3",
                "'%s is %d'.format(['x', 3]) == 'x is 3'",
                "'%.2f %x %b'.format([1.5, 255, true]) == '1.50 ff 1'",
                "'äBc'.upperAscii() == 'äBC'",
                "strings.quote('a\"b') == '\"a\\\\\"b\"'",
                "'%s'.format([['a', 1]]) == '[a, 1]'",
                "'%s'.format([{'a': 1}]) == '{a: 1}'",
            ],
        ),
        check(
            "lists",
            &[
                "[1, 2, 3].isSorted()",
                "[1, 2].sum() == 3",
                "[2, 1].min() == 1",
                "[1, 2, 1].indexOf(1) == 0",
                "[1, 2, 1].lastIndexOf(1) == 2",
                "[3, 1].sort() == [1, 3]",
                "[1, 1].distinct() == [1]",
                "[[1], [2]].flatten() == [1, 2]",
                "[1, 2, 3].slice(1, 2) == [2]",
                "lists.range(2) == [0, 1]",
                "[1, 2].first().value() == 1",
                "[1, 2].reverse() == [2, 1]",
                "sets.contains([1, 2], [1])",
                "sets.intersects([1], [2])",
                "sets.equivalent([1, 1], [1])",
                "['bb', 'a'].sortBy(x, x.size()) == ['a', 'bb']",
            ],
        ),
        check(
            "numbers",
            &[
                "1 == 1",
                "1.0 < 2",
                "1u < 2",
                "int('5') == 5",
                "double('1.5') == 1.5",
                "uint(3) == 3u",
                "string(1.5) == '1.5'",
                "-(5 - 3) == -2",
                "7 % 3 == 1",
                "0x10 == 16",
                "1e3 == 1000.0",
                "string(1e100) == '1e+100'",
                "string(1.0) == '1'",
                "string(0.000001) == '1e-06'",
                "string(1000000.0) == '1e+06'",
                "string(123456789.0) == '1.23456789e+08'",
                "string(1e20) == '1e+20'",
                "string(1e21) == '1e+21'",
            ],
        ),
        check(
            "kubernetes",
            &[
                "quantity('1Ki').isGreaterThan(quantity('1000'))",
                "quantity('1.5').add(1).compareTo(quantity('2500m')) == 0",
                "isQuantity('x')",
                "url('https://a.b:80/c?d=e').getHost() == 'a.b:80'",
                "url('https://a.b:80/c?d=e').getQuery()['d'] == ['e']",
                "isURL('nope')",
                "ip('10.0.0.1').family() == 4",
                "isIP('::1')",
                "cidr('10.0.0.0/8').containsIP('10.1.1.1')",
                "cidr('10.0.0.0/8').containsIP(ip('11.1.1.1'))",
                "string(ip('::1')) == '::1'",
                "format.dns1123Label().validate('A').hasValue()",
                "format.named('uuid').hasValue()",
                "semver('1.2.3').isLessThan(semver('1.10.0'))",
                "'abc 123'.find('[0-9]+') == '123'",
                "'a1b2'.findAll('[0-9]') == ['1', '2']",
                "'abc'.matches('^a.c$')",
                "quantity('x') == quantity('1')",
            ],
        ),
        check(
            "times",
            &[
                "timestamp('2024-02-29T12:30:15.5Z').getMilliseconds() == 500",
                "duration('90m') == duration('1h30m')",
                "string(duration('90m')) == '5400s'",
                "timestamp('2024-01-01T00:00:00Z') + duration('1h') == timestamp('2024-01-01T01:00:00Z')",
                "string(timestamp('2024-01-01T00:00:00Z')) == '2024-01-01T00:00:00Z'",
                "timestamp('2024-01-01T00:00:00Z').getHours('+01:30') == 1",
                "timestamp('2024-01-07T00:00:00Z').getDayOfWeek() == 0",
                "duration('1.5s').getMilliseconds() == 1500",
                "timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z') == duration('24h')",
            ],
        ),
        check(
            "macros",
            &[
                "[1, 2].all(i, v, v == i + 1)",
                "{'a': 1}.exists(k, v, k == 'a' && v == 1)",
                "[1, 2].transformList(i, v, i * v) == [0, 2]",
                "{'a': 1}.transformMap(k, v, v + 1) == {'a': 2}",
                "[1, 2].transformMapEntry(i, v, {v: i}) == {1: 0, 2: 1}",
                "{'a': 1, 'b': 2}.map(k, k).size() == 2",
                "{'a': 1}.a == 1",
                "{'a': {'b': 1}}.a.b == 1",
                "{'a': 1}[?'b'].orValue(2) == 2",
                "optional.of(1).or(optional.of(2)).value() == 1",
                "optional.none().hasValue()",
                "type(1) == int",
                "r'\\d' == '\\\\d'",
                "'''a'b''' == \"a'b\"",
                "'\\u00e4' == 'ä'",
                "(true ? 1 : 2) == 1",
                "null == null",
                "self in ['a', 'b']",
            ],
        ),
    ]
}
