//! The controllers of one process: which kinds it follows, what each change queues, who works on the queues.

use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use kube::runtime::reflector::ObjectRef;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::task::JoinError;

use super::Election;
use crate::kube::watch::{Watchable, Watched};
use crate::kube::write::Retry;
use crate::process::queue::{self, Outcome, Queue};
use crate::process::shutdown::Shutdown;
use crate::process::telemetry::{ReadyFlag, Telemetry};

/// A controller's failure: its text is logged, and it knows what becomes of the key.
pub trait ControllerError: Display {
    /// What the queue does with the key. [`Outcome::Retry`] counts as a failure, anything else is on the way.
    fn outcome(&self) -> Outcome;
}

impl From<Retry> for Outcome {
    fn from(retry: Retry) -> Self {
        match retry {
            // Conflicts and vanished objects: the watch brings the newer state.
            Retry::Now => Self::RequeueAfter(NEWER_STATE),
            Retry::Later(after) => Self::RequeueAfter(after),
            Retry::UserMustAct => Self::Retry,
        }
    }
}

/// How long the watch takes to bring what a write conflicted with.
const NEWER_STATE: Duration = Duration::from_millis(50);

/// What a process follows and works on while it leads, as a table: one row a watch, one row a controller. All of them
/// share the state `S`.
pub struct Controllers<S> {
    state: Arc<S>,
    begin: fn(&S),
    synced: Vec<BoxFuture<'static, bool>>,
    rows: Vec<Row>,
    failures: Failures,
    ready: ReadyFlag,
}

/// Works for one term: until the shutdown that it is given.
type Row = Box<dyn Fn(Shutdown) -> BoxFuture<'static, ()> + Send + Sync>;
type Failures = Family<Vec<(&'static str, &'static str)>, Counter>;

impl<S: Send + Sync + 'static> Controllers<S> {
    /// An empty table. Registers `meshroot_controller_failures`, and `watches` as a condition for readiness.
    #[must_use]
    pub fn new(state: &Arc<S>, telemetry: &Telemetry) -> Self {
        let failures = Failures::default();
        telemetry.registry(|registry| {
            registry.register(
                "meshroot_controller_failures",
                "Failed reconciliations, tried again",
                failures.clone(),
            );
        });
        Self {
            state: Arc::clone(state),
            begin: |_| {},
            synced: Vec::new(),
            rows: Vec::new(),
            failures,
            ready: telemetry.readiness("watches"),
        }
    }

    /// Calls `begin` at the beginning of each term, when every watch has been read and nothing is worked on yet.
    #[must_use]
    pub fn begin(mut self, begin: fn(&S)) -> Self {
        self.begin = begin;
        self
    }

    /// Calls `changed` with the key of every object that is there when a term begins and of all that change during it.
    #[must_use]
    pub fn follow<K, C>(mut self, watched: &Watched<K>, changed: C) -> Self
    where
        K: Watchable,
        C: Fn(&S, ObjectRef<K>) + Clone + Send + Sync + 'static,
    {
        let first = watched.clone();
        self.synced.push(Box::pin(async move { first.synced().await }));
        let (state, watched) = (Arc::clone(&self.state), watched.clone());
        self.rows.push(Box::new(move |term| {
            let (state, watched, changed) = (Arc::clone(&state), watched.clone(), changed.clone());
            Box::pin(async move { watched.follow(&term, |object| changed(&state, object)).await })
        }));
        self
    }

    /// Has the controller `name` reconcile the keys of `queue`, at most `concurrency` at a time.
    #[must_use]
    pub fn reconcile<K, R, F, E>(
        mut self,
        name: &'static str,
        queue: &Queue<K>,
        concurrency: usize,
        reconcile: R,
    ) -> Self
    where
        K: Eq + Hash + Clone + Display + Send + Sync + 'static,
        R: Fn(Arc<S>, K) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<Outcome, E>> + Send + 'static,
        E: ControllerError,
    {
        let (state, queue, failures) =
            (Arc::clone(&self.state), queue.clone(), self.failures.clone());
        self.rows.push(Box::new(move |term| {
            let (state, failures) = (Arc::clone(&state), failures.clone());
            let reconcile = reconcile.clone();
            Box::pin(queue::run(queue.clone(), concurrency, term, move |key: K| {
                let reconciled = reconcile(Arc::clone(&state), key.clone());
                let failures = failures.clone();
                async move {
                    let outcome = reconciled
                        .await
                        .unwrap_or_else(|error| failed(name, &key, &error, &failures));
                    tracing::trace!(controller = name, %key, ?outcome, "reconciled");
                    outcome
                }
            }))
        }));
        self
    }

    /// Waits until every watch has been read, works whenever this process leads until the shutdown, ends what is in
    /// progress, and releases the Lease.
    ///
    /// # Errors
    /// The election panicked.
    pub async fn lead(self, mut election: Election, shutdown: &Shutdown) -> Result<(), JoinError> {
        if join_all(self.synced).await.into_iter().all(|synced| synced) {
            self.ready.set(true);
            let (state, begin, rows) = (self.state, self.begin, self.rows);
            election
                .lead(shutdown, |term| {
                    begin(&state);
                    let working = join_all(rows.iter().map(|row| row(term.clone())));
                    async move { drop(working.await) }
                })
                .await;
        }
        election.end().await
    }
}

fn failed(
    controller: &'static str,
    key: &impl Display,
    error: &impl ControllerError,
    failures: &Failures,
) -> Outcome {
    let outcome = error.outcome();
    if outcome == Outcome::Retry {
        failures.get_or_create(&vec![("controller", controller)]).inc();
        tracing::warn!(controller, %key, %error, "will try again");
    } else {
        tracing::debug!(controller, %key, %error, "will look again");
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_write_asks_for_is_what_becomes_of_the_key() {
        let later = Duration::from_secs(7);
        for (retry, outcome) in [
            (Retry::Now, Outcome::RequeueAfter(NEWER_STATE)),
            (Retry::Later(later), Outcome::RequeueAfter(later)),
            (Retry::UserMustAct, Outcome::Retry),
        ] {
            assert_eq!(Outcome::from(retry), outcome, "{retry:?}");
        }
    }
}
