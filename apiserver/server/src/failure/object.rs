//! An object that is not there, that stands in the way, or that is not as its kind must be.

use apiserver_kinds::Kind;
use apiserver_object::{Fault, FieldError};
use apiserver_patch::PatchError;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Failure, cause, details, qualified};
use crate::state::collections::SECRETS;

impl Failure {
    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(&kind.plural, &kind.group));
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(kind, name)
    }

    /// There is no object of this name of a resource that is known by name only.
    pub(crate) fn not_found_as(resource: &str, name: &str) -> Self {
        let message = format!("{resource} {name:?} not found");
        Self::new(StatusCode::NOT_FOUND, "NotFound", message)
            .with_details(details("", resource, name))
    }

    pub(crate) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", qualified(&kind.plural, &kind.group));
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(kind, name)
    }

    pub(crate) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let resource = qualified(&kind.plural, &kind.group);
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(kind, name)
    }

    /// A conflict on an object of a resource that is known by name only.
    pub(crate) fn conflict_as(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message)
            .with_details(details("", resource, name))
    }

    /// A deletion's precondition does not hold; Kubernetes names the kind here, not the resource.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let resource = qualified(&kind.kind, &kind.group);
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).with_details(details(
            &kind.group,
            &kind.kind,
            name,
        ))
    }

    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// The namespace has changed while a new object was being stored in it; the same again may succeed.
    pub(crate) fn namespace_modified(kind: &Kind, name: &str) -> Self {
        Self::conflict(kind, name, "its namespace has been modified; please try again")
    }

    /// Server-side apply met fields of others.
    pub(crate) fn apply_conflict(message: String, causes: &[Value]) -> Self {
        Self::new(StatusCode::CONFLICT, "Conflict", message)
            .with_details(json!({ "causes": causes }))
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, errors: &[FieldError]) -> Self {
        // Events of both groups are checked as the core group's.
        let group = if kind.group.as_ref() == "events.k8s.io" { "" } else { &kind.group };
        Self::invalid_as(&kind.kind, group, name, errors)
    }

    /// Metadata that cannot be read as such.
    pub(crate) fn invalid_metadata(kind: &Kind, object: &Value, wrong: &str) -> Self {
        let error = FieldError::new(Fault::Invalid, "metadata", wrong);
        let name = object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        Self::invalid(kind, name, &[error.with_value(object["metadata"].clone())])
    }

    pub(crate) fn invalid_as(kind: &str, group: &str, name: &str, errors: &[FieldError]) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for text in errors.iter().map(ToString::to_string) {
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
        let text =
            if texts.len() == 1 { texts.concat() } else { format!("[{}]", texts.join(", ")) };
        let message = format!("{} {name:?} is invalid: {text}", qualified(kind, group));
        let mut details = details(group, kind, name);
        let causes: Vec<Value> = errors.iter().map(cause).collect();
        details["causes"] = causes.into();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).with_details(details)
    }

    /// A patch that is well formed but cannot be applied to this object.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
    }

    /// A patch that cannot be applied.
    pub(crate) fn from_patch(kind: &Kind, name: &str, error: &PatchError) -> Self {
        let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::BAD_REQUEST);
        if let PatchError::Unprocessable(why) = error {
            tracing::debug!(resource = %kind.resource(), name, why, "a patch could not be applied");
        }
        let mut failure = Self::new(code, error.reason(), without_secret(kind, error.to_string()));
        if code == StatusCode::UNPROCESSABLE_ENTITY {
            failure.details = Some(json!({}));
        }
        failure
    }
}

/// What is said of a Secret ends before the value that it is said of: errors are logged.
pub(crate) fn without_secret(kind: &Kind, mut message: String) -> String {
    let ends = [", got ", " in map: "].into_iter().filter_map(|mark| message.find(mark)).min();
    if let Some(end) = ends.filter(|_| kind.storage_collection.as_ref() == SECRETS) {
        message.truncate(end);
    }
    message
}
