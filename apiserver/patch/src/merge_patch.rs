//! JSON merge patch.

use serde_json::{Map, Value};

/// Applies an RFC 7386 patch: null removes a field, objects are merged, all else replaces. Unlike the RFC, and like the
/// real server's library, it leaves null fields out of objects in a list it puts in place of something that is no object.
pub fn merge_patch(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => merge_maps(object, patch),
        (object, patch) => *object = without_nulls(patch),
    }
}

fn merge_maps(object: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (object.get_mut(key), value) {
            (_, Value::Null) => {
                object.remove(key);
            }
            (Some(Value::Object(present)), Value::Object(patch)) => merge_maps(present, patch),
            (Some(present @ Value::Object(_)), value) => *present = value.clone(),
            (_, value) => {
                object.insert(key.clone(), without_nulls(value));
            }
        }
    }
}

/// Without null fields, at any depth; null entries of lists stay.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}
