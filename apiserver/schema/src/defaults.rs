//! Defaults (`pkg/apiserver/schema/defaulting` of apiextensions).

use serde_json::{Map, Value};

use crate::schema::{Additional, Schema};

/// Removes nulls where null is no value, then fills in defaults, in objects, lists and maps.
///
/// A null in a field that is neither nullable nor has a default is an absent field and removed; one that has a default is
/// replaced by it. Entries of lists are replaced, never removed. A default is not given its own defaults' defaults
/// before it is in place: a default object is completed by the defaults below it.
pub fn apply_defaults(schema: &Schema, value: &mut Value) {
    fill_in(schema, value, Nulls::Removed);
}

/// The same, but a null that no default replaces stays where it is, to be refused by validation: so the real server
/// treats what server-side apply makes.
pub fn apply_defaults_keeping_nulls(schema: &Schema, value: &mut Value) {
    fill_in(schema, value, Nulls::Kept);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Removed,
    Kept,
}

fn fill_in(schema: &Schema, value: &mut Value, nulls: Nulls) {
    match value {
        Value::Object(fields) => default_fields(schema, fields, nulls),
        Value::Array(entries) => {
            let Some(items) = schema.items.as_deref() else { return };
            for entry in entries {
                default_null(items, entry);
                fill_in(items, entry, nulls);
            }
        }
        _ => {}
    }
}

fn default_fields(schema: &Schema, fields: &mut Map<String, Value>, nulls: Nulls) {
    if nulls == Nulls::Removed && fields.values().any(Value::is_null) {
        fields.retain(|name, value| {
            !value.is_null() || value_schema(schema, name).is_none_or(keeps_null)
        });
    }
    for (name, property) in &schema.properties {
        let Some(default) = &property.default else { continue };
        match fields.get_mut(name) {
            None => _ = fields.insert(name.clone(), default.clone()),
            Some(value) => default_null(property, value),
        }
    }
    if schema.properties.is_empty() && !matches!(schema.additional, Additional::Values(_)) {
        return;
    }
    for (name, value) in fields
        .iter_mut()
        .filter(|(_, value)| value.is_object() || value.is_array() || value.is_null())
    {
        if let Some(below) = value_schema(schema, name) {
            default_null(below, value);
            fill_in(below, value, nulls);
        }
    }
}

fn keeps_null(schema: &Schema) -> bool {
    schema.nullable || schema.default.is_some()
}

fn default_null(schema: &Schema, value: &mut Value) {
    if let Some(default) = schema.default.as_ref().filter(|_| value.is_null() && !schema.nullable) {
        *value = default.clone();
    }
}

fn value_schema<'a>(schema: &'a Schema, name: &str) -> Option<&'a Schema> {
    schema.properties.get(name).or(match &schema.additional {
        Additional::Values(values) => Some(values),
        Additional::Nothing | Additional::Anything => None,
    })
}
