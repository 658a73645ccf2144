//! Workers for a queue.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use super::Queue;
use crate::process::shutdown::Shutdown;

/// What became of one piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more to do until the key is added again.
    Done,
    /// Look again after this long.
    RequeueAfter(Duration),
    /// It was decided by a copy that is older than the object: look again once the watch has brought what is new.
    Outdated,
    /// It failed: look again after the key's backoff.
    Retry,
}

impl Outcome {
    /// The same, and another look after this long at the latest.
    #[must_use]
    pub fn within(self, longest: Duration) -> Self {
        match self {
            Self::Done => Self::RequeueAfter(longest),
            Self::RequeueAfter(delay) => Self::RequeueAfter(delay.min(longest)),
            sooner @ (Self::Outdated | Self::Retry) => sooner,
        }
    }
}

/// How long the watch takes to bring what a write conflicted with.
const NEWER_STATE: Duration = Duration::from_millis(50);

/// Works on the keys of `queue`, at most `concurrency` (at least 1) at a time, until `shutdown` or
/// [`Queue::close`]; then waits up to 10 s for work in progress and gives up the rest.
///
/// Work that panics counts as [`Outcome::Retry`] and disturbs no other key. In a queue with groups and no limit of
/// its own, one group gets at most half of the workers.
pub async fn run<K, W, F>(queue: Queue<K>, concurrency: usize, shutdown: Shutdown, work: W)
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    W: Fn(K) -> F,
    F: Future<Output = Outcome> + Send + 'static,
{
    let concurrency = concurrency.max(1);
    share_between_groups(&queue, concurrency);
    let mut workers = Workers { queue, running: JoinSet::new(), keys: HashMap::new() };
    loop {
        tokio::select! {
            biased;
            () = shutdown.wait() => break,
            Some(ended) = workers.running.join_next_with_id(), if !workers.running.is_empty() => {
                workers.settle(ended);
            }
            next = workers.queue.next(), if workers.running.len() < concurrency => match next {
                Some(key) => workers.begin(key, &work),
                None => break,
            },
        }
    }
    workers.drain().await;
}

fn share_between_groups<K: Eq + Hash + Clone>(queue: &Queue<K>, concurrency: usize) {
    let mut schedule = queue.schedule();
    if queue.is_grouped() && schedule.limit().is_none() {
        schedule.limit_groups(concurrency.div_ceil(2));
    }
}

/// What is worked on now.
struct Workers<K> {
    queue: Queue<K>,
    running: JoinSet<Outcome>,
    keys: HashMap<Id, K>,
}

impl<K: Eq + Hash + Clone + Send + Sync + 'static> Workers<K> {
    fn begin<W, F>(&mut self, key: K, work: &W)
    where
        W: Fn(K) -> F,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let handle = self.running.spawn(work(key.clone()));
        self.keys.insert(handle.id(), key);
    }

    fn settle(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                if error.is_panic() {
                    // The panic hook has printed it; its payload may hold anything and is not repeated.
                    tracing::error!("work on a key panicked, trying it again later");
                }
                (error.id(), Outcome::Retry)
            }
        };
        let Some(key) = self.keys.remove(&id) else { return };
        self.apply(&key, outcome);
    }

    fn apply(&self, key: &K, outcome: Outcome) {
        match outcome {
            Outcome::Done => self.queue.forget(key),
            Outcome::RequeueAfter(delay) => {
                self.queue.forget(key);
                self.queue.add_after(key.clone(), delay);
            }
            Outcome::Outdated => self.queue.add_after(key.clone(), NEWER_STATE),
            Outcome::Retry => {
                self.queue.retry(key.clone());
            }
        }
        self.queue.done(key);
    }

    async fn drain(mut self) {
        let all_ended = async {
            while let Some(ended) = self.running.join_next_with_id().await {
                self.settle(ended);
            }
        };
        if timeout(LONGEST_DRAIN, all_ended).await.is_err() {
            tracing::warn!("work in progress did not end in time and was given up");
            self.running.shutdown().await;
            // Given back, or the next workers of this queue would never be handed them.
            self.keys.values().for_each(|key| self.queue.done(key));
        }
    }
}

/// Half of the time that Kubernetes gives a pod between SIGTERM and SIGKILL, less what releasing the lease takes.
const LONGEST_DRAIN: Duration = Duration::from_secs(10);
