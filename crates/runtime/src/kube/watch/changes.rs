//! The keys of what changed, for one reader.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use kube::runtime::reflector::ObjectRef;
use tokio::sync::Notify;

use super::Watchable;
use crate::process::shutdown::Shutdown;

/// Keys of changed objects, each at most once however often it changed meanwhile; a slow reader misses none.
pub struct Changes<K: Watchable> {
    pub(super) pending: Arc<Pending<ObjectRef<K>>>,
    pub(super) shutdown: Shutdown,
}

impl<K: Watchable> Changes<K> {
    /// The next key; `None` after the shutdown. The object is gone if the store does not have it. Cancel safe.
    pub async fn next(&mut self) -> Option<ObjectRef<K>> {
        loop {
            if self.shutdown.is_triggered() {
                return None;
            }
            if let Some(key) = self.pending.take() {
                return Some(key);
            }
            tokio::select! {
                () = self.pending.arrived.notified() => {}
                () = self.shutdown.wait() => {}
            }
        }
    }
}

/// Keys that wait to be taken, in order of arrival and without repetition: bounded by the number of objects.
pub(super) struct Pending<R> {
    keys: Mutex<(VecDeque<R>, HashSet<R>)>,
    arrived: Notify,
}

impl<R> Default for Pending<R> {
    fn default() -> Self {
        Self { keys: Mutex::default(), arrived: Notify::new() }
    }
}

impl<R: Eq + Hash + Clone> Pending<R> {
    pub(super) fn add(&self, key: R) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.1.insert(key.clone()) {
            keys.0.push_back(key);
            self.arrived.notify_one();
        }
    }

    fn take(&self) -> Option<R> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.0.pop_front()?;
        keys.1.remove(&key);
        Some(key)
    }
}
