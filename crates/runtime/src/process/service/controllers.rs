//! The controllers of one process: which kinds it follows, what each change queues, who works on the queues.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use kube::runtime::reflector::ObjectRef;
use meshroot_api::metrics::{CONTROLLER_FAILURES, WATCH_RELISTS, WRITE_CONFLICTS, label};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::task::JoinError;

use super::Election;
use crate::jitter::jittered;
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
            Retry::Now => Self::Outdated,
            Retry::Later(after) => Self::RequeueAfter(after),
            Retry::UserMustAct => Self::Retry,
        }
    }
}

/// What a process follows and works on while it leads, as a table: one row a watch, one row a controller. All of them
/// share the state `S`.
pub struct Controllers<S> {
    state: Arc<S>,
    begin: fn(&S),
    synced: Vec<BoxFuture<'static, bool>>,
    rows: Vec<Row>,
    copies: Copies,
    metrics: Metrics,
    ready: ReadyFlag,
}

/// Reads the local copy of one kind anew.
type Copies = Vec<Arc<dyn Fn() + Send + Sync>>;

/// Works for one term: until the shutdown that it is given.
type Row = Box<dyn Fn(Shutdown) -> BoxFuture<'static, ()> + Send + Sync>;
type Counters<V> = Family<Vec<(&'static str, V)>, Counter>;

#[derive(Clone, Default)]
struct Metrics {
    failures: Counters<&'static str>,
    conflicts: Counters<&'static str>,
    relists: Counters<String>,
}

impl Metrics {
    fn register(telemetry: &Telemetry) -> Self {
        let metrics = Self::default();
        telemetry.register(&CONTROLLER_FAILURES, metrics.failures.clone());
        telemetry.register(&WRITE_CONFLICTS, metrics.conflicts.clone());
        telemetry.register(&WATCH_RELISTS, metrics.relists.clone());
        metrics
    }
}

/// A copy that is still older than the object after so many attempts is doubted: its watch may be open and silent.
const CONFLICTS: u32 = 3;

impl<S: Send + Sync + 'static> Controllers<S> {
    /// An empty table. Registers its metrics, and `watches` as a condition for readiness.
    #[must_use]
    pub fn new(state: &Arc<S>, telemetry: &Telemetry) -> Self {
        Self {
            state: Arc::clone(state),
            begin: |_| {},
            synced: Vec::new(),
            rows: Vec::new(),
            copies: Copies::new(),
            metrics: Metrics::register(telemetry),
            ready: telemetry.readiness("watches"),
        }
    }

    /// Calls `begin` at the beginning of each term, when every watch has been read and nothing is worked on yet.
    #[must_use]
    pub fn begin(mut self, begin: fn(&S)) -> Self {
        self.begin = begin;
        self
    }

    /// Calls `again` about every `period`, so that nothing depends on having been heard of: each key that it queues is
    /// looked at as if it had changed.
    #[must_use]
    pub fn look_again(mut self, period: Duration, again: fn(&S)) -> Self {
        let state = Arc::clone(&self.state);
        self.rows.push(Box::new(move |term| {
            let state = Arc::clone(&state);
            Box::pin(async move {
                loop {
                    tokio::select! {
                        () = term.wait() => return,
                        () = tokio::time::sleep(jittered(period, 0.8)) => again(&state),
                    }
                }
            })
        }));
        self
    }

    /// Calls `changed` with the key of every object that is there when a term begins and of all that change during it.
    #[must_use]
    pub fn follow<K, C>(mut self, watched: &Watched<K>, changed: C) -> Self
    where
        K: Watchable,
        C: Fn(&S, ObjectRef<K>) + Clone + Send + Sync + 'static,
    {
        let doubted = watched.clone();
        self.copies.push(Arc::new(move || doubted.doubt()));
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        watched.count_relists(&self.metrics.relists.get_or_create(&vec![(label::KIND, kind)]));
        let first = watched.clone();
        self.synced.push(Box::pin(async move { first.synced().await }));
        let (state, watched) = (Arc::clone(&self.state), watched.clone());
        self.rows.push(Box::new(move |term| {
            let (state, watched, changed) = (Arc::clone(&state), watched.clone(), changed.clone());
            Box::pin(async move { watched.follow(&term, |object| changed(&state, object)).await })
        }));
        self
    }

    /// Has the controller `name` reconcile the keys of `queue`, at most `concurrency` at a time. After three conflicts in
    /// a row for one key, the kinds that were followed above in the table are read anew.
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
        let (state, queue) = (Arc::clone(&self.state), queue.clone());
        let watch = Arc::new(Conflicts::new(name, &self.metrics, self.copies.clone()));
        self.rows.push(Box::new(move |term| {
            let (state, watch) = (Arc::clone(&state), Arc::clone(&watch));
            let reconcile = reconcile.clone();
            Box::pin(queue::run(queue.clone(), concurrency, term, move |key: K| {
                let reconciled = reconcile(Arc::clone(&state), key.clone());
                let watch = Arc::clone(&watch);
                async move {
                    let outcome =
                        reconciled.await.unwrap_or_else(|error| watch.failed(&key, &error));
                    watch.note(&key, outcome);
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

/// What one controller's outcomes say of the copies that it decides by.
struct Conflicts<K> {
    controller: &'static str,
    failures: Counter,
    outdated: Counter,
    copies: Copies,
    /// How often in a row the copy was older than the object, by key.
    in_a_row: Mutex<HashMap<K, u32>>,
}

impl<K: Eq + Hash + Clone + Display> Conflicts<K> {
    fn new(controller: &'static str, metrics: &Metrics, copies: Copies) -> Self {
        // There from the start: what begins with the first failure is not seen to grow by it.
        let counter =
            |of: &Counters<_>| of.get_or_create(&vec![(label::CONTROLLER, controller)]).clone();
        Self {
            controller,
            failures: counter(&metrics.failures),
            outdated: counter(&metrics.conflicts),
            copies,
            in_a_row: Mutex::default(),
        }
    }

    fn failed(&self, key: &K, error: &impl ControllerError) -> Outcome {
        let (controller, outcome) = (self.controller, error.outcome());
        if outcome == Outcome::Retry {
            self.failures.inc();
            tracing::warn!(controller, %key, %error, "will try again");
        } else {
            tracing::debug!(controller, %key, %error, "will look again");
        }
        outcome
    }

    /// A copy that stays behind is read anew.
    fn note(&self, key: &K, outcome: Outcome) {
        let mut in_a_row = self.in_a_row.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome != Outcome::Outdated {
            in_a_row.remove(key);
            return;
        }
        self.outdated.inc();
        let count = in_a_row.entry(key.clone()).or_default();
        *count += 1;
        if *count >= CONFLICTS {
            *count = 0;
            self.copies.iter().for_each(|doubt| doubt());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_write_asks_for_is_what_becomes_of_the_key() {
        let later = Duration::from_secs(7);
        for (retry, outcome) in [
            (Retry::Now, Outcome::Outdated),
            (Retry::Later(later), Outcome::RequeueAfter(later)),
            (Retry::UserMustAct, Outcome::Retry),
        ] {
            assert_eq!(Outcome::from(retry), outcome, "{retry:?}");
        }
    }
}
