//! What an API server refuses in the schema of a CustomResourceDefinition.

mod completeness;
mod defaulting;
mod invariants;
mod keys;
mod lists;
mod nested;
mod node;
mod openapi;
mod rules;

use apiserver_object::{Fault, FieldError};
use serde_json::Value;

use crate::read::{self, DEPTH_LIMIT};
use crate::schema::Schema;
use node::Node;

/// What is wrong with a schema that stands at `path` (`spec.validation.openAPIV3Schema`), in the server's order: its
/// structure, sorted; else its defaults; then each node by itself.
///
/// The caller refuses `nullable` at the root, and asks [`check_status_root`] where the status is a subresource. CEL
/// expressions are not compiled. Values of the wrong JSON type are reported as the reader reports them.
pub fn check_structural(json: &Value, path: &str) -> Vec<FieldError> {
    if read::is_too_deep(json) {
        return vec![FieldError::new(
            Fault::Forbidden,
            path,
            format!("must not be nested deeper than {DEPTH_LIMIT} levels"),
        )];
    }
    let Some(root) = Node::of(json) else {
        return vec![
            FieldError::new(Fault::TypeInvalid, path, "must be a schema object")
                .with_value(json.clone()),
        ];
    };
    let unsupported = openapi::unsupported(root);
    let mut errors = Vec::new();
    if unsupported.is_none() {
        errors = invariants::check_root(root, path);
        completeness::check(root, path, &mut errors);
        errors.sort_by_cached_key(ToString::to_string);
    }
    let schema = if errors.is_empty() && unsupported.is_none() {
        Schema::from_openapi(json, path).map(Some)
    } else {
        Ok(None)
    };
    match schema {
        Ok(Some(schema)) => errors.extend(defaulting::check(&schema, path)),
        Ok(None) => {}
        // Types are named by the checks of each node.
        Err(unreadable) => {
            errors
                .extend(unreadable.into_iter().filter(|error| error.detail != read::UNKNOWN_TYPE));
        }
    }
    openapi::check(root, path, &mut errors);
    if let Some(detail) = unsupported.filter(|_| errors.is_empty()) {
        errors.push(FieldError::new(Fault::Invalid, path, detail).with_value("".into()));
    }
    errors
}

/// What the root must not have where the status is a subresource and so validated alone.
pub fn check_status_root(json: &Value, path: &str) -> Vec<FieldError> {
    let Some(root) = Node::of(json) else { return Vec::new() };
    let kind = root.text("type");
    if !kind.is_empty() && kind != "object" {
        let detail = "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled";
        return vec![
            FieldError::new(Fault::Invalid, format!("{path}.type"), detail).with_value(kind.into()),
        ];
    }
    if keys::FORBIDDEN_WITH_STATUS.iter().all(|key| root.is_zero(key)) {
        return Vec::new();
    }
    let allowed = keys::ALLOWED_WITH_STATUS.join(" ");
    let detail = format!(
        "only [{allowed}] fields are allowed at the root of the schema if the status subresource is enabled"
    );
    vec![FieldError::new(Fault::Invalid, path, detail).with_value(json.clone())]
}

#[cfg(test)]
mod tests;
