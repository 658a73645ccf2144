#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

fn validator(spec: &Value) -> Validator {
    let schema = json!({ "type": "object", "properties": { "spec": spec } });
    Validator::compile(Arc::new(Schema::from_openapi(&schema, "s").unwrap()))
}

fn faults(spec: &Value, value: Value, old: Option<Value>) -> Vec<String> {
    let whole =
        |spec: Value| json!({ "apiVersion": "a/v1", "kind": "A", "metadata": {}, "spec": spec });
    let errors = validator(spec).validate(&whole(value), old.map(whole).as_ref());
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn faults_are_told_in_the_words_of_kubernetes() {
    let cases = [
        (
            json!({ "type": "integer" }),
            json!("string"),
            "spec: Invalid value: \"string\": spec in body must be of type integer: \"string\"",
        ),
        (
            json!({ "type": "string", "enum": ["a", "b"] }),
            json!("x"),
            "spec: Unsupported value: \"x\": supported values: \"a\", \"b\"",
        ),
        (
            json!({ "type": "integer", "maximum": 10 }),
            json!(11),
            "spec: Invalid value: 11: spec in body should be less than or equal to 10",
        ),
        (
            json!({ "type": "string", "maxLength": 1 }),
            json!("ab"),
            "spec: Too long: may not be more than 1 byte",
        ),
        (
            json!({ "type": "array", "maxItems": 1, "items": {} }),
            json!([1, 2]),
            "spec: Too many: 2: must have at most 1 item",
        ),
        (json!({ "type": "object", "required": ["a"] }), json!({}), "spec.a: Required value"),
        (
            json!({ "type": "string", "pattern": "^a" }),
            json!("b"),
            "spec: Invalid value: \"b\": spec in body should match '^a'",
        ),
        (
            json!({ "type": "string", "format": "date" }),
            json!("b"),
            "spec: Invalid value: \"b\": spec in body must be of type date: \"b\"",
        ),
        (
            json!({ "not": {} }),
            json!(1),
            "<nil>: Invalid value: \"\": \"spec\" must not validate the schema (not)",
        ),
        (
            json!({ "type": "object", "additionalProperties": false }),
            json!({ "a": 1 }),
            "spec: Invalid value: \"a\": spec.a in body is a forbidden property",
        ),
        (
            json!({ "type": "string", "pattern": "(" }),
            json!("a"),
            "spec: Invalid value: \"a\": spec in body should match '(, but pattern is invalid: error parsing regexp: missing closing ): `(`'",
        ),
    ];
    for (schema, value, expected) in cases {
        assert_eq!(faults(&schema, value, None), [expected]);
    }
}

#[test]
fn the_alternative_that_came_furthest_is_told() {
    let schema = json!({ "type": "object", "properties": { "b": { "type": "string" } },
        "anyOf": [{ "required": ["a"] }, { "required": ["b"], "properties": { "b": { "minLength": 3 } } }] });
    assert_eq!(
        faults(&schema, json!({ "b": "x" }), None),
        [
            "<nil>: Invalid value: \"\": \"spec\" must validate at least one schema (anyOf)",
            "spec.b: Invalid value: \"x\": spec.b in body should be at least 3 chars long",
        ]
    );
}

#[test]
fn what_did_not_change_is_not_refused() {
    let schema = json!({ "type": "object", "properties": {
        "a": { "type": "string", "maxLength": 1 }, "b": { "type": "integer" },
        "list": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": { "type": "object", "properties": { "k": { "type": "string" }, "n": { "type": "integer", "maximum": 5 } } } },
    } });
    let old = json!({ "a": "long", "list": [{ "k": "x", "n": 9 }, { "k": "y", "n": 1 }] });
    let reordered =
        json!({ "a": "long", "b": 1, "list": [{ "k": "y", "n": 2 }, { "k": "x", "n": 9 }] });
    assert_eq!(faults(&schema, reordered, Some(old.clone())), [""; 0]);
    let changed = json!({ "a": "longer", "list": [{ "k": "z", "n": 9 }] });
    assert_eq!(
        faults(&schema, changed, Some(old)),
        [
            "spec.a: Too long: may not be more than 1 byte",
            "spec.list[0].n: Invalid value: 9: spec.list[0].n in body should be less than or equal to 5",
        ]
    );
}

#[test]
fn duplicates_stay_where_they_were_allowed_before() {
    let schema =
        json!({ "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } });
    assert_eq!(
        faults(&schema, json!(["a", "a", "a"]), Some(json!(["a"]))),
        ["spec[1]: Duplicate value: \"a\""]
    );
    assert_eq!(faults(&schema, json!(["a", "a", "b"]), Some(json!(["b", "b"]))), [""; 0]);
}

#[test]
fn a_part_is_validated_below_its_place() {
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "not": { "required": ["x"] } });
    let status = Validator::compile(Arc::new(Schema::from_openapi(&schema, "s").unwrap()));
    let errors = status.validate_below("status", &json!({ "n": "a", "x": 1 }), None);
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "status: Invalid value: \"\": \"\" must not validate the schema (not)",
            "status.n: Invalid value: \"string\": n in body must be of type integer: \"string\"",
        ]
    );
}

#[test]
fn unknown_fields_are_removed_and_told() {
    let spec = json!({ "type": "object", "properties": {
        "list": { "type": "array", "items": { "type": "object", "properties": { "a": {} } } },
        "open": { "type": "object", "additionalProperties": true },
        "kept": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        "resource": { "type": "object", "x-kubernetes-embedded-resource": true },
    } });
    let mut object = json!({ "apiVersion": "a", "kind": "A", "metadata": { "x": 1 }, "z": 1, "spec": {
        "list": [{ "a": 1, "b": 1 }], "open": { "a": 1, "b": { "c": 1 } }, "kept": { "a": { "b": 1 } },
        "resource": { "kind": "A", "metadata": { "y": 1 }, "spec": {} },
    } });
    let removed = validator(&spec).prune(&mut object, true);
    assert_eq!(removed, ["spec.list[0].b", "spec.open.b.c", "spec.resource.spec", "z"]);
    assert_eq!(
        object,
        json!({ "apiVersion": "a", "kind": "A", "metadata": { "x": 1 }, "spec": {
        "list": [{ "a": 1 }], "open": { "a": 1, "b": {} }, "kept": { "a": { "b": 1 } },
        "resource": { "kind": "A", "metadata": { "y": 1 } },
    } })
    );
}

#[test]
fn lists_of_lists_of_nothing_known_end_at_some_depth() {
    let mut value = json!([{ "a": 1 }]);
    for _ in 0..1_000 {
        value = Value::Array(vec![value]);
    }
    let mut object = json!({ "spec": { "a": value } });
    let spec = json!({ "type": "object", "additionalProperties": true });
    assert_eq!(validator(&spec).prune(&mut object, true), [""; 0]);
}

#[test]
fn defaults_are_filled_in_at_every_depth() {
    let spec = json!({ "type": "object", "default": {}, "properties": {
        "a": { "type": "string", "default": "x" },
        "n": { "type": "string", "nullable": true, "default": "y" },
        "plain": { "type": "string" },
        "map": { "type": "object", "default": { "k": {} }, "additionalProperties": { "type": "object", "properties": { "v": { "type": "integer", "default": 1 } } } },
        "list": { "type": "array", "items": { "type": "string", "default": "i" } },
    } });
    let mut object = json!({});
    validator(&spec).apply_defaults(&mut object);
    assert_eq!(object, json!({ "spec": { "a": "x", "n": "y", "map": { "k": { "v": 1 } } } }));
    let mut object = json!({ "spec": { "a": null, "n": null, "plain": null, "map": { "k": { "v": null } }, "list": [null, "b"] } });
    validator(&spec).apply_defaults(&mut object);
    assert_eq!(
        object,
        json!({ "spec": { "a": "x", "n": null, "map": { "k": { "v": 1 } }, "list": ["i", "b"] } })
    );
}

#[test]
fn a_null_that_was_applied_stays_unless_a_default_replaces_it() {
    let spec = json!({ "type": "object", "properties": {
        "a": { "type": "string", "default": "x" },
        "plain": { "type": "string" },
    } });
    let mut object = json!({ "spec": { "a": null, "plain": null } });
    validator(&spec).apply_defaults_keeping_nulls(&mut object);
    assert_eq!(object, json!({ "spec": { "a": "x", "plain": null } }));
}
