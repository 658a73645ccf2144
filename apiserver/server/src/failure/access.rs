//! What a user, or the state of the cluster, does not allow.

use apiserver_kinds::Kind;
use apiserver_rules::Denial;
use http::StatusCode;
use serde_json::json;

use super::{Failure, details, qualified};

impl Failure {
    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// Refused by the authorizer, whose message is whole; `about` is group, resource, name where a resource was asked.
    pub(crate) fn forbidden(message: impl Into<String>, about: Option<(&str, &str, &str)>) -> Self {
        let details = about
            .map_or_else(|| json!({}), |(group, resource, name)| details(group, resource, name));
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).with_details(details)
    }

    /// Refused for what the object is; the message begins with the object.
    pub(crate) fn forbidden_object(kind: &Kind, name: &str, why: &str) -> Self {
        let message = if name.is_empty() {
            format!("{} is forbidden: {why}", qualified(&kind.plural, &kind.group))
        } else {
            format!("{} {name:?} is forbidden: {why}", qualified(&kind.plural, &kind.group))
        };
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(kind, name)
    }

    /// Denied by an admission policy, with the code and reason that it names.
    pub(crate) fn denied(kind: &Kind, name: &str, denial: &Denial) -> Self {
        // A deletion of a collection is judged for no object in particular.
        let name = if name.is_empty() { "Unknown" } else { name };
        let mut failure = Self::forbidden_object(kind, name, &denial.message);
        (failure.code, failure.reason) = match denial.code {
            401 => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            413 => (StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge"),
            422 => (StatusCode::UNPROCESSABLE_ENTITY, "Invalid"),
            _ => (StatusCode::FORBIDDEN, "Forbidden"),
        };
        if let Some(details) = failure.details.as_mut() {
            details["causes"] = json!([{ "message": denial.message }]);
        }
        failure
    }

    /// Policies that were to change the object could not: why, of each.
    pub(crate) fn unmutated(kind: &Kind, name: &str, reasons: &[String]) -> Self {
        let message = reasons.first().cloned().unwrap_or_default();
        let mut failure = Self::new(StatusCode::FORBIDDEN, "Invalid", message).about(kind, name);
        if let Some(details) = failure.details.as_mut() {
            let causes = reasons.iter().map(|reason| json!({ "message": reason }));
            details["causes"] = causes.collect();
        }
        failure
    }

    pub(crate) fn namespace_terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let why = format!(
            "unable to create new content in namespace {namespace} because it is being terminated"
        );
        let mut failure = Self::forbidden_object(kind, name, &why);
        if let Some(details) = failure.details.as_mut() {
            details["causes"] = json!([{
                "reason": "NamespaceTerminating",
                "message": format!("namespace {namespace} is being terminated"),
                "field": "metadata.namespace",
            }]);
        }
        failure
    }

    /// The definition of the kind is being deleted.
    pub(crate) fn definition_terminating(kind: &Kind, name: &str) -> Self {
        Self::forbidden_object(
            kind,
            name,
            "create not allowed while custom resource definition is terminating",
        )
    }
}
