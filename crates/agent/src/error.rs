//! What can go wrong in a controller, and what is done about it.

use meshroot_core::Refusal;
use meshroot_pki::{KeyError, RequestError};
use meshroot_runtime::kube::write::{WriteError, classify};
use meshroot_runtime::process::queue::Outcome;
use meshroot_runtime::process::service::ControllerError;

/// A controller's failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentError {
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("reading {what} failed: {source}")]
    Read {
        what: String,
        #[source]
        source: Box<kube::Error>,
    },
    /// Another agent of this cluster leads now.
    #[error("this agent no longer leads")]
    NotLeader,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("Secret {secret}: {source}")]
    KeySecret {
        secret: String,
        #[source]
        source: KeyError,
    },
    #[error("Secret {secret}: {problem}")]
    BrokenKeySecret { secret: String, problem: &'static str },
    #[error("making a key failed: {0}")]
    MakeKey(String),
    #[error("making the certificate request failed: {0}")]
    MakeRequest(#[from] RequestError),
}

impl AgentError {
    pub(crate) fn read(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Read { what, source: Box::new(source) }
    }
}

impl ControllerError for AgentError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Write(error) => error.retry().into(),
            Self::Read { source, .. } => classify(source).retry().into(),
            Self::NotLeader => Outcome::Done,
            _ => Outcome::Retry,
        }
    }
}
