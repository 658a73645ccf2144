//! Messages are made, compared and refused as on a Kubernetes API server, where mutating policies make patches of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::{Arc, LazyLock};

use cel_language::{
    Budget, Environment, Evaluator, Fault, Functions, ObjectType, Program, Type, Value, library,
    shown, to_json,
};

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::new(&library::ALL));

fn patch_type() -> Arc<ObjectType> {
    let texts = ["op", "path", "from"].map(|name| (name.to_owned(), Type::String));
    let value = ("value".to_owned(), Type::Dyn);
    Arc::new(ObjectType::plain("JSONPatch", texts.into_iter().chain([value])))
}

fn compiled(source: &str) -> Result<Program, String> {
    let messages = vec![patch_type()];
    Program::compile(source, &Environment { globals: Vec::new(), functions: &FUNCTIONS, messages })
}

fn evaluated<T>(source: &str, look: impl FnOnce(&Value<'_>) -> T) -> Result<T, String> {
    let program = compiled(source).unwrap();
    let budget = Budget::new(1_000_000, 10_000_000);
    match Evaluator::new(Vec::new(), &budget).run(&program) {
        Ok(value) => Ok(look(&value)),
        Err(Fault::Evaluation(message)) => Err(message),
        Err(Fault::Budget) => Err("budget".to_owned()),
    }
}

fn issues(source: &str) -> Vec<String> {
    let text = compiled(source).unwrap_err();
    let issues = text.lines().filter_map(|line| line.strip_prefix("ERROR: <input>:"));
    issues.map(str::to_owned).collect()
}

#[test]
fn a_message_has_the_fields_that_were_set() {
    let source = "JSONPatch{op: 'add', path: '/a', value: [1, 2]}";
    let fields = evaluated(source, |value| {
        let Value::Message(message) = value else { panic!("{value:?}") };
        ["op", "path", "from", "value"].map(|name| message.field(name).map(shown))
    });
    let wanted = [Some("add"), Some("/a"), None, Some("list")];
    assert_eq!(fields.unwrap(), wanted.map(|text| text.map(str::to_owned)));
}

#[test]
fn expressions_read_and_compare_messages() {
    for truth in [
        "JSONPatch{op: 'add'}.op == 'add'",
        "JSONPatch{}.from == '' && JSONPatch{}.value == null",
        "has(JSONPatch{op: 'a'}.op) && !has(JSONPatch{op: ''}.op) && !has(JSONPatch{}.value)",
        "has(JSONPatch{value: null}.value)",
        "JSONPatch{op: 'a'} == JSONPatch{op: 'a', from: ''}",
        "JSONPatch{op: 'a'} != JSONPatch{op: 'a', value: null}",
        "JSONPatch{op: 'a', op: 'b'}.op == 'b'",
        "!has(JSONPatch{?op: optional.none()}.op) && JSONPatch{?op: optional.of('x')}.op == 'x'",
        "[JSONPatch{op: 'a'}, .JSONPatch{op: 'b'}].filter(one, one.op == 'b').size() == 1",
    ] {
        assert_eq!(evaluated(truth, shown), Ok("true".to_owned()), "{truth}");
    }
}

#[test]
fn what_does_not_fit_a_message_is_refused_when_it_is_compiled() {
    let cases = [
        (
            "JSONPatch{op: 'add', path: 1}",
            "1:26: expected type of field 'path' is 'string' but provided type is 'int'",
        ),
        (
            "JSONPatch{op: null}",
            "1:13: expected type of field 'op' is 'string' but provided type is 'null'",
        ),
        (
            "JSONPatch{strange: 1}",
            "1:18: expected type of field 'strange' is '' but provided type is 'int'",
        ),
        ("JSONPatch{?op: 'a'}", "1:16: expected type 'optional_type(string)' but found 'string'"),
        ("JSONPatch{op: none}", "1:15: undeclared reference to 'none' (in container '')"),
        ("[JSONPatch{}, 1]", "1:15: expected type 'JSONPatch' but found 'int'"),
        ("Strange{op: 1}", "1:8: undeclared reference to 'Strange' (in container '')"),
    ];
    for (source, issue) in cases {
        assert_eq!(issues(source), [issue], "{source}");
    }
}

#[test]
fn what_is_dynamic_is_refused_when_it_is_evaluated() {
    let outcome = |source| evaluated(source, shown).unwrap_err();
    assert_eq!(
        outcome("JSONPatch{op: dyn(1)}"),
        "unexpected type int64 for JSONPatchType 'op' field"
    );
    assert_eq!(outcome("JSONPatch{strange: dyn(1)}"), "unexpected JSONPatchType field: strange");
}

#[test]
fn without_such_a_type_there_is_no_message() {
    let environment =
        Environment { globals: Vec::new(), functions: &FUNCTIONS, messages: Vec::new() };
    let refused = Program::compile("JSONPatch{op: nobody}", &environment).unwrap_err();
    assert!(refused.contains("1:10: undeclared reference to 'JSONPatch'"), "{refused}");
}

#[test]
fn an_empty_list_is_of_the_type_that_it_stands_beside() {
    let kind = |source| compiled(source).unwrap().result.to_string();
    assert_eq!(kind("true ? [JSONPatch{}] : []"), "list(JSONPatch)");
    assert_eq!(kind("true ? [] : [JSONPatch{}]"), "list(JSONPatch)");
    assert_eq!(kind("[JSONPatch{}] + []"), "list(JSONPatch)");
    assert_eq!(kind("[] + [JSONPatch{}]"), "list(JSONPatch)");
    assert_eq!(kind("[]"), "list(dyn)");
    assert_eq!(kind("true ? [JSONPatch{}] : dyn([])"), "dyn");
    assert_eq!(kind("[[], [1]]"), "list(list(int))");
}

#[test]
fn values_are_json_as_protobuf_has_it() {
    let json = |source: &str| evaluated(source, to_json).unwrap();
    let text = |source: &str| json(source).unwrap().to_string();
    let values = [
        ("1", "1"),
        ("2.0", "2"),
        ("2.5", "2.5"),
        ("3u", "3"),
        ("'a'", "\"a\""),
        ("b'ab'", "\"YWI=\""),
        ("true", "true"),
        ("null", "null"),
        ("timestamp('2020-01-01T00:00:00Z')", "\"2020-01-01T00:00:00Z\""),
        ("duration('90s')", "\"90s\""),
        ("9007199254740993", "\"9007199254740993\""),
        ("{'a': optional.of([1])}", "{\"a\":[1]}"),
    ];
    for (source, wanted) in values {
        assert_eq!(text(source), wanted, "{source}");
    }
    assert_eq!(json("{1: 'a'}").unwrap_err(), "unsupported type conversion from 'int' to string");
    assert_eq!(json("type(1)").unwrap_err(), "type conversion not supported for 'type'");
    assert!(json("0.0 / 0.0").unwrap_err().ends_with("invalid NaN value"));
}
