//! A `Schema` from the OpenAPI the server publishes.

use apiserver_schema::{Additional, ListType, MapType, Schema, Type};
use serde_json::{Map, Value};

/// Reads a schema; `$ref` is looked up in `all`.
pub(crate) fn schema(value: &Value, all: &Map<String, Value>) -> Schema {
    let mut schema = Schema::default();
    read(value, all, &mut schema);
    schema
}

fn read(value: &Value, all: &Map<String, Value>, schema: &mut Schema) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(name) = text("$ref").and_then(|name| name.rsplit('/').next()) {
        read_named(name, all, schema);
    }
    for part in value.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        read(part, all, schema);
    }
    schema.kind = text("type").map(kind).or(schema.kind);
    schema.checks.format = text("format").map(str::to_owned).or(schema.checks.format.take());
    schema.default = value.get("default").cloned().or(schema.default.take());
    let flag = |name: &str| value.get(name) == Some(&Value::Bool(true));
    schema.preserve_unknown_fields |= flag("x-kubernetes-preserve-unknown-fields");
    schema.int_or_string |=
        flag("x-kubernetes-int-or-string") || text("format") == Some("int-or-string");
    for (name, property) in value.get("properties").and_then(Value::as_object).into_iter().flatten()
    {
        schema.properties.insert(name.clone(), self::schema(property, all));
    }
    if let Some(required) = value.get("required").and_then(Value::as_array) {
        schema.checks.required =
            required.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    if let Some(items) = value.get("items") {
        schema.items = Some(Box::new(self::schema(items, all)));
    }
    match value.get("additionalProperties") {
        Some(Value::Bool(true)) => schema.additional = Additional::Anything,
        Some(values @ Value::Object(_)) => {
            schema.additional = Additional::Values(Box::new(self::schema(values, all)));
        }
        _ => {}
    }
    read_ownership(value, schema);
}

fn read_named(name: &str, all: &Map<String, Value>, schema: &mut Schema) {
    if name.ends_with(".Quantity") {
        schema.int_or_string = true;
    } else {
        read(&all[name], all, schema);
    }
}

fn read_ownership(value: &Value, schema: &mut Schema) {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    match text("x-kubernetes-list-type") {
        Some("set") => schema.list_type = ListType::Set,
        Some("map") => {
            let keys = value["x-kubernetes-list-map-keys"].as_array().unwrap().iter();
            schema.list_type =
                ListType::Map(keys.map(|key| key.as_str().unwrap().to_owned()).collect());
        }
        _ => {}
    }
    if text("x-kubernetes-map-type") == Some("atomic") {
        schema.map_type = MapType::Atomic;
    }
    let strategies = text("x-kubernetes-patch-strategy").unwrap_or_default();
    schema.merge.merge |= strategies.split(',').any(|strategy| strategy == "merge");
    schema.merge.retain_keys |= strategies.split(',').any(|strategy| strategy == "retainKeys");
    schema.merge.merge_key =
        text("x-kubernetes-patch-merge-key").map(str::to_owned).or(schema.merge.merge_key.take());
}

fn kind(name: &str) -> Type {
    match name {
        "object" => Type::Object,
        "array" => Type::Array,
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        other => panic!("a schema of type {other}"),
    }
}
