//! ObjectMeta of objects that are JSON values.

use aws_lc_rs::rand;
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

pub(crate) fn is_being_deleted(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
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

/// A random UUID (RFC 9562, version 4).
pub(crate) fn new_uid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The longest generated name; a longer prefix is cut.
const LONGEST_GENERATED: usize = 63;
const SUFFIX_LETTERS: &[u8; 32] = b"bcdfghjklmnpqrstvwxz2456789bcdfg";
const SUFFIX_LENGTH: usize = 5;

/// A name from `generateName`: the prefix and five letters without vowels.
pub(crate) fn generated_name(prefix: &str) -> String {
    let end = prefix.len().min(LONGEST_GENERATED - SUFFIX_LENGTH);
    let end = (0..=end).rev().find(|end| prefix.is_char_boundary(*end)).unwrap_or(0);
    let suffix =
        random::<SUFFIX_LENGTH>().map(|byte| char::from(SUFFIX_LETTERS[usize::from(byte & 31)]));
    prefix[..end].chars().chain(suffix).collect()
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    // The system's generator does not fail once it is seeded; without it no name may be given away twice.
    if rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        let uid = new_uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert_ne!(uid, new_uid());
    }

    #[test]
    fn a_generated_name_has_the_prefix_and_fits_a_label() {
        assert!(generated_name("a-").starts_with("a-"));
        assert_eq!(generated_name("a-").len(), 7);
        assert_eq!(generated_name(&"x".repeat(200)).len(), LONGEST_GENERATED);
    }

    #[test]
    fn empty_metadata_fields_are_removed() {
        let mut object = json!({ "metadata": { "name": "a", "labels": {}, "creationTimestamp": null, "uid": "" } });
        tidy(&mut object);
        assert_eq!(object, json!({ "metadata": { "name": "a" } }));
    }
}
