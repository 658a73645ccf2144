#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};

use super::*;

fn faults(schema: &Value) -> Vec<String> {
    check_structural(schema, "s").iter().map(ToString::to_string).collect()
}

#[test]
fn a_structural_schema_is_accepted() {
    let schema = json!({ "type": "object", "properties": {
        "metadata": { "type": "object", "properties": { "name": { "type": "string", "maxLength": 5 } } },
        "spec": { "type": "object", "properties": {
            "port": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] },
            "list": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"],
                "items": { "type": "object", "properties": { "a": { "type": "string", "default": "x" } } } },
        } },
    } });
    assert_eq!(faults(&schema), [""; 0]);
}

#[test]
fn faults_of_structure_come_sorted_and_before_those_of_nodes() {
    let schema = json!({ "type": "object", "properties": { "b": {}, "a": { "type": "array", "uniqueItems": true } } });
    assert_eq!(
        faults(&schema),
        [
            "s.properties[a].items: Required value: must be specified",
            "s.properties[b].type: Required value: must not be empty for specified object fields",
            "s.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
        ]
    );
}

#[test]
fn defaults_are_checked_when_the_structure_is_sound() {
    let schema =
        json!({ "type": "object", "properties": { "a": { "type": "string", "default": 5 } } });
    assert_eq!(
        faults(&schema),
        [
            "s.properties[a].default: Invalid value: \"integer\":  in body must be of type string: \"integer\"",
        ]
    );
}

#[test]
fn a_construct_that_no_structural_schema_holds_is_told_where_nothing_else_is_wrong() {
    let schema = json!({ "type": "object", "$schema": "x" });
    assert_eq!(
        faults(&schema),
        ["s: Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported"]
    );
}

#[test]
fn a_schema_that_nests_without_end_is_refused() {
    let mut schema = json!({ "type": "string" });
    for _ in 0..2_000 {
        schema = Value::Object(
            [("type".to_owned(), json!("array")), ("items".to_owned(), schema)]
                .into_iter()
                .collect(),
        );
    }
    assert_eq!(faults(&schema), ["s: Forbidden: must not be nested deeper than 128 levels"]);
    let unread = Schema::from_openapi(&schema, "s").unwrap_err();
    assert!(unread[0].detail.contains("128 levels"), "{unread:?}");
}

#[test]
fn beside_a_status_subresource_the_root_says_little() {
    assert_eq!(
        check_status_root(
            &json!({ "type": "object", "description": "d", "required": ["spec"] }),
            "s"
        ),
        []
    );
    for schema in [
        json!({ "type": "object", "anyOf": [{}] }),
        json!({ "type": "array" }),
        json!({ "maxProperties": 3 }),
    ] {
        assert_eq!(check_status_root(&schema, "s").len(), 1, "{schema}");
    }
}

#[test]
fn a_keyword_of_the_wrong_type_is_refused() {
    let schema =
        json!({ "type": "object", "properties": { "a": { "type": "string", "maxLength": "x" } } });
    assert_eq!(
        faults(&schema),
        ["s.properties[a].maxLength: Invalid value: \"x\": must be a whole number"]
    );
}
