//! A reason with its message.

use meshroot_api::Reason;
use meshroot_api::shared::Status;

/// Why something is not done, for status, event, condition and log alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {message}")]
pub struct Refusal {
    /// The reason, the same word everywhere.
    pub reason: Reason,
    /// One sentence: object, field, value, what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal from its parts.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// As the original API's status: the reason's state, and `Reason: message`.
    pub fn status(&self) -> Status {
        Status::new(self.reason.state(), self.to_string())
    }
}
