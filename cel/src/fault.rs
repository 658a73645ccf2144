//! What stops an evaluation.

/// What stops an evaluation.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    /// The expression asks for what is not there or not possible.
    #[error("{0}")]
    Evaluation(String),
    /// The expression takes more steps than one may.
    #[error("operation cancelled: actual cost limit exceeded")]
    Budget,
}

impl Fault {
    /// What is not possible.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Evaluation(message.into())
    }

    /// A function or operator does not take these values.
    pub fn overload() -> Self {
        Self::new("no such overload")
    }
}
