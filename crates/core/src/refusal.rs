//! Why something is not done.

use meshroot_api::Reason;

/// Why something is not done. An error only: what is said of success or of waiting is a
/// [`Notice`](crate::Notice), and a refusal that is said becomes one.
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
}
