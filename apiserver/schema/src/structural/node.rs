//! A schema node as it is written.

use apiserver_object::{Fault, FieldError};
use serde_json::{Map, Value};

/// A schema node in JSON. Values of the wrong type count as absent: the reader reports them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a>(&'a Map<String, Value>);

static NO_ENTRIES: Vec<Value> = Vec::new();

impl<'a> Node<'a> {
    pub(super) fn of(json: &'a Value) -> Option<Self> {
        json.as_object().map(Self)
    }

    /// The keyword's value unless it is null.
    pub(super) fn keyword(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(self, name: &str) -> &'a str {
        self.optional_text(name).unwrap_or_default()
    }

    pub(super) fn optional_text(self, name: &str) -> Option<&'a str> {
        self.keyword(name).and_then(Value::as_str)
    }

    pub(super) fn flag(self, name: &str) -> bool {
        self.keyword(name).and_then(Value::as_bool) == Some(true)
    }

    pub(super) fn list(self, name: &str) -> &'a [Value] {
        self.keyword(name).and_then(Value::as_array).unwrap_or(&NO_ENTRIES)
    }

    pub(super) fn texts(self, name: &str) -> impl Iterator<Item = &'a str> {
        self.list(name).iter().filter_map(Value::as_str)
    }

    pub(super) fn node(self, name: &str) -> Option<Self> {
        self.keyword(name).and_then(Self::of)
    }

    /// Schemas in a list, with their indexes.
    pub(super) fn nodes(self, name: &str) -> impl Iterator<Item = (usize, Self)> {
        self.list(name)
            .iter()
            .enumerate()
            .filter_map(|(index, json)| Some((index, Self::of(json)?)))
    }

    /// Schemas in a map, by name.
    pub(super) fn named(self, name: &str) -> impl Iterator<Item = (&'a str, Self)> {
        let map = self.keyword(name).and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(name, json)| Some((name.as_str(), Self::of(json)?)))
    }

    pub(super) fn property(self, name: &str) -> Option<Self> {
        self.keyword("properties")?.get(name).and_then(Self::of)
    }

    pub(super) fn has_properties(self) -> bool {
        self.keyword("properties")
            .and_then(Value::as_object)
            .is_some_and(|properties| !properties.is_empty())
    }

    /// The keyword is absent, or has the value that a decoder leaves when it is.
    pub(super) fn is_zero(self, name: &str) -> bool {
        self.keyword(name).is_none_or(|value| match value {
            Value::Null | Value::Bool(false) => !name.starts_with("additional"),
            Value::String(text) => {
                text.is_empty() && name != "$ref" && !name.starts_with("x-kubernetes")
            }
            Value::Array(entries) => entries.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
        })
    }

    /// `anyOf` of an integer and a string, as an int-or-string may have it.
    pub(super) fn is_int_or_string_any_of(self) -> bool {
        let kind = |json: &Value, kind: &str| {
            json.as_object().is_some_and(|node| {
                node.len() == 1 && node.get("type").is_some_and(|found| found == kind)
            })
        };
        matches!(self.list("anyOf"), [first, second] if kind(first, "integer") && kind(second, "string"))
    }
}

pub(super) fn forbidden(path: &str, name: &str, detail: &str) -> FieldError {
    FieldError::new(Fault::Forbidden, format!("{path}.{name}"), detail)
}

pub(super) fn required(path: &str, name: &str, detail: &str) -> FieldError {
    FieldError::new(Fault::Required, format!("{path}.{name}"), detail)
}

pub(super) fn invalid(path: &str, name: &str, value: Value, detail: &str) -> FieldError {
    FieldError::new(Fault::Invalid, format!("{path}.{name}"), detail).with_value(value)
}

pub(super) fn not_supported(path: &str, name: &str, value: &str, supported: &[&str]) -> FieldError {
    FieldError::not_supported(format!("{path}.{name}"), value, supported)
}
