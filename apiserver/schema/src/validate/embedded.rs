//! Whole objects inside objects (`x-kubernetes-embedded-resource`): they say what they are.

use apiserver_object::{Fault, FieldError, Path, field};
use serde_json::{Map, Value};

use crate::schema::{Additional, Schema};

const LABEL: &str = "may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case \
                     alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric \
                     character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/// `true` when some part of the schema is an embedded resource.
pub fn has_resources(schema: &Schema) -> bool {
    schema.embedded_resource
        || schema.properties.values().any(has_resources)
        || schema.items.as_deref().is_some_and(has_resources)
        || matches!(&schema.additional, Additional::Values(values) if has_resources(values))
}

/// Checks `apiVersion` and `kind` of embedded resources; their metadata is the caller's to check.
pub(crate) fn check(schema: &Schema, value: &Value, prefix: &str, errors: &mut Vec<FieldError>) {
    Search { prefix, errors }.value(schema, value, &Path::Root);
}

struct Search<'a> {
    prefix: &'a str,
    errors: &'a mut Vec<FieldError>,
}

impl Search<'_> {
    fn value(&mut self, schema: &Schema, value: &Value, path: &Path<'_>) {
        match value {
            Value::Object(fields) => self.object(schema, fields, path),
            Value::Array(entries) => {
                let Some(items) = schema.items.as_deref() else { return };
                for (index, entry) in entries.iter().enumerate() {
                    self.value(items, entry, &Path::Index(path, index));
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, schema: &Schema, fields: &Map<String, Value>, path: &Path<'_>) {
        if schema.embedded_resource {
            self.type_field(fields, path, "apiVersion", |text| {
                let wrong = text.matches('/').count() > 1;
                wrong.then(|| format!("unexpected GroupVersion string: {text}"))
            });
            self.type_field(fields, path, "kind", |text| {
                (!is_kind(text)).then(|| LABEL.to_owned())
            });
        }
        for (name, value) in fields {
            if let Some(property) = schema.properties.get(name) {
                self.value(property, value, &Path::Property(path, name));
            } else if let Additional::Values(values) = &schema.additional {
                self.value(values, value, &Path::Bracket(path, name));
            }
        }
    }

    fn type_field(
        &mut self,
        fields: &Map<String, Value>,
        path: &Path<'_>,
        name: &str,
        wrong: impl FnOnce(&str) -> Option<String>,
    ) {
        let place = field(self.prefix, &Path::Property(path, name).to_string());
        let Some(value) = fields.get(name) else {
            return self.errors.push(FieldError::new(Fault::Required, place, ""));
        };
        let detail = match value.as_str() {
            None => Some("must be a string".to_owned()),
            Some("") => Some("must not be empty".to_owned()),
            Some(text) => wrong(text),
        };
        if let Some(detail) = detail {
            self.errors
                .push(FieldError::new(Fault::Invalid, place, detail).with_value(value.clone()));
        }
    }
}

/// A DNS-1035 label but for case.
fn is_kind(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    inner
        && text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with('-')
}
