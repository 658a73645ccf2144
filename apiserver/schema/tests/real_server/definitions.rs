//! Schemas that a CustomResourceDefinition may have, and those that it may not.

use apiserver_schema::check_structural;
use serde_json::{Value, json};

use crate::server::{Answer, Causes, DEFINITIONS, SCHEMA_PATH, causes, client, definition, send};

/// A schema with this property below the root.
fn field(schema: &Value) -> Value {
    json!({ "type": "object", "properties": { "x": schema } })
}

#[allow(clippy::too_many_lines)]
fn cases() -> Vec<(&'static str, Value)> {
    let text = json!({ "type": "string" });
    vec![
        ("all is well", field(&text)),
        ("no type", field(&json!({}))),
        ("no type at the root", json!({ "properties": { "x": text } })),
        ("a list at the root", json!({ "type": "array", "items": text })),
        ("an unknown type", field(&json!({ "type": "float" }))),
        ("the null type", field(&json!({ "type": "null" }))),
        ("a list without items", field(&json!({ "type": "array" }))),
        ("items without a type", field(&json!({ "type": "array", "items": {} }))),
        ("a list of items schemas", field(&json!({ "type": "array", "items": [text] }))),
        ("a map at the root", json!({ "type": "object", "additionalProperties": text })),
        (
            "a map with properties",
            field(
                &json!({ "type": "object", "properties": { "a": text }, "additionalProperties": text }),
            ),
        ),
        (
            "a closed object with properties",
            field(
                &json!({ "type": "object", "properties": { "a": text }, "additionalProperties": false }),
            ),
        ),
        (
            "an open object with properties",
            field(
                &json!({ "type": "object", "properties": { "a": text }, "additionalProperties": true }),
            ),
        ),
        ("a map without a type", field(&json!({ "type": "object", "additionalProperties": {} }))),
        ("unique items", field(&json!({ "type": "array", "items": text, "uniqueItems": true }))),
        ("a reference", field(&json!({ "type": "string", "$ref": "#/x" }))),
        (
            "definitions",
            field(&json!({ "type": "string", "definitions": { "a": text }, "id": "x" })),
        ),
        (
            "pattern properties",
            field(&json!({ "type": "object", "patternProperties": { "a": text } })),
        ),
        ("dependencies", field(&json!({ "type": "object", "dependencies": { "a": ["b"] } }))),
        (
            "a schema of schemas",
            field(&json!({ "type": "object", "$schema": "http://json-schema.org" })),
        ),
        (
            "additional items",
            field(&json!({ "type": "array", "items": text, "additionalItems": false })),
        ),
        ("a broken pattern", field(&json!({ "type": "string", "pattern": "a(" }))),
        ("a pattern with look-around", field(&json!({ "type": "string", "pattern": "(?!a)b" }))),
        (
            "a pattern of Go",
            field(&json!({ "type": "string", "pattern": r"^[\w-.]{1,1000}\Q*\E$" })),
        ),
        (
            "metadata with a label",
            json!({ "type": "object", "properties": { "metadata": { "type": "object", "properties": { "labels": { "type": "object" } } } } }),
        ),
        (
            "metadata with a name",
            json!({ "type": "object", "properties": { "metadata": { "type": "object", "properties": { "name": { "type": "string", "maxLength": 5 } } } } }),
        ),
        (
            "metadata with a description",
            json!({ "type": "object", "properties": { "metadata": { "type": "object", "description": "d" } } }),
        ),
        (
            "metadata that is a string",
            json!({ "type": "object", "properties": { "metadata": text, "kind": { "type": "integer" } } }),
        ),
        (
            "a default in metadata",
            json!({ "type": "object", "properties": { "metadata": { "type": "object", "properties": { "name": { "type": "string", "default": "x" } } } } }),
        ),
        (
            "forbidden words below junctions",
            field(&json!({ "type": "object", "properties": { "a": text }, "anyOf": [
            { "type": "object", "description": "d", "title": "t", "nullable": true, "default": {} },
            { "properties": { "a": { "type": "string", "x-kubernetes-int-or-string": true } } },
        ], "not": { "additionalProperties": text, "x-kubernetes-preserve-unknown-fields": true } })),
        ),
        (
            "more forbidden words below junctions",
            field(&json!({ "type": "array", "items": text, "allOf": [
            { "x-kubernetes-list-type": "set", "items": { "x-kubernetes-validations": [{ "rule": "true" }] } },
        ], "oneOf": [{ "x-kubernetes-map-type": "atomic" }] })),
        ),
        (
            "metadata below a junction",
            json!({ "type": "object", "properties": { "metadata": { "type": "object" } }, "anyOf": [{ "properties": { "metadata": {} } }] }),
        ),
        (
            "an undeclared field below a junction",
            field(&json!({ "type": "object", "properties": { "a": text }, "oneOf": [
            { "required": ["a"] }, { "properties": { "b": { "minLength": 1 } } }, { "items": { "minLength": 1 } },
        ] })),
        ),
        (
            "a map of type map without keys",
            field(
                &json!({ "type": "array", "items": { "type": "object" }, "x-kubernetes-list-type": "map" }),
            ),
        ),
        (
            "a list map with a missing key",
            field(
                &json!({ "type": "array", "items": { "type": "object", "properties": { "a": text } }, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["b", "b"] }),
            ),
        ),
        (
            "a list map with an optional key",
            field(
                &json!({ "type": "array", "items": { "type": "object", "nullable": true, "properties": { "a": { "type": "string", "nullable": true } } }, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"] }),
            ),
        ),
        (
            "a list map keyed by an object",
            field(
                &json!({ "type": "array", "items": { "type": "object", "required": ["a"], "properties": { "a": { "type": "object" } } }, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"] }),
            ),
        ),
        (
            "a list map of strings",
            field(
                &json!({ "type": "array", "items": text, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"] }),
            ),
        ),
        (
            "keys without a list type",
            field(&json!({ "type": "array", "items": text, "x-kubernetes-list-map-keys": ["a"] })),
        ),
        (
            "a set of objects",
            field(
                &json!({ "type": "array", "items": { "type": "object" }, "x-kubernetes-list-type": "set" }),
            ),
        ),
        (
            "a set of sets",
            field(
                &json!({ "type": "array", "items": { "type": "array", "items": text, "x-kubernetes-list-type": "set" }, "x-kubernetes-list-type": "set" }),
            ),
        ),
        (
            "a set of nullable strings",
            field(
                &json!({ "type": "array", "items": { "type": "string", "nullable": true }, "x-kubernetes-list-type": "set" }),
            ),
        ),
        (
            "an unknown list type",
            field(&json!({ "type": "array", "items": text, "x-kubernetes-list-type": "bag" })),
        ),
        (
            "a list type on an object",
            field(&json!({ "type": "object", "x-kubernetes-list-type": "set" })),
        ),
        (
            "a map type on a string",
            field(&json!({ "type": "string", "x-kubernetes-map-type": "loose" })),
        ),
        (
            "an int-or-string",
            field(
                &json!({ "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] }),
            ),
        ),
        (
            "an int-or-string in allOf",
            field(
                &json!({ "x-kubernetes-int-or-string": true, "allOf": [{ "anyOf": [{ "type": "integer" }, { "type": "string" }] }, { "maximum": 3 }] }),
            ),
        ),
        (
            "an int-or-string the wrong way round",
            field(
                &json!({ "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
            ),
        ),
        (
            "an int-or-string that keeps unknown fields",
            field(
                &json!({ "x-kubernetes-int-or-string": true, "x-kubernetes-preserve-unknown-fields": true }),
            ),
        ),
        (
            "an embedded resource of no type",
            field(
                &json!({ "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true }),
            ),
        ),
        (
            "an embedded resource of nothing",
            field(&json!({ "type": "object", "x-kubernetes-embedded-resource": true })),
        ),
        (
            "an embedded resource that is a map",
            field(
                &json!({ "type": "object", "x-kubernetes-embedded-resource": true, "additionalProperties": text }),
            ),
        ),
        (
            "unknown fields are not kept",
            field(&json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": false })),
        ),
        ("a default of the wrong type", field(&json!({ "type": "string", "default": 5 }))),
        (
            "a default with an unknown field",
            field(&json!({ "type": "object", "properties": { "a": text }, "default": { "b": 1 } })),
        ),
        (
            "a default without a required field",
            field(
                &json!({ "type": "object", "properties": { "a": text }, "required": ["a"], "default": {} }),
            ),
        ),
        (
            "a default that is not allowed",
            field(
                &json!({ "type": "array", "items": { "type": "string", "enum": ["a"], "default": "b" } }),
            ),
        ),
        ("a default of null", field(&json!({ "type": "string", "default": null }))),
        (
            "a boolean default of an int-or-string",
            field(&json!({ "x-kubernetes-int-or-string": true, "default": true })),
        ),
        (
            "a default embedded resource without a kind",
            field(
                &json!({ "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true, "default": { "apiVersion": "v1" } }),
            ),
        ),
        (
            "blank rules",
            field(
                &json!({ "type": "string", "x-kubernetes-validations": [{ "rule": " " }, { "rule": "true", "message": " ", "reason": "Odd" }] }),
            ),
        ),
    ]
}

async fn refusal(client: &kube::Client, schema: &Value) -> Causes {
    let definition = definition("scratches", "Scratch", schema);
    match send(client, "POST", &format!("{DEFINITIONS}?dryRun=All"), &definition).await {
        Answer::Object(_) => Causes::new(),
        Answer::Refused { causes, message } => {
            assert!(!causes.is_empty(), "{message}");
            causes
        }
    }
}

#[tokio::test]
async fn schemas_are_refused_as_the_server_refuses_them() {
    let client = client().await;
    let mut differences = Vec::new();
    for (name, schema) in cases() {
        let expected = refusal(&client, &schema).await;
        let found = causes(&check_structural(&schema, SCHEMA_PATH));
        if found != expected {
            let missing: Vec<_> = expected.difference(&found).collect();
            let extra: Vec<_> = found.difference(&expected).collect();
            differences.push(format!(
                "{name}:\n  the server alone says {missing:#?}\n  this crate alone says {extra:#?}"
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
