//! ObjectMeta of objects that are JSON values.

use std::collections::BTreeMap;

use apiserver_store::Labels;
use serde_json::{Map, Value, json};

/// A field of the metadata as text, `""` where it is absent.
pub(crate) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get(field))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "name")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "uid")
}

/// The metadata, made where it is absent or no object.
pub(crate) fn of(object: &mut Value) -> &mut Map<String, Value> {
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    match &mut object["metadata"] {
        Value::Object(metadata) => metadata,
        // Just made an object.
        _ => unreachable!("metadata is an object"),
    }
}

pub(crate) fn set(object: &mut Value, field: &str, value: impl Into<Value>) {
    of(object).insert(field.to_owned(), value.into());
}

/// Takes a field over from another object, absence included.
pub(crate) fn keep(object: &mut Value, from: &Value, field: &str) {
    match from.get("metadata").and_then(|metadata| metadata.get(field)) {
        Some(value) => set(object, field, value.clone()),
        None => drop(of(object).remove(field)),
    }
}

pub(crate) fn finalizers(object: &Value) -> Vec<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Replaces the finalizers; a list without any is left out.
pub(crate) fn set_finalizers(object: &mut Value, finalizers: Vec<String>) {
    if finalizers.is_empty() {
        of(object).remove("finalizers");
    } else {
        set(object, "finalizers", finalizers);
    }
}

pub(crate) fn is_being_deleted(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

/// The generation, where the kind counts one.
pub(crate) fn generation(object: &Value) -> Option<i64> {
    object.pointer("/metadata/generation").and_then(Value::as_i64)
}

/// The labels, sorted by key.
pub(crate) fn labels(object: &Value) -> Labels {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let sorted: BTreeMap<&str, &str> = labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
        .collect();
    sorted.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}

/// Removes what a typed decoder would not keep: nulls and empty values of optional fields.
pub(crate) fn tidy(object: &mut Value) {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    of(object).retain(|_, value| !empty(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_metadata_fields_are_removed() {
        let mut object = json!({ "metadata": { "name": "a", "labels": {}, "creationTimestamp": null, "uid": "" } });
        tidy(&mut object);
        assert_eq!(object, json!({ "metadata": { "name": "a" } }));
    }
}
