//! What can go wrong in a controller, and what is done about it.

use meshroot_api::Reason;
use meshroot_core::Refusal;
use meshroot_runtime::kube::write::{Retry, WriteError};
use meshroot_runtime::process::queue::Outcome;

/// A controller's failure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HubError {
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Another hub leads now: whatever was decided is not written.
    #[error("this hub no longer leads")]
    NotLeader,
    /// The ledger has an entry that this hub had not seen yet, or that does not fit.
    #[error("the ledger holds another entry for request {request}")]
    LedgerConflict { request: String },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("reading the ledger failed: {0}")]
    ReadLedger(#[source] Box<kube::Error>),
}

impl HubError {
    /// What the queue does with the key.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Write(error) => match error.retry() {
                // Conflicts and vanished objects: the watch brings the newer state.
                Retry::Now => Outcome::RequeueAfter(std::time::Duration::from_millis(50)),
                Retry::Later(after) => Outcome::RequeueAfter(after),
                Retry::UserMustAct => Outcome::Retry,
            },
            Self::NotLeader => Outcome::Done,
            Self::LedgerConflict { .. } | Self::ReadLedger(_) => Outcome::Retry,
            Self::Refused(refusal) if refusal.reason == Reason::RootUnavailable => Outcome::Retry,
            Self::Refused(_) => Outcome::RequeueAfter(std::time::Duration::from_secs(30)),
        }
    }
}
