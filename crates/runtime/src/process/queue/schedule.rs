//! The state of a queue: which key waits, is due, is worked on. No I/O, no clock of its own.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::Hash;

use tokio::time::Instant;

/// A key is in at most one of *ready* and *delayed*; beside that it may be *in progress*, and while it is, it is
/// never *ready* but *again* (ready as soon as it is given back).
pub(super) struct Schedule<K> {
    groups: HashMap<String, Group<K>>,
    /// Groups that have a ready key and are below the limit, each once.
    rotation: VecDeque<String>,
    ready: HashSet<K>,
    progress: HashMap<K, String>,
    again: HashSet<K>,
    delayed: HashMap<K, (Instant, u64)>,
    due: BTreeMap<(Instant, u64), (K, String)>,
    sequence: u64,
    failures: HashMap<K, u32>,
    limit: Option<usize>,
    closed: bool,
}

struct Group<K> {
    ready: VecDeque<K>,
    in_progress: usize,
    in_rotation: bool,
}

impl<K> Default for Group<K> {
    fn default() -> Self {
        Self { ready: VecDeque::new(), in_progress: 0, in_rotation: false }
    }
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self {
            groups: HashMap::new(),
            rotation: VecDeque::new(),
            ready: HashSet::new(),
            progress: HashMap::new(),
            again: HashSet::new(),
            delayed: HashMap::new(),
            due: BTreeMap::new(),
            sequence: 0,
            failures: HashMap::new(),
            limit: None,
            closed: false,
        }
    }
}

impl<K: Eq + Hash + Clone> Schedule<K> {
    pub(super) fn add(&mut self, key: K, group: &str) {
        self.undelay(&key);
        if self.closed {
            return;
        }
        if self.progress.contains_key(&key) {
            self.again.insert(key);
        } else if self.ready.insert(key.clone()) {
            self.groups.entry(group.to_owned()).or_default().ready.push_back(key);
            self.rotate_in(group);
        }
    }

    pub(super) fn add_at(&mut self, key: K, group: String, due: Instant) {
        let ready_already = self.ready.contains(&key) || self.again.contains(&key);
        let due_earlier = self.delayed.get(&key).is_some_and(|(earlier, _)| *earlier <= due);
        if self.closed || ready_already || due_earlier {
            return;
        }
        self.undelay(&key);
        self.sequence += 1;
        let slot = (due, self.sequence);
        self.delayed.insert(key.clone(), slot);
        self.due.insert(slot, (key, group));
    }

    /// The next key to work on at `now`; it is in progress from here on.
    pub(super) fn take(&mut self, now: Instant) -> Option<K> {
        self.promote(now);
        let name = self.rotation.pop_front()?;
        let group = self.groups.get_mut(&name)?;
        group.in_rotation = false;
        let key = group.ready.pop_front()?;
        group.in_progress += 1;
        self.ready.remove(&key);
        self.progress.insert(key.clone(), name.clone());
        self.rotate_in(&name);
        Some(key)
    }

    pub(super) fn done(&mut self, key: &K) {
        let Some(name) = self.progress.remove(key) else { return };
        if let Some(group) = self.groups.get_mut(&name) {
            group.in_progress = group.in_progress.saturating_sub(1);
        }
        if self.again.remove(key) {
            self.add(key.clone(), &name);
        }
        self.rotate_in(&name);
        if self
            .groups
            .get(&name)
            .is_some_and(|group| group.in_progress == 0 && group.ready.is_empty())
        {
            self.groups.remove(&name);
        }
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.keys().next().map(|(due, _)| *due)
    }

    /// Whether another worker has something to take or to wait for with a time limit.
    pub(super) fn has_more(&self) -> bool {
        !self.rotation.is_empty() || !self.due.is_empty()
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.len() + self.again.len()
    }

    /// Counts a failure and returns how many came before it.
    pub(super) fn count_failure(&mut self, key: &K) -> u32 {
        let failures = self.failures.entry(key.clone()).or_default();
        let before = *failures;
        *failures = failures.saturating_add(1);
        before
    }

    pub(super) fn failures(&self, key: &K) -> u32 {
        self.failures.get(key).copied().unwrap_or_default()
    }

    pub(super) fn forget(&mut self, key: &K) {
        self.failures.remove(key);
    }

    pub(super) fn limit_groups(&mut self, limit: usize) {
        self.limit = Some(limit);
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.limit
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    fn promote(&mut self, now: Instant) {
        while let Some(entry) = self.due.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (key, group) = entry.remove();
            self.delayed.remove(&key);
            self.add(key, &group);
        }
    }

    fn undelay(&mut self, key: &K) {
        if let Some(slot) = self.delayed.remove(key) {
            self.due.remove(&slot);
        }
    }

    fn rotate_in(&mut self, name: &str) {
        let Some(group) = self.groups.get_mut(name) else { return };
        let below_limit = self.limit.is_none_or(|limit| group.in_progress < limit);
        if !group.in_rotation && !group.ready.is_empty() && below_limit {
            group.in_rotation = true;
            self.rotation.push_back(name.to_owned());
        }
    }
}
