//! Reads fields of objects: what is absent or of another type reads as empty.

use serde_json::{Map, Value};

/// Fields of a JSON value.
pub(crate) trait Reading {
    /// The field at the end of `path`.
    fn at(&self, path: &[&str]) -> Option<&Value>;

    /// A string; empty if absent.
    fn text(&self, path: &[&str]) -> &str {
        self.at(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// Entries of a list.
    fn entries(&self, path: &[&str]) -> &[Value] {
        self.at(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// An object's fields.
    fn fields(&self, path: &[&str]) -> Option<&Map<String, Value>> {
        self.at(path).and_then(Value::as_object)
    }

    /// A whole number.
    fn integer(&self, path: &[&str]) -> Option<i64> {
        self.at(path).and_then(Value::as_i64)
    }

    /// `true`; false if absent.
    fn flag(&self, path: &[&str]) -> bool {
        self.at(path).and_then(Value::as_bool).unwrap_or_default()
    }

    /// Strings of a list.
    fn texts(&self, path: &[&str]) -> Vec<&str> {
        self.entries(path).iter().filter_map(Value::as_str).collect()
    }
}

impl Reading for Value {
    fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, field| value.get(field)).filter(|value| !value.is_null())
    }
}

/// The object at `field` of `object`, made if it is not there.
pub(crate) fn object_mut<'a>(
    object: &'a mut Value,
    field: &str,
) -> Option<&'a mut Map<String, Value>> {
    let slot = object.as_object_mut()?.entry(field).or_insert(Value::Null);
    if slot.is_null() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut()
}

/// Sets `field` if it is absent, `null` or an empty string.
pub(crate) fn set_default(fields: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    let absent =
        fields.get(field).is_none_or(|value| value.is_null() || value.as_str() == Some(""));
    if absent {
        fields.insert(field.to_owned(), value.into());
    }
}
