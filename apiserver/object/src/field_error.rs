//! One thing that is wrong with one field, said as a Kubernetes API server says it.

use std::fmt;

use serde_json::Value;

use crate::go_text;

/// What is wrong with a field (`k8s.io/apimachinery/pkg/util/validation/field`, the causes of a `Status`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A required field is absent.
    Required,
    /// A value that must be unique is there twice.
    Duplicate,
    /// The value breaks a rule.
    Invalid,
    /// The value is none of those that are allowed.
    NotSupported,
    /// The field may not be set here.
    Forbidden,
    /// A string is too long.
    TooLong,
    /// A list or map has too many entries.
    TooMany,
    /// The value has the wrong JSON type.
    TypeInvalid,
    /// A value that must exist elsewhere is not there.
    NotFound,
    /// The server could not check the field.
    Internal,
}

/// A fault at a place in an object.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// What kind of fault it is.
    pub fault: Fault,
    /// Where: `spec.hosts[0]`, `metadata.labels[app]`; empty for the whole object.
    pub field: String,
    /// The value that was found, where showing it helps.
    pub value: Option<Value>,
    /// What is wrong, in words.
    pub detail: String,
}

impl FieldError {
    /// A fault without a value.
    pub fn new(fault: Fault, field: impl fmt::Display, detail: impl Into<String>) -> Self {
        Self { fault, field: field.to_string(), value: None, detail: detail.into() }
    }

    /// A value that breaks a rule.
    pub fn invalid(
        field: impl fmt::Display,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(Fault::Invalid, field, detail).with_value(value.into())
    }

    /// A required field that is absent.
    pub fn required(field: impl fmt::Display, detail: impl Into<String>) -> Self {
        Self::new(Fault::Required, field, detail)
    }

    /// A field that may not be set here.
    pub fn forbidden(field: impl fmt::Display, detail: impl Into<String>) -> Self {
        Self::new(Fault::Forbidden, field, detail)
    }

    /// A value that is there twice.
    pub fn duplicate(field: impl fmt::Display, value: impl Into<Value>) -> Self {
        Self::new(Fault::Duplicate, field, "").with_value(value.into())
    }

    /// A value that is none of `supported`, which are listed in this order.
    pub fn not_supported(
        field: impl fmt::Display,
        value: impl Into<Value>,
        supported: &[&str],
    ) -> Self {
        let detail = go_text::supported(supported);
        Self::new(Fault::NotSupported, field, detail).with_value(value.into())
    }

    /// A string or value of more than `most` bytes.
    pub fn too_long(field: impl fmt::Display, most: usize) -> Self {
        Self::new(Fault::TooLong, field, format!("may not be more than {most} bytes"))
    }

    /// The same with the value that was found.
    #[must_use]
    pub fn with_value(mut self, value: Value) -> Self {
        self.value = Some(value);
        self
    }

    /// The machine-readable word of the cause: `FieldValueInvalid`, `FieldValueRequired`, …
    pub const fn reason(&self) -> &'static str {
        match self.fault {
            Fault::Required => "FieldValueRequired",
            Fault::Duplicate => "FieldValueDuplicate",
            Fault::Invalid => "FieldValueInvalid",
            Fault::NotSupported => "FieldValueNotSupported",
            Fault::Forbidden => "FieldValueForbidden",
            Fault::TooLong => "FieldValueTooLong",
            Fault::TooMany => "FieldValueTooMany",
            Fault::TypeInvalid => "FieldValueTypeInvalid",
            Fault::NotFound => "FieldValueNotFound",
            Fault::Internal => "InternalError",
        }
    }

    const fn words(&self) -> &'static str {
        match self.fault {
            Fault::Required => "Required value",
            Fault::Duplicate => "Duplicate value",
            Fault::NotSupported => "Unsupported value",
            Fault::Forbidden => "Forbidden",
            Fault::TooLong => "Too long",
            Fault::TooMany => "Too many",
            Fault::Invalid | Fault::TypeInvalid => "Invalid value",
            Fault::NotFound => "Not found",
            Fault::Internal => "Internal error",
        }
    }

    /// The message without the field: `Invalid value: "x": must be a name`.
    pub fn body(&self) -> String {
        let mut text = self.words().to_owned();
        let shown = !matches!(
            self.fault,
            Fault::Required | Fault::Forbidden | Fault::TooLong | Fault::Internal
        );
        if let Some(value) = self.value.as_ref().filter(|_| shown) {
            text.push_str(": ");
            text.push_str(&go_text::shown(value));
        }
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(formatter, "{}", self.body())
        } else {
            write!(formatter, "{}: {}", self.field, self.body())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_message_shows_the_value_where_it_helps() {
        let invalid = FieldError::new(Fault::Invalid, "spec.name", "must be a name")
            .with_value(json!("a\nb"));
        assert_eq!(invalid.to_string(), r#"spec.name: Invalid value: "a\nb": must be a name"#);
        let many = FieldError::new(Fault::TooMany, "spec.list", "must have at most 2 items")
            .with_value(json!(3));
        assert_eq!(many.to_string(), "spec.list: Too many: 3: must have at most 2 items");
        let required =
            FieldError::new(Fault::Required, "spec.name", "").with_value(json!("hidden"));
        assert_eq!(required.to_string(), "spec.name: Required value");
    }
}
