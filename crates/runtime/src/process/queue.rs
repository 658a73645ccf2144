//! A queue of keys to work on: each key once, never twice at a time, and no group ahead of the others.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

mod schedule;
mod work;

pub use work::{Outcome, run};

use crate::jitter::jittered;
use schedule::Schedule;

/// Keys that want work. Clones share the same queue.
///
/// - A key that is added while it waits is handed out once; one that is added while it is worked on is handed out
///   again after [`done`](Self::done), and never to two workers at a time.
/// - A key has at most one delayed addition: the earliest. An immediate addition replaces it.
/// - With [`with_groups`](Self::with_groups) keys are handed out round-robin over groups, and
///   [`group_limit`](Self::group_limit) bounds how many keys of one group are worked on at a time, so that a group
///   which is noisy or slow delays only itself.
pub struct Queue<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    schedule: Mutex<Schedule<K>>,
    changed: Notify,
    group_of: GroupOf<K>,
}

/// `None` where all keys are one group.
type GroupOf<K> = Option<Box<dyn Fn(&K) -> String + Send + Sync>>;

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Eq + Hash + Clone> Default for Queue<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Eq + Hash + Clone> Queue<K> {
    /// A queue that hands out keys in the order in which they became ready.
    #[must_use]
    pub fn new() -> Self {
        Self::build(None)
    }

    /// A queue that hands out keys round-robin over the groups that `group_of` names.
    #[must_use]
    pub fn with_groups(group_of: impl Fn(&K) -> String + Send + Sync + 'static) -> Self {
        Self::build(Some(Box::new(group_of)))
    }

    /// At most `limit` (at least 1) keys of one group are worked on at a time.
    #[must_use]
    pub fn group_limit(self, limit: usize) -> Self {
        self.schedule().limit_groups(limit.max(1));
        self
    }

    /// Makes `key` ready now.
    pub fn add(&self, key: K) {
        let group = self.group_of(&key);
        self.schedule().add(key, &group);
        self.shared.changed.notify_one();
    }

    /// Makes `key` ready after `delay`, unless it is ready or due earlier.
    pub fn add_after(&self, key: K, delay: Duration) {
        let group = self.group_of(&key);
        // Beyond the clock's range is never; a year is as good and safe to add.
        let due = Instant::now() + delay.min(LONGEST_DELAY);
        self.schedule().add_at(key, group, due);
        self.shared.changed.notify_one();
    }

    /// Makes `key` ready after its backoff: 500 ms at first, doubled each time up to 5 minutes, less a jitter
    /// of up to a quarter. [`forget`](Self::forget) starts it over. Returns the delay.
    pub fn retry(&self, key: K) -> Duration {
        let attempt = self.schedule().count_failure(&key);
        let delay = backoff(attempt);
        self.add_after(key, delay);
        delay
    }

    /// Starts the backoff of `key` over.
    pub fn forget(&self, key: &K) {
        self.schedule().forget(key);
    }

    /// How often in a row [`retry`](Self::retry) was asked for `key`.
    #[must_use]
    pub fn failures(&self, key: &K) -> u32 {
        self.schedule().failures(key)
    }

    /// The next key, to be given back with [`done`](Self::done); `None` once the queue is closed. Cancel safe.
    pub async fn next(&self) -> Option<K> {
        loop {
            let due = {
                let mut schedule = self.schedule();
                if schedule.is_closed() {
                    // Every waiter must learn of it.
                    self.shared.changed.notify_one();
                    return None;
                }
                if let Some(key) = schedule.take(Instant::now()) {
                    if schedule.has_more() {
                        self.shared.changed.notify_one();
                    }
                    return Some(key);
                }
                schedule.next_due()
            };
            self.change_or(due).await;
        }
    }

    /// Gives back a key that [`next`](Self::next) handed out.
    pub fn done(&self, key: &K) {
        self.schedule().done(key);
        self.shared.changed.notify_one();
    }

    /// Hands out nothing more; keys that are worked on can still be given back.
    pub fn close(&self) {
        self.schedule().close();
        self.shared.changed.notify_one();
    }

    /// How many keys are ready and wait for a worker.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.schedule().ready()
    }

    fn build(group_of: GroupOf<K>) -> Self {
        let schedule = Mutex::new(Schedule::default());
        Self { shared: Arc::new(Shared { schedule, changed: Notify::new(), group_of }) }
    }

    fn group_of(&self, key: &K) -> String {
        self.shared.group_of.as_ref().map_or_else(String::new, |group_of| group_of(key))
    }

    fn is_grouped(&self) -> bool {
        self.shared.group_of.is_some()
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule<K>> {
        // No step of the schedule is left half done by a panic in a caller's closure: those run outside of the lock.
        self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn change_or(&self, due: Option<Instant>) {
        match due {
            None => self.shared.changed.notified().await,
            Some(due) => tokio::select! {
                () = self.shared.changed.notified() => {}
                () = sleep_until(due) => {}
            },
        }
    }
}

fn backoff(attempt: u32) -> Duration {
    let doubled = SHORTEST_BACKOFF.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX));
    jittered(doubled.min(LONGEST_BACKOFF), 0.75)
}

const SHORTEST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);
const LONGEST_DELAY: Duration = Duration::from_hours(365 * 24);

#[cfg(test)]
mod tests;
