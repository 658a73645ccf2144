//! Objects as bytes: how they are stored, so that they can be sent without being parsed again.

use apiserver_kinds::Kind;
use apiserver_store as store;
use serde_json::{Map, Value};

/// An object as it is stored: all of it but the resourceVersion, which the store puts between the two parts.
///
/// The stored form begins with apiVersion, kind and the metadata's resourceVersion, in this order: lists of
/// built-in kinds leave out the first two by cutting them off.
pub(crate) fn stored(object: &Value) -> store::Value {
    let empty = Map::new();
    let fields = object.as_object().unwrap_or(&empty);
    let metadata = fields.get("metadata").and_then(Value::as_object).unwrap_or(&empty);
    let mut head = Vec::with_capacity(160);
    head.push(b'{');
    for key in ["apiVersion", "kind"] {
        member(&mut head, key, fields.get(key).unwrap_or(&Value::Null));
        head.push(b',');
    }
    head.extend_from_slice(b"\"metadata\":{\"resourceVersion\":\"");
    let mut tail = Vec::with_capacity(1024);
    tail.push(b'"');
    for (key, value) in metadata.iter().filter(|(key, _)| *key != "resourceVersion") {
        tail.push(b',');
        member(&mut tail, key, value);
    }
    tail.push(b'}');
    let rest = fields
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata"));
    for (key, value) in rest {
        tail.push(b',');
        member(&mut tail, key, value);
    }
    tail.push(b'}');
    store::Value { head, tail }
}

fn member(out: &mut Vec<u8>, key: &str, value: &Value) {
    write(out, key);
    out.push(b':');
    write(out, value);
}

fn write<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // Writing JSON values into memory has no way to fail.
    let _ = serde_json::to_writer(out, value);
}

/// JSON of any value.
pub(crate) fn json(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    write(&mut out, value);
    out
}

/// A stored object's JSON without apiVersion and kind: `{"metadata":…`.
pub(crate) fn without_type<'a>(kind: &Kind, json: &'a [u8]) -> &'a [u8] {
    let length =
        "{\"apiVersion\":\"\",\"kind\":\"\",".len() + kind.api_version().len() + kind.kind.len();
    // The brace is put back by whoever writes the list.
    json.get(length..).unwrap_or(json)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_two_parts_of_an_object_are_the_object_again() {
        let object = json!({
            "kind": "K\"", "apiVersion": "v1", "data": { "resourceVersion": "" },
            "metadata": { "name": "a", "resourceVersion": "old", "labels": {} }, "status": null
        });
        let store::Value { head, tail } = stored(&object);
        let whole = [head.as_slice(), b"17", tail.as_slice()].concat();
        let mut expected = object;
        expected["metadata"]["resourceVersion"] = "17".into();
        assert_eq!(serde_json::from_slice::<Value>(&whole).unwrap(), expected);
    }

    #[test]
    fn an_object_without_metadata_is_stored_all_the_same() {
        let store::Value { head, tail } = stored(&json!({ "kind": "A", "apiVersion": "b" }));
        let whole = [head.as_slice(), b"1", tail.as_slice()].concat();
        let read: Value = serde_json::from_slice(&whole).unwrap();
        assert_eq!(
            read,
            json!({ "kind": "A", "apiVersion": "b", "metadata": { "resourceVersion": "1" } })
        );
    }
}
