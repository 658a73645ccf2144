//! Why a patch was not applied.

/// A patch that could not be applied. The text is what the real server writes into `Status.message`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The patch is not one (400, `BadRequest`).
    #[error("{0}")]
    Malformed(String),
    /// The patch does not fit the object: a test failed, a path is missing (422, `Invalid`, empty `details`). The real
    /// server does not tell the client what is wrong; it is here for a log.
    #[error("the server rejected our request due to an error in our request")]
    Unprocessable(String),
    /// The patch says what cannot be done (500 without a reason, as the real server answers).
    #[error("{0}")]
    Internal(String),
    /// More operations than a JSON patch may hold (413, `RequestEntityTooLarge`).
    #[error(
        "Request entity too large: The allowed maximum operations in a JSON patch is {limit}, got {found}"
    )]
    TooMany {
        /// Most operations.
        limit: usize,
        /// How many there were.
        found: usize,
    },
}

impl PatchError {
    /// The HTTP status code of the answer.
    pub const fn code(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::Unprocessable(_) => 422,
            Self::Internal(_) => 500,
            Self::TooMany { .. } => 413,
        }
    }

    /// `Status.reason` of the answer.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "BadRequest",
            Self::Unprocessable(_) => "Invalid",
            Self::Internal(_) => "",
            Self::TooMany { .. } => "RequestEntityTooLarge",
        }
    }
}
