//! Failures as a Kubernetes API server says them: a `Status` object with code, reason and details
//! (`k8s.io/apimachinery/pkg/api/errors`).

use apiserver_kinds::Kind;
use apiserver_object::FieldError;
use apiserver_patch::PatchError;
use apiserver_rules::Denial;
use apiserver_store as store;
use http::StatusCode;
use serde_json::{Value, json};

/// A request that was refused or could not be done.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: StatusCode,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    details: Option<Value>,
    /// Seconds after which a client may try again.
    pub(crate) retry_after: Option<u32>,
    /// What the client is told beside the failure.
    pub(crate) warnings: Vec<String>,
}

/// The most words of a message; a message made from a hostile object must not become a second hostile object.
const MOST_MESSAGE_BYTES: usize = 16 * 1024;

const OVERTAKEN: &str = "its namespace has been modified; please try again";

impl Failure {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let message = shortened(message.into());
        Self { code, reason, message, details: None, retry_after: None, warnings: Vec::new() }
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    fn about(mut self, kind: &Kind, name: &str) -> Self {
        self.details = Some(details(&kind.group, &kind.plural, name));
        self
    }

    pub(crate) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(&kind.plural, &kind.group));
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(kind, name)
    }

    /// There is no object of this name of a resource that is known by name only.
    pub(crate) fn not_found_as(resource: &str, name: &str) -> Self {
        let message = format!("{resource} {name:?} not found");
        let mut failure = Self::new(StatusCode::NOT_FOUND, "NotFound", message);
        failure.details = Some(details("", resource, name));
        failure
    }

    /// The same for a conflict.
    pub(crate) fn conflict_as(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        let mut failure = Self::new(StatusCode::CONFLICT, "Conflict", message);
        failure.details = Some(details("", resource, name));
        failure
    }

    /// No such path; `None` where not even a kind is known.
    pub(crate) fn no_such_resource() -> Self {
        let mut failure = Self::new(
            StatusCode::NOT_FOUND,
            "NotFound",
            "the server could not find the requested resource",
        );
        failure.details = Some(json!({}));
        failure
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

    /// A deletion's precondition does not hold; Kubernetes names the kind here, not the resource.
    pub(crate) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let resource = qualified(&kind.kind, &kind.group);
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        let mut failure = Self::new(StatusCode::CONFLICT, "Conflict", message);
        failure.details = Some(details(&kind.group, &kind.kind, name));
        failure
    }

    pub(crate) fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// Server-side apply met fields of others.
    pub(crate) fn apply_conflict(message: String, causes: &[Value]) -> Self {
        let mut failure = Self::new(StatusCode::CONFLICT, "Conflict", message);
        failure.details = Some(json!({ "causes": causes }));
        failure
    }

    pub(crate) fn invalid(kind: &Kind, name: &str, errors: &[FieldError]) -> Self {
        // Events of both groups are checked as the core group's.
        let group = if kind.group.as_ref() == "events.k8s.io" { "" } else { &kind.group };
        Self::invalid_as(&kind.kind, group, name, errors)
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
        let mut failure = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
        let mut told = details(group, kind, name);
        let causes: Vec<Value> = errors.iter().map(cause).collect();
        told["causes"] = causes.into();
        failure.details = Some(told);
        failure
    }

    /// A patch that is well formed but cannot be applied to this object.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
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

    /// Refused by the authorizer, whose message is whole; `about` is group, resource, name where a resource was asked.
    pub(crate) fn forbidden(message: impl Into<String>, about: Option<(&str, &str, &str)>) -> Self {
        let mut failure = Self::new(StatusCode::FORBIDDEN, "Forbidden", message);
        failure.details =
            Some(about.map_or_else(
                || json!({}),
                |(group, resource, name)| details(group, resource, name),
            ));
        failure
    }

    /// An admission policy said no, with the code and reason that it names.
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

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut failure = Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
        failure.details = Some(json!({}));
        failure
    }

    pub(crate) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    pub(crate) fn not_acceptable(accepted: &[&str]) -> Self {
        let message =
            format!("406: Not Acceptable\n\nAvailable representations: {}", accepted.join(", "));
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// The client wants a form that this answer cannot have.
    pub(crate) fn unacceptable(message: &str) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// A watch can no longer begin, or go on, at its revision.
    pub(crate) fn too_old(asked: u64, oldest: u64) -> Self {
        Self::expired(format!("too old resource version: {asked} ({oldest})"))
    }

    /// A revision that this server has not reached; the client is ahead (a restored backup, another server).
    pub(crate) fn too_large(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let mut failure = Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message);
        failure.details = Some(json!({
            "causes": [{ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" }],
            "retryAfterSeconds": 1
        }));
        failure.retry_after = Some(1);
        failure
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    pub(crate) fn timeout(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
    }

    pub(crate) fn too_many_requests() -> Self {
        let message = "too many requests are being answered; please try again later";
        let mut failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message);
        failure.details = Some(json!({ "retryAfterSeconds": 1 }));
        failure.retry_after = Some(1);
        failure
    }

    /// Nothing was written, for a reason outside of the request.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let mut failure = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalError",
            format!("Internal error occurred: {message}"),
        );
        failure.details = Some(json!({ "causes": [{ "message": message }] }));
        failure
    }

    /// An error without a reason of its own, as Kubernetes has some.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
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

    /// What a new object depends on has changed while it was being stored; the same again may succeed.
    pub(crate) fn overtaken(kind: &Kind, name: &str) -> Self {
        Self::conflict(kind, name, OVERTAKEN)
    }

    pub(crate) fn is_overtaken(&self) -> bool {
        self.message.ends_with(OVERTAKEN)
    }

    /// A patch that cannot be applied.
    pub(crate) fn from_patch(kind: &Kind, name: &str, error: &PatchError) -> Self {
        let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::BAD_REQUEST);
        if let PatchError::Unprocessable(why) = error {
            tracing::debug!(resource = %kind.resource(), name, why, "a patch could not be applied");
        }
        let mut failure = Self::new(code, error.reason(), error.to_string());
        if code == StatusCode::UNPROCESSABLE_ENTITY {
            failure.details = Some(json!({}));
        }
        failure
    }

    /// The disk is full, or the server is going down.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        let mut failure = Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message);
        failure.details = Some(json!({ "retryAfterSeconds": 1 }));
        failure.retry_after = Some(1);
        failure
    }

    /// The `Status` object on the wire.
    pub(crate) fn to_json(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }
}

impl From<store::WriteError> for Failure {
    fn from(error: store::WriteError) -> Self {
        match error {
            // A caller that gives a condition looks at conflicts itself.
            store::WriteError::Conflict { .. } => Self::internal("a write met another one"),
            store::WriteError::Full { detail } => Self::unavailable(format!(
                "nothing was stored: the disk is full ({detail}); free space in the server's data directory"
            )),
            store::WriteError::Storage { detail } => {
                Self::internal(format!("nothing was stored: {detail}"))
            }
            store::WriteError::Closed => Self::unavailable("the server is going down"),
        }
    }
}

/// The answer to a deletion after which nothing is left to show.
pub(crate) fn success(kind: &Kind, name: &str, uid: &str) -> Value {
    let mut told = details(&kind.group, &kind.plural, name);
    told["uid"] = uid.into();
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": told })
}

fn shortened(mut message: String) -> String {
    if message.len() > MOST_MESSAGE_BYTES {
        let end =
            (0..=MOST_MESSAGE_BYTES).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}

fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut details = serde_json::Map::new();
    for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
        if !value.is_empty() {
            details.insert(key.to_owned(), value.into());
        }
    }
    details.into()
}

fn cause(error: &FieldError) -> Value {
    json!({ "reason": error.reason(), "message": shortened(error.body()), "field": error.field })
}

/// `deployments.apps`; `secrets` in the core group.
pub(crate) fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}
