//! What can go wrong in a controller, and what is done about it.

use std::time::Duration;

use meshroot_api::Reason;
use meshroot_core::Refusal;
use meshroot_runtime::kube::write::WriteError;
use meshroot_runtime::process::queue::Outcome;
use meshroot_runtime::process::service::ControllerError;

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
    /// Its key is being made, or its Secret read, or what members are told of it planned: whoever needs it comes back, and
    /// leaves its worker to others meanwhile.
    #[error("the root is being made or read, or planned for")]
    RootIsBusy,
    #[error("reading the ledger failed: {0}")]
    ReadLedger(#[source] Box<kube::Error>),
    /// Another hub wrote to the ledger meanwhile: it is read again.
    #[error("another hub took the next number in the ledger of {namespace}")]
    NumberTaken { namespace: String },
    #[error(
        "ConfigMap {config_map}, which says how far a ledger has come, has no entry of a ledger in `data.entry` ({source}); put back what was there, or delete it, and the ledger goes on after its newest record"
    )]
    UnreadableClaim { config_map: String, source: serde_json::Error },
}

impl HubError {
    /// What is to be said of a write that the quota of its namespace refused.
    pub(crate) fn quota_full(&self) -> Option<Refusal> {
        match self {
            Self::Write(error) if error.is_over_quota() => {
                Some(Refusal::new(Reason::QuotaFull, error.to_string()))
            }
            _ => None,
        }
    }

    /// What is to be said of a ledger that does not work.
    pub(crate) fn ledger_unavailable(&self) -> Option<Refusal> {
        let is = matches!(self, Self::ReadLedger(_) | Self::UnreadableClaim { .. });
        is.then(|| Refusal::new(Reason::LedgerUnavailable, self.to_string()))
    }
}

impl ControllerError for HubError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Write(error) => error.retry().into(),
            Self::NotLeader => Outcome::Done,
            Self::RootIsBusy => Outcome::RequeueAfter(Duration::from_millis(250)),
            Self::LedgerConflict { .. }
            | Self::ReadLedger(_)
            | Self::NumberTaken { .. }
            | Self::UnreadableClaim { .. } => Outcome::Retry,
            Self::Refused(refusal)
                if matches!(
                    refusal.reason,
                    Reason::RootUnavailable | Reason::LedgerUnavailable
                ) =>
            {
                Outcome::Retry
            }
            Self::Refused(_) => Outcome::RequeueAfter(Duration::from_secs(30)),
        }
    }
}
