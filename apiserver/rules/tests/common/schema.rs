//! Reads as much of a structural schema as the cases use.

use apiserver_schema::{Additional, ListType, Rule, Schema, Type};
use serde_json::Value;

pub(crate) fn read(json: &Value) -> Schema {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut schema = Schema {
        kind: match json["type"].as_str() {
            Some("object") => Some(Type::Object),
            Some("array") => Some(Type::Array),
            Some("string") => Some(Type::String),
            Some("integer") => Some(Type::Integer),
            Some("number") => Some(Type::Number),
            Some("boolean") => Some(Type::Boolean),
            _ => None,
        },
        nullable: json["nullable"] == true,
        preserve_unknown_fields: json["x-kubernetes-preserve-unknown-fields"] == true,
        embedded_resource: json["x-kubernetes-embedded-resource"] == true,
        int_or_string: json["x-kubernetes-int-or-string"] == true,
        items: json["items"].is_object().then(|| Box::new(read(&json["items"]))),
        ..Schema::default()
    };
    for (name, inner) in json["properties"].as_object().into_iter().flatten() {
        schema.properties.insert(name.clone(), read(inner));
    }
    if json["additionalProperties"].is_object() {
        schema.additional = Additional::Values(Box::new(read(&json["additionalProperties"])));
    }
    schema.list_type = match json["x-kubernetes-list-type"].as_str() {
        Some("set") => ListType::Set,
        Some("map") => ListType::Map(
            json["x-kubernetes-list-map-keys"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(text)
                .collect(),
        ),
        _ => ListType::Atomic,
    };
    schema.checks.format = text(&json["format"]);
    for rule in json["x-kubernetes-validations"].as_array().into_iter().flatten() {
        schema.rules.push(Rule {
            rule: text(&rule["rule"]).unwrap_or_default(),
            message: text(&rule["message"]),
            message_expression: text(&rule["messageExpression"]),
            reason: text(&rule["reason"]),
            field_path: text(&rule["fieldPath"]),
            optional_old_self: rule["optionalOldSelf"] == true,
        });
    }
    schema
}
