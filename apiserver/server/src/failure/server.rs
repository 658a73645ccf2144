//! What the server cannot do now, or could not do.

use apiserver_store::WriteError;
use http::StatusCode;
use serde_json::json;

use super::Failure;

impl Failure {
    pub(crate) fn too_many_requests() -> Self {
        let message = "too many requests are being answered; please try again later";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).with_retry()
    }

    /// The disk is full, or the server is going down.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message).with_retry()
    }

    fn with_retry(mut self) -> Self {
        self.retry_after = Some(1);
        self.with_details(json!({ "retryAfterSeconds": 1 }))
    }

    /// Nothing was written, for a reason outside of the request.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        let message = message.into();
        let details = json!({ "causes": [{ "message": message }] });
        let message = format!("Internal error occurred: {message}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message).with_details(details)
    }

    /// An error without a reason of its own, as Kubernetes has some.
    pub(crate) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            // A caller that gives a condition looks at conflicts itself.
            WriteError::Conflict { .. } | WriteError::Crowded { .. } => {
                Self::internal("a write met another one")
            }
            WriteError::Full { detail } => Self::unavailable(format!(
                "nothing was stored: the disk is full ({detail}); free space in the server's data directory"
            )),
            WriteError::Storage { detail } => {
                Self::internal(format!("nothing was stored: {detail}"))
            }
            WriteError::Closed => Self::unavailable("the server is going down"),
        }
    }
}
