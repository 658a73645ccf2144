//! How a path is judged.

use jiff::Timestamp;

/// Intermediates that rustls-webpki allows at most.
pub const DEFAULT_MAX_DEPTH: usize = 6;

/// What the leaf is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// TLS server (`serverAuth`).
    Server,
    /// TLS client (`clientAuth`).
    Client,
    /// No purpose in particular: extended key usages are not asked.
    Any,
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "serverAuth",
            Self::Client => "clientAuth",
            Self::Any => "any purpose",
        })
    }
}

/// How a path is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathOptions {
    /// The time for which the path must be valid.
    pub at: Timestamp,
    /// What the leaf is used for.
    pub purpose: Purpose,
    /// Most intermediates between the leaf and the anchor.
    pub max_depth: usize,
}

impl PathOptions {
    /// Options with [`DEFAULT_MAX_DEPTH`].
    pub const fn new(at: Timestamp, purpose: Purpose) -> Self {
        Self { at, purpose, max_depth: DEFAULT_MAX_DEPTH }
    }
}
