//! The types of values that a schema describes.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver_schema::{Additional, ListType, Schema, Type as JsonType};
use cel_language::{Field, ListOf, ObjectType, Type};

use crate::field_name::escape;

/// The type of the values of a schema; `None` where expressions cannot see them. `root`: the value is a whole
/// Kubernetes object, of which kind, apiVersion, metadata.name and metadata.generateName are always seen.
pub(crate) fn schema_type(schema: &Schema, root: bool, name: &str) -> Option<Type> {
    if schema.int_or_string {
        return Some(Type::Dyn);
    }
    let root = root || schema.embedded_resource;
    Some(match schema.kind? {
        JsonType::Array => {
            let items = schema_type(schema.items.as_deref()?, false, &format!("{name}.@idx"))?;
            let unordered = schema.list_type != ListType::Atomic;
            Type::List(Arc::new(ListOf { items, unordered }))
        }
        JsonType::Object => match &schema.additional {
            Additional::Values(values) if !root => {
                Type::map(Type::String, schema_type(values, false, &format!("{name}.@elem"))?)
            }
            _ => object_type(schema, root, name),
        },
        JsonType::String => match schema.checks.format.as_deref() {
            Some("byte") => Type::Bytes,
            Some("duration") => Type::Duration,
            Some("date" | "date-time") => Type::Timestamp,
            _ => Type::String,
        },
        JsonType::Boolean => Type::Bool,
        JsonType::Number => Type::Double,
        JsonType::Integer => Type::Int,
    })
}

fn object_type(schema: &Schema, root: bool, name: &str) -> Type {
    let mut fields: BTreeMap<String, Type> = BTreeMap::new();
    for (field, inner) in &schema.properties {
        if let Some(kind) = schema_type(inner, false, &format!("{name}.{field}")) {
            fields.insert(field.clone(), kind);
        }
    }
    if root {
        let names = [("name", Type::String), ("generateName", Type::String)];
        fields.insert("kind".to_owned(), Type::String);
        fields.insert("apiVersion".to_owned(), Type::String);
        fields.insert("metadata".to_owned(), Type::object(&format!("{name}.metadata"), &names));
    }
    let named = |(key, kind): (String, Type)| {
        let name = escape(&key);
        (key, Field { name, kind })
    };
    Type::Object(Arc::new(ObjectType::new(name, fields.into_iter().map(named))))
}
