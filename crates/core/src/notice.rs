//! What is said of an object: a reason with its message.

use meshroot_api::Reason;
use meshroot_api::shared::Status;

use crate::refusal::Refusal;

/// What is so, for status, event, condition and log alike: that something is done, waited for, or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The reason, the same word everywhere.
    pub reason: Reason,
    /// One sentence for people.
    pub message: String,
}

impl Notice {
    /// A notice from its parts.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// As the original API's status: the reason's state, and `Reason: message`.
    pub fn status(&self) -> Status {
        Status::new(self.reason.state(), self.to_string())
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl From<Refusal> for Notice {
    fn from(refusal: Refusal) -> Self {
        Self { reason: refusal.reason, message: refusal.message }
    }
}
