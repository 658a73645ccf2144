use serde_json::json;

use super::*;

fn parsed(text: &str) -> LabelSelector {
    LabelSelector::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

/// What `labels.Parse` of Kubernetes 1.37 answers, with the selector as it writes it again.
#[test]
fn a_text_is_read_as_kubernetes_reads_it() {
    for (text, written) in [
        ("", ""),
        ("a", "a"),
        ("!a", "!a"),
        ("a=1", "a=1"),
        ("a!=1", "a!=1"),
        ("b,a=1", "a=1,b"),
        (" a , b ", "a,b"),
        ("a = b", "a=b"),
        ("a=", "a="),
        ("a=,b", "a=,b"),
        ("a in (2, 3)", "a in (2,3)"),
        ("a in(b)", "a in (b)"),
        ("a notin (3,2,3),x/y", "a notin (2,3),x/y"),
        ("a in ()", "a in ()"),
        ("a in (,)", "a in ()"),
        ("a in (a,,b)", "a in (,a,b)"),
        ("in in (in)", "in in (in)"),
        ("notin notin (notin)", "notin notin (notin)"),
        ("a>0", "a>0"),
        ("a<10", "a<10"),
    ] {
        assert_eq!(parsed(text).to_string(), written, "{text}");
    }
}

#[test]
fn a_text_that_is_no_selector_is_refused_as_kubernetes_refuses_it() {
    for (text, why) in [
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("=1", "found '=', expected: !, identifier, or 'end of string'"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a,", "found '', expected: identifier after ','"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a!b", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in 1", "unable to parse requirement: found '1' expected: '('"),
        ("a notin", "unable to parse requirement: found '' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        (
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must \
             be an integer",
        ),
    ] {
        assert_eq!(LabelSelector::parse(text), Err(why.to_owned()), "{text}");
    }
}

#[test]
fn a_wrong_key_or_value_is_named_with_its_place() {
    for (text, beginning) in [
        (
            "-a",
            "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of",
        ),
        (
            "a=_",
            "unable to parse requirement: values[0][a]: Invalid value: \"_\": a valid label must be",
        ),
        (
            "a>-5",
            "unable to parse requirement: values[0][a]: Invalid value: \"-5\": a valid label must be",
        ),
        (
            "a in (_,-)",
            "unable to parse requirement: [values[0][a]: Invalid value: \"-\": a valid label",
        ),
    ] {
        let why = LabelSelector::parse(text).expect_err(text);
        assert!(why.starts_with(beginning), "{why}");
    }
}

#[test]
fn a_text_selects_by_all_that_it_says() {
    let labels = json!({"a": "1", "x/y": "z"});
    for (text, expected) in [
        ("", true),
        ("a", true),
        ("!a", false),
        ("b", false),
        ("!b", true),
        ("a=1", true),
        ("a==1,x/y=z", true),
        ("a!=1", false),
        ("b!=1", true),
        ("a in (1,2)", true),
        ("a in (2, 3)", false),
        ("a notin (2,3),x/y", true),
        ("b notin (1)", true),
        ("a>0", true),
        ("a<1", false),
        ("x/y>0", false),
    ] {
        assert_eq!(parsed(text).selects(&labels), expected, "{text}");
    }
}

fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]})
}

#[test]
fn an_object_selects_by_all_that_it_says() {
    let labels = json!({"a": "1", "b": "2"});
    for (selector, expected) in [
        (json!({}), true),
        (json!({"matchLabels": {"a": "1"}}), true),
        (json!({"matchLabels": {"a": "1", "b": "1"}}), false),
        (json!({"matchLabels": {"c": "1"}}), false),
        (expression("a", "In", &["1", "2"]), true),
        (expression("a", "In", &["2"]), false),
        (expression("c", "In", &["2"]), false),
        (expression("c", "NotIn", &["2"]), true),
        (expression("b", "NotIn", &["2"]), false),
        (expression("a", "Exists", &[]), true),
        (expression("a", "DoesNotExist", &[]), false),
        (expression("c", "DoesNotExist", &[]), true),
    ] {
        let read = LabelSelector::read(&selector, &Path::Root).expect("the selector is good");
        assert_eq!(read.selects(&labels), expected, "{selector}");
    }
    let read = LabelSelector::read(&json!({"matchLabels": {"a": "1"}}), &Path::Root);
    assert!(!read.expect("the selector is good").selects(&Value::Null));
}

#[test]
fn an_object_is_written_sorted_by_key() {
    let selector = json!({"matchLabels": {"z": "1", "a": "2"}, "matchExpressions": [
        {"key": "c", "operator": "In", "values": ["y", "x"]}, {"key": "b", "operator": "DoesNotExist"},
        {"key": "d", "operator": "Exists"}, {"key": "e", "operator": "NotIn", "values": ["v"]}]});
    let read = LabelSelector::read(&selector, &Path::Root).expect("the selector is good");
    assert_eq!(read.to_string(), "a=2,!b,c in (x,y),d,e notin (v),z=1");
}

#[test]
fn an_object_that_is_no_selector_is_refused_with_the_place() {
    let spec = Path::Property(&Path::Root, "selector");
    for (selector, places) in [
        (expression("a", "Like", &[]), vec!["selector.matchExpressions[0].operator"]),
        (expression("a", "In", &[]), vec!["selector.matchExpressions[0].values"]),
        (expression("a", "Exists", &["b"]), vec!["selector.matchExpressions[0].values"]),
        (expression("-", "In", &["b"]), vec!["selector.matchExpressions[0].key"]),
        (expression("a", "In", &["b", "-"]), vec!["selector.matchExpressions[0].values[1]"]),
        (json!({"matchLabels": {"-": "_"}}), vec!["selector.matchLabels", "selector.matchLabels"]),
    ] {
        let faults = LabelSelector::read(&selector, &spec).expect_err("the selector is wrong");
        let found: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(found, places, "{selector}");
    }
}
