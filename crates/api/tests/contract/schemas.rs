//! The CRDs have the fields of the `.proto` files, of the same types, and no others.

use std::collections::BTreeSet;

use meshroot_manifests as manifests;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value;

use crate::messages::{BOOLEAN_OR_WORD, KINDS, message};

#[test]
fn each_definition_has_the_fields_of_its_messages_and_no_others() {
    for (kind, spec, status) in KINDS {
        let schema = schema(kind);
        let parts: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        match status {
            Some(status) => {
                assert_eq!(parts, ["spec", "status"], "{kind}");
                assert_message(&schema["properties"]["status"], &message(status));
            }
            None => assert_eq!(parts, ["spec"], "{kind}"),
        }
        assert_message(&schema["properties"]["spec"], &message(spec));
    }
}

#[test]
fn status_is_a_subresource_where_the_kind_has_one() {
    for (kind, _, status) in KINDS {
        let subresource = &definition(kind)["spec"]["versions"][0]["subresources"]["status"];
        assert_eq!(subresource.is_object(), status.is_some(), "{kind}");
    }
}

fn definition(kind: &str) -> Value {
    let mut definitions = manifests::crds().into_iter();
    let definition = definitions.find(|definition| definition.spec.names.kind == kind).unwrap();
    serde_json::to_value(definition).unwrap()
}

fn schema(kind: &str) -> Value {
    definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

fn assert_message(schema: &Value, message: &MessageDescriptor) {
    let name = message.full_name();
    assert_eq!(schema["type"], "object", "{name}");
    assert!(schema.get("required").is_none(), "{name}: absent means default");
    let none = serde_json::Map::new();
    let properties =
        schema.get("properties").map_or(&none, |properties| properties.as_object().unwrap());
    let found: BTreeSet<_> = properties.keys().cloned().collect();
    let expected: BTreeSet<_> =
        message.fields().map(|field| field.json_name().to_owned()).collect();
    assert_eq!(found, expected, "{name}");
    for field in message.fields() {
        let property = &properties[field.json_name()];
        assert!(
            property.get("default").is_none(),
            "{}: a default is never written",
            field.full_name()
        );
        if field.is_list() {
            assert_eq!(property["type"], "array", "{}", field.full_name());
            assert_value(&property["items"], &field);
        } else {
            assert_value(property, &field);
        }
    }
}

fn assert_value(schema: &Value, field: &FieldDescriptor) {
    let name = field.full_name();
    match field.kind() {
        Kind::Bool if name == BOOLEAN_OR_WORD => assert!(schema.get("type").is_none(), "{name}"),
        Kind::Bool => assert_eq!(schema["type"], "boolean", "{name}"),
        Kind::Uint32 => {
            assert_eq!(
                (&schema["type"], &schema["minimum"]),
                (&"integer".into(), &0.0.into()),
                "{name}"
            );
        }
        Kind::String => assert_eq!(schema["type"], "string", "{name}"),
        Kind::Bytes => {
            assert_eq!(schema["type"], "string", "{name}");
            assert!(schema["pattern"].is_string(), "{name}: base64");
        }
        Kind::Enum(word) => {
            let words: Vec<Value> = word.values().map(|value| value.name().into()).collect();
            assert_eq!(
                (&schema["type"], &schema["enum"]),
                (&"string".into(), &words.into()),
                "{name}"
            );
        }
        Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
            assert_eq!(
                (&schema["type"], &schema["format"]),
                (&"string".into(), &"date-time".into()),
                "{name}"
            );
        }
        Kind::Message(message) => assert_message(schema, &message),
        other => panic!("{name}: no field of the original is a {other:?}"),
    }
}
