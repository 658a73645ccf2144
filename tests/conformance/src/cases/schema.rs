//! What a custom resource's schema does to objects: pruning, defaults, checks, rules.

use super::objects::{object, widget};
use crate::call::{Call, get, json_patch, merge_patch, post, put};
use crate::case::{Case, Difference};

const THINGS: &str = "/apis/$group/v1/namespaces/$ns/things";
const SPEC: &[&str] = &["/spec", "/status", "/code", "/reason", "/message", "/details/causes"];

/// A CRD for the kind `Thing`, whose `spec` has the schema, until it is served.
fn defined(spec: &str) -> Vec<Call> {
    let names = "names: {plural: things, kind: Thing}";
    let schema = format!("{{openAPIV3Schema: {{type: object, properties: {{spec: {spec}}}}}}}");
    let versions = format!("[{{name: v1, served: true, storage: true, schema: {schema}}}]");
    let spec = format!("spec: {{group: $group, scope: Namespaced, {names}, versions: {versions}}}");
    let definition =
        object("apiextensions.k8s.io/v1, kind: CustomResourceDefinition", "things.$group", &spec);
    vec![post("$crds", definition).quiet(), get("/apis/$group/v1/things").until(200).quiet()]
}

fn thing(name: &str, spec: &str) -> Call {
    post(THINGS, object("$group/v1, kind: Thing", name, &format!("spec: {spec}"))).only(SPEC)
}

fn things(schema: &str, specs: &[&str]) -> Vec<Call> {
    let create = |(number, spec): (usize, &&str)| thing(&format!("t{number}"), spec);
    defined(schema).into_iter().chain(specs.iter().enumerate().map(create)).collect()
}

fn widgets(specs: &[&str]) -> Vec<Call> {
    let create = |(number, spec): (usize, &&str)| {
        post("$widgets", widget(&format!("w{number}"), &format!("spec: {spec}"))).only(SPEC)
    };
    specs.iter().enumerate().map(create).collect()
}

const NO_OBJECT: &str = r#""Invalid value: 0: the field that .spec.replicas is in is no object""#;

pub(super) const CASES: &[Case] = &[
    Case::calls("fields that the schema does not know are pruned", || {
        widgets(&["{color: red, unknown: 1, whole: {a: x, c: y}, parts: [{name: p, more: 1}]}"])
    }),
    Case::calls("fields are kept where the schema preserves unknown ones", || {
        widgets(&["{anything: {a: {b: [1, {c: null}]}}, free: {k: v}}"])
    }),
    Case::calls("defaults fill what is missing, in lists too", || {
        widgets(&["{}", "{parts: [{name: p}]}", "{color: null}", "{replicas: 0}"])
    }),
    Case::calls("null is kept where it is allowed and dropped or refused where it is not", || {
        widgets(&["{optional: null}", "{size: null}", "{free: null}", "{numbers: null}"])
    }),
    Case::calls("a number or a string, where either is allowed", || {
        widgets(&["{port: 80}", "{port: http}", "{port: 1.5}", "{port: true}"])
    }),
    Case::calls("numbers that are no integers", || {
        widgets(&["{size: 1.0}", "{size: 1.5}", "{ratio: 1}", "{ratio: 0.25}", "{ratio: '1'}"])
    }),
    Case::calls("limits are refused with the field and the limit", || {
        widgets(&[
            "{size: 0}",
            "{size: 11}",
            "{note: 123456789012345678901}",
            "{numbers: [1, 2, 3, 4]}",
            "{color: pink}",
            "{note: 5}",
        ])
    }),
    Case::calls("several faults come in one answer", || {
        widgets(&["{size: 0, color: pink, numbers: [1, 2, 3, 4], parts: [{count: 1}]}"])
    }),
    Case::calls("a list that is a map has each key once", || {
        widgets(&[
            "{parts: [{name: a}, {name: b}]}",
            "{parts: [{name: a}, {name: a}]}",
            "{parts: [{}]}",
        ])
    }),
    Case::calls("a list that is a set has each item once", || {
        widgets(&["{tags: [a, b]}", "{tags: [a, a]}"])
    }),
    Case::calls("an object of the wrong shape is refused", || {
        widgets(&["[1]", "x", "{parts: {a: b}}", "{free: [1]}", "{free: {k: 1}}"])
    })
    .differs(Difference {
        why: "The message does not name Go types.",
        answers: &[
            (1, "/body/~1details~1causes/0/message", NO_OBJECT),
            (2, "/body/~1details~1causes/0/message", NO_OBJECT),
        ],
    }),
    Case::calls("patterns, formats and lengths", || {
        things(
            "{type: object, properties: {p: {type: string, pattern: '^[a-z]+$'}, d: {type: string, format: date-time}, u: {type: string, format: uuid}, i: {type: string, format: ipv4}, b: {type: string, format: byte}, m: {type: string, minLength: 2}, s: {type: string, format: duration}}}",
            &[
                "{p: abc}",
                "{p: ABC}",
                "{d: '2026-01-01T00:00:00Z'}",
                "{d: yesterday}",
                "{u: x}",
                "{i: 1.2.3}",
                "{b: '%'}",
                "{m: é}",
                "{m: éé}",
                "{s: soon}",
                "{s: 1h30m}",
            ],
        )
    }),
    Case::calls("numbers by limits and multiples", || {
        things(
            "{type: object, properties: {a: {type: number, exclusiveMinimum: true, minimum: 0}, b: {type: integer, multipleOf: 5}, c: {type: integer, format: int32}, d: {type: number, exclusiveMaximum: true, maximum: 1}}}",
            &["{a: 0}", "{a: 0.1}", "{b: 7}", "{b: 10}", "{c: 2147483648}", "{d: 1}"],
        )
    }),
    Case::calls("required and counted properties", || {
        things(
            "{type: object, required: [a], maxProperties: 2, properties: {a: {type: string}, b: {type: string}, c: {type: string}, l: {type: array, minItems: 2, items: {type: string}}}}",
            &["{}", "{a: x}", "{a: x, b: y, c: z}", "{a: x, l: [y]}"],
        )
    }),
    Case::calls("anyOf, oneOf, allOf and not", || {
        things(
            "{type: object, properties: {a: {type: integer}, b: {type: integer}}, oneOf: [{required: [a]}, {required: [b]}], not: {properties: {a: {minimum: 100}}, required: [a]}, allOf: [{properties: {a: {maximum: 500}}}]}",
            &["{a: 1}", "{b: 1}", "{}", "{a: 1, b: 2}", "{a: 200}", "{a: 600}"],
        )
    }),
    Case::calls("an embedded object has a kind and a valid name", || {
        things(
            "{type: object, properties: {t: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}}",
            &[
                "{t: {apiVersion: v1, kind: Pod, metadata: {name: a, unknown: x}, spec: {x: y}}}",
                "{t: {kind: Pod}}",
                "{t: {apiVersion: v1, kind: Pod, metadata: {name: A_B}}}",
            ],
        )
    }),
    Case::calls("a default of a whole object, and of one within it", || {
        things(
            "{type: object, default: {}, properties: {o: {type: object, default: {x: 1}, properties: {x: {type: integer}, y: {type: string, default: z}}}, l: {type: array, default: [a], items: {type: string}}}}",
            &["{}", "{o: {}}", "{o: {x: 2, y: w}, l: []}"],
        )
    }),
    Case::calls("an enumeration of values of several types", || {
        things(
            "{type: object, properties: {e: {type: integer, enum: [1, 2]}, s: {type: string, enum: ['', a]}}, x-kubernetes-validations: [{rule: '!has(self.e)'}]}",
            &["{e: 3}", "{s: ''}", "{s: b}", "{e: 1, s: b}"],
        )
    }),
    Case::calls("a rule refuses with its message", || {
        things(
            "{type: object, properties: {min: {type: integer}, max: {type: integer}}, x-kubernetes-validations: [{rule: 'self.min <= self.max', message: min must not exceed max}]}",
            &["{min: 1, max: 2}", "{min: 3, max: 2}", "{min: 3}"],
        )
    }),
    Case::calls("a rule without a message refuses with its text", || {
        things(
            "{type: object, properties: {a: {type: string, x-kubernetes-validations: [{rule: 'self.startsWith(\"x\")'}]}}}",
            &["{a: xy}", "{a: y}"],
        )
    }),
    Case::calls("a rule computes its message", || {
        things(
            "{type: object, properties: {a: {type: string, maxLength: 10}}, x-kubernetes-validations: [{rule: 'self.a.size() < 5', messageExpression: '\"a is \" + self.a + \", which is long\"', message: fallback}]}",
            &["{a: x}", "{a: abcdef}"],
        )
    }),
    Case::calls("a rule has a reason and a field", || {
        let rules = "[{rule: self.a < 10, reason: FieldValueForbidden, fieldPath: .a, message: no}, {rule: 'has(self.b)', reason: FieldValueRequired, fieldPath: .b, message: yes}, {rule: self.a != 5, reason: FieldValueDuplicate, message: twice}]";
        things(
            &format!(
                "{{type: object, properties: {{a: {{type: integer}}, b: {{type: string}}}}, x-kubernetes-validations: {rules}}}"
            ),
            &["{a: 15}", "{a: 5}", "{a: 1, b: x}"],
        )
    }),
    Case::calls("a transition rule compares with the old object", || {
        let mut calls = things(
            "{type: object, properties: {a: {type: integer}, once: {type: string, x-kubernetes-validations: [{rule: self == oldSelf, message: once does not change}]}}, x-kubernetes-validations: [{rule: self.a >= oldSelf.a, message: a does not shrink}]}",
            &["{a: 5, once: x}"],
        );
        calls.extend(
            [
                "{spec: {a: 6}}",
                "{spec: {a: 4}}",
                "{spec: {once: y}}",
                "{spec: {once: null}}",
                "{spec: {once: z}}",
            ]
            .map(|patch| merge_patch(format!("{THINGS}/t0"), patch).only(SPEC)),
        );
        calls
    }),
    Case::calls("a transition rule with an optional old value acts on creation too", || {
        let mut calls = things(
            "{type: object, properties: {a: {type: string, x-kubernetes-validations: [{rule: 'oldSelf.hasValue() ? self == oldSelf.value() : self == \"first\"', optionalOldSelf: true, message: first once}]}}}",
            &["{a: first}", "{a: second}"],
        );
        calls.push(merge_patch(format!("{THINGS}/t0"), "{spec: {a: second}}").only(SPEC));
        calls
    }),
    Case::calls("rules on lists, maps and macros", || {
        things(
            "{type: object, properties: {l: {type: array, maxItems: 5, items: {type: string, maxLength: 5}, x-kubernetes-validations: [{rule: 'self.all(x, x.size() < 4)', message: short ones}, {rule: 'self.exists_one(x, x == \"a\")', message: one a}]}, m: {type: object, additionalProperties: {type: integer}, maxProperties: 5, x-kubernetes-validations: [{rule: 'self.all(k, self[k] > 0)', message: positive}]}}}",
            &["{l: [a, b]}", "{l: [a, a]}", "{l: [a, long5]}", "{m: {x: 1}}", "{m: {x: 0}}"],
        )
    }),
    Case::calls("rules use the libraries of Kubernetes", || {
        let rule = |rule: &str| format!("{{rule: '{rule}', message: '{}'}}", rule.replace('"', ""));
        let rules = [
            "quantity(self.q).isLessThan(quantity(\"2Gi\"))",
            "isURL(self.u) && url(self.u).getScheme() == \"https\"",
            "self.d.find(\"[0-9]+\") != \"\"",
            "self.l.split(\",\").size() == 2",
            "ip(self.i).family() == 4",
            "self.l.lowerAscii() == self.l",
        ]
        .map(rule)
        .join(", ");
        let properties = "q: {type: string, maxLength: 20}, u: {type: string, maxLength: 50}, d: {type: string, maxLength: 20}, l: {type: string, maxLength: 20}, i: {type: string, maxLength: 20}";
        things(
            &format!(
                "{{type: object, properties: {{{properties}}}, x-kubernetes-validations: [{rules}]}}"
            ),
            &[
                "{q: 1Gi, u: 'https://x', d: a1, l: 'a,b', i: 10.0.0.1}",
                "{q: 3Gi, u: 'http://x', d: a, l: A, i: '::1'}",
            ],
        )
    }),
    Case::calls("a rule on the whole object sees its name", || {
        let names = "names: {plural: things, kind: Thing}";
        let schema = "{openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {a: {type: string}}}}, x-kubernetes-validations: [{rule: 'self.metadata.name.startsWith(\"good\")', message: a good name}]}}";
        let spec = format!(
            "spec: {{group: $group, scope: Namespaced, {names}, versions: [{{name: v1, served: true, storage: true, schema: {schema}}}]}}"
        );
        let definition = object(
            "apiextensions.k8s.io/v1, kind: CustomResourceDefinition",
            "things.$group",
            &spec,
        );
        vec![
            post("$crds", definition).quiet(),
            get("/apis/$group/v1/things").until(200).quiet(),
            thing("good-one", "{a: x}"),
            thing("bad", "{a: x}"),
        ]
    }),
    Case::calls("a rule that fails to compute refuses", || {
        things(
            "{type: object, properties: {a: {type: integer}, m: {type: object, additionalProperties: {type: string}}}, x-kubernetes-validations: [{rule: '10 / self.a > 1', message: division}, {rule: 'self.m[\"k\"] == \"v\"', message: key}]}",
            &["{a: 0, m: {k: v}}", "{a: 2, m: {}}"],
        )
    }),
    Case::calls("rules are not run where the types are wrong already", || {
        things(
            "{type: object, required: [a], properties: {a: {type: integer}}, x-kubernetes-validations: [{rule: self.a > 5, message: big}]}",
            &["{a: x}", "{}"],
        )
    }),
    Case::calls("what an update did not touch is not checked again", || {
        let mut calls = defined(
            "{type: object, properties: {a: {type: string, enum: [x, y]}, l: {type: array, maxItems: 3, items: {type: string}}, b: {type: string}}}",
        );
        calls.extend([thing("a", "{a: x, l: [a, b]}"), json_patch("$crds/things.$group", "[{op: replace, path: /spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/a/enum, value: [y]}]").quiet()]);
        calls.extend([
            post(
                format!("{THINGS}?dryRun=All"),
                object("$group/v1, kind: Thing", "b", "spec: {a: x}"),
            )
            .until(422)
            .quiet_any(),
            merge_patch(format!("{THINGS}/a"), "{spec: {b: z}}").only(SPEC),
            merge_patch(format!("{THINGS}/a"), "{spec: {a: z}}").only(SPEC),
        ]);
        calls
    }),
    Case::calls("apiVersion, kind and metadata are kept whatever the schema says", || {
        vec![
            post("$widgets", widget("a, labels: {x: y}, annotations: {p: q}", ""))
                .save("rv", "/metadata/resourceVersion"),
            put(
                "$widgets/a",
                widget("a, resourceVersion: '$rv', annotations: {r: s}", "spec: {size: 1}"),
            ),
        ]
    }),
];
