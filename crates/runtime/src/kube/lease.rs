//! One leader among several processes, by a `coordination.k8s.io/v1` Lease.
//!
//! Guarantees:
//! - The Lease is only ever written with the resourceVersion that the write is based on, so of two processes that
//!   reach for it one fails.
//! - A holder is given up on when its record has not changed for `duration` *as this process saw it on its monotonic
//!   clock*. Wall clocks are never compared.
//! - A leader that could not renew for two thirds of `duration` has already stepped down, before anyone else may
//!   take over; what it has under way must end in the third that is left.
//! - `leaseTransitions` grows with each new term, also when the same holder comes back: it is the fencing number
//!   that goes with every write that only a leader may make. (Who deletes the Lease starts the number over, as far
//!   as no running candidate remembers it.)

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use kube::Client;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

mod elector;
mod record;

use crate::process::shutdown::Shutdown;
use elector::Elector;

/// The Lease, and how it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseSettings {
    /// Namespace of the Lease.
    pub namespace: String,
    /// Name of the Lease.
    pub name: String,
    /// Who this process is; unique among the candidates (the pod's name).
    pub holder: String,
    /// How long a record must stand unchanged before another may take over. Written in whole seconds, rounded up.
    pub duration: Duration,
    /// How often a leader renews, and how often a candidate looks. At most a third of `duration` is used.
    pub retry: Duration,
    /// Labels of the Lease.
    pub labels: BTreeMap<String, String>,
}

impl LeaseSettings {
    /// A Lease of 15 s that is renewed every 5 s.
    #[must_use]
    pub fn new(
        namespace: impl Into<String>,
        name: impl Into<String>,
        holder: impl Into<String>,
    ) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
            holder: holder.into(),
            duration: Duration::from_secs(15),
            retry: Duration::from_secs(5),
            labels: BTreeMap::from([(
                "app.kubernetes.io/managed-by".to_owned(),
                "meshroot".to_owned(),
            )]),
        }
    }
}

/// The number of a term of leadership: greater than that of every earlier term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence(pub u64);

impl fmt::Display for Fence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Whether this process leads. Clones follow the same election.
#[derive(Clone, Debug)]
pub struct Leadership {
    held: watch::Receiver<Option<Held>>,
    /// The term that the owner of this value works in.
    term: Option<Fence>,
}

/// A term, and until when it is certain that nobody else leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    fence: Fence,
    until: Instant,
}

impl Leadership {
    /// The present term, if this process leads. Judged by the clock at this instant, even if the election task was
    /// kept from running.
    #[must_use]
    pub fn state(&self) -> Option<Fence> {
        let held = *self.held.borrow();
        held.filter(|held| Instant::now() < held.until).map(|held| held.fence)
    }

    /// Returns the term once this process leads; never after the election has ended. Cancel safe.
    pub async fn wait_until_leader(&mut self) -> Fence {
        loop {
            self.held.mark_unchanged();
            if let Some(fence) = self.state() {
                self.term = Some(fence);
                return fence;
            }
            if self.held.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Returns once the term that [`wait_until_leader`](Self::wait_until_leader) gave (else the present one) is
    /// over; at once if there is none. Cancel safe.
    pub async fn lost(&mut self) {
        let Some(term) = self.term.or_else(|| self.state()) else { return };
        loop {
            let held = *self.held.borrow_and_update();
            let Some(held) = held.filter(|held| held.fence == term && Instant::now() < held.until)
            else {
                self.term = None;
                return;
            };
            tokio::select! {
                changed = self.held.changed() => if changed.is_err() {
                    self.term = None;
                    return;
                },
                () = sleep_until(held.until) => {}
            }
        }
    }
}

/// The writing end of [`Leadership`]: empty again whatever ends the election, abortion included.
struct LeadershipSender(watch::Sender<Option<Held>>);

impl LeadershipSender {
    fn set(&self, held: Held) {
        self.0.send_replace(Some(held));
    }

    fn clear(&self) {
        self.0.send_replace(None);
    }
}

impl Drop for LeadershipSender {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Stands for election until `shutdown`, then releases the Lease if it is held, so that the next one leads at once.
///
/// The task ends after the release. Give it a shutdown that is triggered only after the work that needs leadership has
/// ended, or end that work when [`Leadership::lost`] returns: nobody leads any more when the release is sent.
///
/// Needs `get`, `list`, `watch`, `create` and `update` on the Lease; without `list` and `watch` changes are seen at
/// the next `retry` only.
#[must_use]
pub fn elect(
    client: Client,
    settings: LeaseSettings,
    shutdown: Shutdown,
) -> (Leadership, JoinHandle<()>) {
    let (sender, held) = watch::channel(None);
    let elector = Elector::new(client, settings, LeadershipSender(sender));
    let task = tokio::spawn(elector.run(shutdown));
    (Leadership { held, term: None }, task)
}

#[cfg(test)]
mod tests;
