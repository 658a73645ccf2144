//! Writes that are committed together.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tokio::sync::{oneshot, watch};

use crate::{
    event::{Event, EventKind},
    object::{Key, Object},
    options::Options,
    state::State,
    write::{Change, Condition, Write, WriteError},
};

/// Where the answer to a write goes.
pub(crate) type Answer = oneshot::Sender<Result<Arc<Object>, WriteError>>;

/// A write that waits.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) write: Write,
    pub(crate) answer: Answer,
}

/// What becomes of a write if its batch is durable.
#[derive(Debug)]
pub(crate) enum Verdict {
    Made(Arc<Object>),
    /// The condition does not hold; `settled` says that this does not depend on the batch.
    Conflict {
        current: Option<Arc<Object>>,
        settled: bool,
    },
    /// The namespace has no room; `settled` as above.
    Crowded {
        count: u64,
        settled: bool,
    },
}

/// The changes of one commit.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The changes, in the order of their revisions.
    pub(crate) events: Vec<Arc<Event>>,
    /// The collections that change, each with how many of its oldest events leave the history.
    pub(crate) collections: BTreeMap<Arc<str>, usize>,
    /// The new compacted revisions.
    pub(crate) compacted: Vec<(Arc<str>, u64)>,
    /// The revisions whose records are not needed any more.
    pub(crate) removals: Vec<u64>,
}

/// Checks the requests one after another, each on top of those before it.
pub(crate) fn plan(
    state: &State,
    requests: Vec<Request>,
    options: &Options,
) -> (Batch, Vec<(Answer, Verdict)>) {
    let mut planner = Planner { state, changed: HashMap::new(), events: Vec::new() };
    let answers = requests
        .into_iter()
        .map(|request| (request.answer, planner.judge(request.write)))
        .collect();
    let mut batch = Batch { events: planner.events, ..Batch::default() };
    batch.retain(state, options);
    (batch, answers)
}

struct Planner<'a> {
    state: &'a State,
    /// The objects as the batch leaves them.
    changed: HashMap<Key, Option<Arc<Object>>>,
    events: Vec<Arc<Event>>,
}

impl Planner<'_> {
    /// An object as the batch so far leaves it.
    fn current(&self, key: &Key) -> Option<Arc<Object>> {
        match self.changed.get(key) {
            Some(pending) => pending.clone(),
            None => self.state.read(&key.collection, &key.namespace, &key.name).cloned(),
        }
    }

    /// How many objects the collection has in the namespace, as the batch so far leaves them.
    fn count(&self, place: &Key) -> u64 {
        let collection = self.state.collections.get(&place.collection);
        let before =
            collection.map_or(0, |collection| collection.count_in(&place.namespace)) as u64;
        let here = self.events.iter().filter(|event| {
            let key = &event.object.key;
            key.namespace == place.namespace && key.collection == place.collection
        });
        here.fold(before, |count, event| match event.kind {
            EventKind::Added => count + 1,
            EventKind::Modified => count,
            EventKind::Deleted => count.saturating_sub(1),
        })
    }

    fn judge(&mut self, write: Write) -> Verdict {
        let Write { key, condition, change, labels, given } = write;
        let pending = self.changed.get(&key);
        let settled = pending.is_none();
        let published = || self.state.read(&key.collection, &key.namespace, &key.name).cloned();
        let current = pending.cloned().unwrap_or_else(published);
        if given.is_some_and(|(key, revision)| {
            self.current(&key).is_none_or(|other| other.revision != revision)
        }) {
            return Verdict::Conflict { current, settled };
        }
        if let Condition::Room(most) = condition {
            let count = self.count(&key);
            if count >= most {
                return Verdict::Crowded { count, settled: self.events.is_empty() };
            }
        }
        let (kind, value) = match (condition, &current, change) {
            (Condition::Absent | Condition::Room(_), None, Change::Put(value)) => {
                (EventKind::Added, value)
            }
            (Condition::Revision(revision), Some(current), change)
                if current.revision == revision =>
            {
                match change {
                    Change::Put(value) => (EventKind::Modified, value),
                    Change::Delete(value) => (EventKind::Deleted, value),
                }
            }
            _ => return Verdict::Conflict { current, settled },
        };
        let revision = self.state.revision + self.events.len() as u64 + 1;
        let shared = match &current {
            Some(current) => current.key.clone(),
            None => self.state.intern(&key.collection, &key.namespace, &key.name),
        };
        let created = current.as_ref().map_or(revision, |current| current.created);
        let object =
            Arc::new(Object { key: shared, revision, created, json: value.at(revision), labels });
        let live = (kind != EventKind::Deleted).then(|| Arc::clone(&object));
        self.changed.insert(key, live);
        self.events.push(Arc::new(Event::new(kind, Arc::clone(&object), current)));
        Verdict::Made(object)
    }
}

impl Batch {
    /// Decides which events leave the history, and which records the log.
    fn retain(&mut self, state: &State, options: &Options) {
        let mut added: BTreeMap<Arc<str>, Vec<Arc<Event>>> = BTreeMap::new();
        for event in &self.events {
            added
                .entry(Arc::clone(&event.object.key.collection))
                .or_default()
                .push(Arc::clone(event));
        }
        let empty = crate::history::History::default();
        for (name, events) in added {
            let history =
                state.collections.get(&name).map_or(&empty, |collection| &collection.history);
            let excess = history.excess(&events, options);
            self.removals.extend(excess.iter().flat_map(|event| event.records()));
            self.compacted.extend(excess.last().map(|event| (Arc::clone(&name), event.revision())));
            self.collections.insert(name, excess.len());
        }
    }

    /// Makes the batch, which is durable, visible. Answers whom to wake once the lock is released.
    pub(crate) fn publish(&self, state: &mut State) -> Vec<Arc<watch::Sender<()>>> {
        for event in &self.events {
            let collection = state.collection(&event.object.key.collection);
            collection.apply(event);
            collection.history.push(Arc::clone(event));
            state.revision = event.revision();
        }
        let mut changed = Vec::new();
        for (name, excess) in &self.collections {
            let Some(collection) = state.collections.get_mut(name) else { continue };
            (0..*excess).for_each(|_| drop(collection.history.pop()));
            changed.push(Arc::clone(&collection.changes));
        }
        changed
    }
}
