//! Failures as a Kubernetes API server reports them: a `Status` object with code, reason and details
//! (`k8s.io/apimachinery/pkg/api/errors`).

mod access;
mod object;
mod request;
mod server;

pub(crate) use object::without_secret;

use apiserver_kinds::Kind;
use apiserver_object::FieldError;
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
    /// Warnings that go with the failure.
    pub(crate) warnings: Vec<String>,
}

/// The longest message; a message made from a hostile object must not become a second hostile object.
const MOST_MESSAGE_BYTES: usize = 16 * 1024;

impl Failure {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let message = shortened(message.into());
        Self { code, reason, message, details: None, retry_after: None, warnings: Vec::new() }
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    fn about(self, kind: &Kind, name: &str) -> Self {
        self.with_details(details(&kind.group, &kind.plural, name))
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

/// The answer to a deletion after which nothing is left to show.
pub(crate) fn success(kind: &Kind, name: &str, uid: &str) -> Value {
    let mut details = details(&kind.group, &kind.plural, name);
    details["uid"] = uid.into();
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
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
fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}
