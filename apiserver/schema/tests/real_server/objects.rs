//! Objects of one definition with a field for each rule.

use std::sync::Arc;

use apiserver_schema::{Schema, Validator, check_structural};
use kube::Client;
use meshroot_testkit::wait;
use serde_json::{Value, json};

use crate::server::{
    Answer, Causes, DEFINITIONS, GROUP, SCHEMA_PATH, causes, client, definition, send,
};

fn schema() -> Value {
    json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": fields() } } })
}

fn fields() -> Value {
    let (text, name) = (
        json!({ "type": "string" }),
        json!({ "type": "object", "properties": { "name": { "type": "string" } } }),
    );
    json!({
        "text": { "type": "string", "minLength": 2, "maxLength": 4, "pattern": "^a" },
        "short": { "type": "string", "maxLength": 1 },
        "nullable": { "type": "string", "nullable": true },
        "choice": { "type": "string", "enum": ["a", "b"] },
        "level": { "type": "number", "enum": [1, 2.5] },
        "nullableChoice": { "type": "string", "nullable": true, "enum": ["a", null] },
        "whole": { "type": "integer", "minimum": 2, "maximum": 10 },
        "small": { "type": "integer", "format": "int32" },
        "large": { "type": "integer", "format": "int64" },
        "fraction": { "type": "number", "exclusiveMinimum": true, "minimum": 0.5, "exclusiveMaximum": true, "maximum": 1_000_000 },
        "float": { "type": "number", "format": "float" },
        "even": { "type": "integer", "multipleOf": 2 },
        "tenths": { "type": "number", "multipleOf": 0.1 },
        "odd": { "type": "integer", "maximum": 1.5 },
        "flag": { "type": "boolean" },
        "date": { "type": "string", "format": "date" },
        "time": { "type": "string", "format": "date-time" },
        "bytes": { "type": "string", "format": "byte" },
        "made": { "type": "string", "format": "made-up" },
        "uri": { "type": "string", "format": "uri" },
        "port": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }], "maximum": 9 },
        "list": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string", "maxLength": 3 } },
        "one": { "type": "array", "maxItems": 1, "items": text },
        "set": { "type": "array", "x-kubernetes-list-type": "set", "items": text },
        "keyed": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": { "type": "object", "required": ["name"], "properties": { "name": text, "size": { "type": "integer", "maximum": 5 }, "note": text } } },
        "paired": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"],
            "items": { "type": "object", "required": ["a"], "properties": { "a": text, "b": { "type": "integer", "default": 1 } } } },
        "needy": { "type": "object", "required": ["a", "b"], "properties": { "a": text, "b": { "type": "object", "required": ["c"], "properties": { "c": text } } } },
        "sized": { "type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": { "type": "integer", "minimum": 0 } },
        "open": { "type": "object", "additionalProperties": true },
        "closed": { "type": "object", "additionalProperties": false },
        "maps": { "type": "object", "additionalProperties": { "type": "array", "x-kubernetes-list-type": "set", "items": text } },
        "kept": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": { "known": name, "deep": { "type": "array", "items": name } } },
        "anything": { "x-kubernetes-preserve-unknown-fields": true },
        "resource": { "type": "object", "x-kubernetes-embedded-resource": true, "properties": { "spec": name } },
        "resources": { "type": "array", "items": { "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true } },
        "names": { "type": "array", "items": name },
        "any": { "type": "object", "properties": { "a": { "type": "integer" }, "b": text }, "anyOf": [{ "required": ["a"] }, { "required": ["b"], "properties": { "b": { "minLength": 3 } } }] },
        "exactly": { "type": "object", "properties": { "a": text, "b": text }, "oneOf": [{ "required": ["a"] }, { "required": ["b"] }] },
        "all": { "type": "string", "allOf": [{ "minLength": 2 }, { "pattern": "^x" }], "not": { "enum": ["xx"] } },
        "defaulted": { "type": "string", "default": "d" },
        "defaults": { "type": "object", "properties": { "a": { "type": "string", "default": "x" }, "n": { "type": "string", "nullable": true, "default": "y" }, "o": { "type": "object", "default": {}, "properties": { "p": { "type": "integer", "default": 3 } } } } },
        "defaultItems": { "type": "array", "items": { "type": "object", "properties": { "a": { "type": "string", "default": "i" } } } },
        "defaultValues": { "type": "object", "additionalProperties": { "type": "object", "properties": { "a": { "type": "string", "default": "v" } } } },
        "nullItems": { "type": "array", "items": { "type": "string", "default": "n" } },
    })
}

/// A name and the spec of an object.
#[allow(clippy::too_many_lines)]
fn cases() -> Vec<(&'static str, Value)> {
    vec![
        ("nothing", json!({})),
        ("a number for a string", json!({ "text": 5, "choice": true, "flag": "true" })),
        (
            "a string for a number",
            json!({ "whole": "5", "small": "x", "fraction": "1", "float": "1" }),
        ),
        ("other types for formats", json!({ "small": true, "date": 5, "time": {}, "large": 1.5 })),
        ("a list for a string with a format", json!({ "date": ["x"] })),
        ("null for a string", json!({ "text": null, "whole": null, "list": null })),
        ("null in a list", json!({ "list": [null], "names": [null] })),
        ("null where it is a value", json!({ "nullable": null, "nullableChoice": null })),
        ("short", json!({ "text": "a" })),
        ("long", json!({ "text": "abcde", "short": "ab" })),
        ("letters are counted, not bytes", json!({ "text": "aäää" })),
        ("another pattern", json!({ "text": "b\"\n<" })),
        ("not among the allowed", json!({ "choice": "c", "level": 3 })),
        ("fractions are cut before they are compared", json!({ "level": 1.5 })),
        ("an allowed fraction", json!({ "level": 2.5 })),
        ("below", json!({ "whole": 1, "fraction": 0.5 })),
        ("above", json!({ "whole": 11, "fraction": 1_000_000.0 })),
        ("above as a fraction", json!({ "whole": 11.0 })),
        ("a fraction for an integer", json!({ "whole": 3.5 })),
        ("a whole fraction for an integer", json!({ "whole": 3.0 })),
        ("32 bits", json!({ "small": 2_147_483_648_i64 })),
        ("64 bits", json!({ "large": 9_223_372_036_854_775_808_u64 })),
        ("32 bits of floating point", json!({ "float": 1e39 })),
        ("multiples", json!({ "even": 3, "tenths": 0.25 })),
        ("good multiples", json!({ "even": 4, "tenths": 0.3 })),
        ("a bound that the type cannot hold", json!({ "odd": 1 })),
        ("wrong formats", json!({ "date": "2023-02-29", "time": "x", "bytes": "Y", "uri": "x" })),
        (
            "right formats",
            json!({ "date": "2024-02-29", "time": "2024-02-29T00:00:00Z", "bytes": "YQ==", "uri": "http://x", "made": "x" }),
        ),
        ("neither int nor string", json!({ "port": 1.5 })),
        ("int or string", json!({ "port": true })),
        ("a large port", json!({ "port": 10 })),
        ("a port name", json!({ "port": "http" })),
        ("too few entries", json!({ "list": [] })),
        ("too many entries", json!({ "list": ["a", "abcd", "c"], "one": ["a", "b"] })),
        ("an entry of a wrong type", json!({ "list": [1, {}] })),
        (
            "duplicates in a set",
            json!({ "set": ["a", "b", "a", "a"], "maps": { "k/v": ["x", "x"] } }),
        ),
        ("duplicate keys", json!({ "keyed": [{ "name": "a" }, { "name": "a", "size": 1 }] })),
        ("duplicate pairs of keys", json!({ "paired": [{ "a": "x", "b": 1 }, { "a": "x" }] })),
        ("an entry without its key", json!({ "keyed": [{ "size": 6 }] })),
        ("missing fields", json!({ "needy": { "b": {} } })),
        ("too few keys", json!({ "sized": {} })),
        ("too many keys and bad values", json!({ "sized": { "a": -1, "b/c": "x", "d": 1 } })),
        (
            "below additionalProperties: true",
            json!({ "open": { "a": 1, "b": { "c": 1 }, "d": [{ "e": 1 }, [{ "f": 1 }]] } }),
        ),
        ("below additionalProperties: false", json!({ "closed": { "a": 1, "b": { "c": 1 } } })),
        (
            "unknown fields",
            json!({ "foo": 1, "names": [{ "name": "a", "x": 1 }, { "y": { "z": 1 } }], "needy": { "a": "a", "b": { "c": "c", "d": 1 } } }),
        ),
        (
            "kept unknown fields",
            json!({ "kept": { "a": { "b": 1 }, "known": { "name": "a", "x": 1 }, "deep": [{ "y": 1 }] }, "anything": [{ "a": 1 }] }),
        ),
        (
            "an embedded resource",
            json!({ "resource": { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" }, "spec": { "x": 1 }, "status": {} } }),
        ),
        (
            "an embedded resource that does not say what it is",
            json!({ "resource": {}, "resources": [{ "apiVersion": "a/b/c", "kind": "-x" }] }),
        ),
        ("no alternative", json!({ "any": {} })),
        ("the better alternative is told", json!({ "any": { "b": "x" } })),
        ("an alternative", json!({ "any": { "a": 1 } })),
        ("none of one", json!({ "exactly": {} })),
        ("two of one", json!({ "exactly": { "a": "", "b": "" } })),
        ("not all", json!({ "all": "y" })),
        ("all but one", json!({ "all": "yy" })),
        ("all and not", json!({ "all": "xx" })),
        ("defaults in objects", json!({ "defaults": {} })),
        ("defaults for null", json!({ "defaults": { "a": null, "n": null, "o": null } })),
        (
            "defaults in lists and maps",
            json!({ "defaultItems": [{}, { "a": null }], "defaultValues": { "k": {}, "l": null } }),
        ),
        ("defaults of entries", json!({ "nullItems": [null, "a"] })),
    ]
}

/// A name, the spec before and the spec after a change.
fn changes() -> Vec<(&'static str, Value, Value)> {
    let keyed = |note: &str| json!({ "keyed": [{ "name": "a", "size": 9, "note": note }, { "name": "b", "size": 9 }] });
    vec![
        ("nothing changes", json!({ "text": "b" }), json!({ "text": "b" })),
        ("another field changes", json!({ "text": "b" }), json!({ "text": "b", "made": "x" })),
        ("the field changes", json!({ "text": "b" }), json!({ "text": "c" })),
        ("a field below changes", json!({ "needy": {} }), json!({ "needy": { "a": "x" } })),
        (
            "the required field stays missing",
            json!({ "needy": { "a": "x" } }),
            json!({ "needy": { "a": "x" }, "made": "x" }),
        ),
        (
            "an atomic list changes",
            json!({ "list": ["long text"] }),
            json!({ "list": ["long text", "b"] }),
        ),
        ("an entry of a keyed list changes", keyed("x"), keyed("y")),
        (
            "a keyed list is reordered",
            keyed("x"),
            json!({ "keyed": [{ "name": "b", "size": 9 }, { "name": "a", "size": 9, "note": "x" }] }),
        ),
        (
            "an entry is added to a keyed list",
            keyed("x"),
            json!({ "keyed": [{ "name": "b", "size": 9 }, { "name": "c", "size": 9 }] }),
        ),
        (
            "a value of a map stays",
            json!({ "sized": { "a": -1 } }),
            json!({ "sized": { "a": -1, "b": -2 } }),
        ),
        ("alternatives stay", json!({ "exactly": {} }), json!({ "exactly": {}, "made": "x" })),
        (
            "below an alternative nothing corresponds",
            json!({ "any": { "b": "x" } }),
            json!({ "any": { "b": "x" }, "made": "x" }),
        ),
        (
            "duplicates stay allowed",
            json!({ "set": ["a", "a"] }),
            json!({ "set": ["a", "a", "b", "b"] }),
        ),
        ("duplicates are new", json!({ "set": ["a"] }), json!({ "set": ["a", "a"] })),
        (
            "a type stays wrong",
            json!({ "whole": "x", "flag": 1 }),
            json!({ "whole": "x", "flag": 2 }),
        ),
        (
            "an object with unknown parts",
            json!({ "kept": { "known": { "name": 5 }, "u": 1 } }),
            json!({ "kept": { "known": { "name": 5 }, "u": 2 } }),
        ),
    ]
}

const OBJECTS: &str = "/apis/schema.example.org/v1/samples";

fn object(name: &str, spec: &Value) -> Value {
    let metadata = json!({ "name": name });
    json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "Sample", "metadata": metadata, "spec": spec })
}

fn slug(name: &str) -> String {
    let letters = |character: char| if character.is_ascii_lowercase() { character } else { '-' };
    format!("c-{}-e", name.to_lowercase().chars().map(letters).collect::<String>())
}

/// Numbers as they are after the server stored them.
fn stored(value: &Value) -> Value {
    match value {
        Value::Array(entries) => entries.iter().map(stored).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), stored(value))).collect()
        }
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

async fn install(client: &Client, schema: &Value) {
    let definition = definition("samples", "Sample", schema);
    let path = format!("{DEFINITIONS}/samples.{GROUP}");
    let answer = send(client, "POST", DEFINITIONS, &definition).await;
    if let Answer::Refused { .. } = answer {
        let patch = json!([{ "op": "replace", "path": "/spec/versions", "value": definition["spec"]["versions"] }]);
        let request = http::Request::patch(&path)
            .header("content-type", "application/json-patch+json")
            .body(serde_json::to_vec(&patch).unwrap())
            .unwrap();
        client.request::<Value>(request).await.unwrap();
    }
}

/// Waits until the server accepts (or refuses) an object that breaks the strict schema.
async fn acts(client: &Client, strict: bool) {
    let probe = object("probe", &json!({ "text": 5 }));
    let answers = async || {
        let refused = match send(client, "POST", &format!("{OBJECTS}?dryRun=All"), &probe).await {
            Answer::Object(_) => false,
            Answer::Refused { causes, .. } if causes.is_empty() => anyhow::bail!("not served yet"),
            Answer::Refused { .. } => true,
        };
        anyhow::ensure!(refused == strict, "the schema does not act yet");
        Ok(())
    };
    wait::until("the schema acts", wait::LIMIT, answers).await.unwrap();
}

fn validator() -> Validator {
    let schema = schema();
    assert_eq!(check_structural(&schema, SCHEMA_PATH), []);
    Validator::compile(Arc::new(Schema::from_openapi(&schema, SCHEMA_PATH).unwrap()))
}

/// Field, reason and message of each fault, or the object to store.
fn decided(validator: &Validator, mut object: Value, old: Option<&Value>) -> Result<Value, Causes> {
    validator.prune(&mut object, true);
    validator.apply_defaults(&mut object);
    let errors = validator.validate(&object, old);
    if errors.is_empty() { Ok(object) } else { Err(causes(&errors)) }
}

fn compare(name: &str, found: &Result<Value, Causes>, answer: &Answer) -> Option<String> {
    match (found, answer) {
        (Ok(found), Answer::Object(expected))
            if stored(&found["spec"]) == stored(&expected["spec"]) =>
        {
            None
        }
        (Ok(found), Answer::Object(expected)) => {
            Some(format!("{name}: {} instead of {}", found["spec"], expected["spec"]))
        }
        (Err(found), Answer::Refused { causes, .. }) if found == causes => None,
        (Err(found), Answer::Refused { causes, .. }) => {
            let missing: Vec<_> = causes.difference(found).collect();
            let extra: Vec<_> = found.difference(causes).collect();
            Some(format!(
                "{name}:\n  the server alone says {missing:#?}\n  this crate alone says {extra:#?}"
            ))
        }
        (found, answer) => Some(format!("{name}: {found:#?} instead of {answer:#?}")),
    }
}

/// `unknown field "spec.x", …`, as a strict client is told.
async fn unknown(client: &Client, object: &Value) -> String {
    match send(client, "POST", &format!("{OBJECTS}?dryRun=All&fieldValidation=Strict"), object)
        .await
    {
        Answer::Refused { message, .. } => message
            .split_once("strict decoding error: ")
            .map_or_else(String::new, |(_, fields)| fields.to_owned()),
        Answer::Object(_) => String::new(),
    }
}

fn pruned(validator: &Validator, object: &Value) -> String {
    let removed = validator.prune(&mut object.clone(), true);
    removed.iter().map(|field| format!("unknown field {field:?}")).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn objects_are_decided_as_the_server_decides() {
    let client = client().await;
    let validator = validator();
    install(&client, &json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }))
        .await;
    acts(&client, false).await;
    let mut olds = Vec::new();
    for (name, before, _) in changes() {
        match send(&client, "POST", OBJECTS, &object(&slug(name), &before)).await {
            Answer::Object(old) => olds.push(old),
            refused @ Answer::Refused { .. } => panic!("{name}: {refused:?}"),
        }
    }
    install(&client, &schema()).await;
    acts(&client, true).await;
    let mut differences = Vec::new();
    for (name, spec) in cases() {
        let object = object("sample", &spec);
        let answer = send(&client, "POST", &format!("{OBJECTS}?dryRun=All"), &object).await;
        differences.extend(compare(name, &decided(&validator, object.clone(), None), &answer));
        let (told, found) = (unknown(&client, &object).await, pruned(&validator, &object));
        if told != found {
            differences.push(format!("{name}: {found} instead of {told}"));
        }
    }
    for ((name, _, after), mut old) in changes().into_iter().zip(olds) {
        let mut new = old.clone();
        new["spec"] = after;
        let answer =
            send(&client, "PUT", &format!("{OBJECTS}/{}?dryRun=All", slug(name)), &new).await;
        validator.prune(&mut old, true);
        validator.apply_defaults(&mut old);
        differences.extend(compare(name, &decided(&validator, new, Some(&old)), &answer));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
