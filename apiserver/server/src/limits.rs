//! What all clients share, and how much of it one of them may hold.

pub(crate) mod budget;
pub(crate) mod turns;
pub(crate) mod write_timeout;

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::limits::budget::{Budget, Permit};
use crate::limits::turns::Turns;

/// Bytes of request bodies that are received at one time, of small ones and of large ones each.
const BODY_BYTES: usize = 64 * 1024 * 1024;
/// Requests that are answered at one time; watches do not count.
const MOST_REQUESTS: usize = 600;
/// Watches that are open at one time.
const MOST_WATCHES: usize = 20_000;

/// The budgets of a server.
#[derive(Debug)]
pub(crate) struct Limits {
    small_bodies: Arc<Budget>,
    large_bodies: Arc<Budget>,
    /// Requests that are being answered.
    pub(crate) requests: Arc<Budget>,
    /// Writes of one user that are worked on.
    pub(crate) turns: Turns,
    /// Watches that are open.
    pub(crate) watches: Arc<Budget>,
    /// Held while a snapshot is taken; one at a time, since each is as large as the state.
    pub(crate) snapshot: Arc<Mutex<()>>,
}

/// Bytes of one body that is being received.
#[derive(Debug)]
pub(crate) struct BodyPermits {
    /// For its first bytes.
    pub(crate) small: Permit,
    /// For the rest.
    pub(crate) large: Permit,
}

impl Limits {
    pub(crate) fn new() -> Self {
        Self {
            small_bodies: Budget::new(BODY_BYTES),
            large_bodies: Budget::new(BODY_BYTES),
            requests: Budget::new(MOST_REQUESTS),
            turns: Turns::default(),
            watches: Budget::new(MOST_WATCHES),
            snapshot: Arc::default(),
        }
    }

    /// Permits for a body of which no byte has come yet.
    pub(crate) fn body(&self, user: &str, master: bool) -> BodyPermits {
        BodyPermits {
            small: self.small_bodies.empty_permit(user, master),
            large: self.large_bodies.empty_permit(user, master),
        }
    }
}
