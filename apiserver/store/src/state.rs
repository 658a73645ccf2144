//! Everything that is durable, in memory.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    collection::Collection,
    event::{Event, EventKind},
    object::{Key, Object},
    record::{Operation, Record},
};

/// All durable objects and the history.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The newest revision.
    pub(crate) revision: u64,
    /// Nothing more will be written.
    pub(crate) closed: bool,
    pub(crate) collections: BTreeMap<Arc<str>, Collection>,
}

/// A record that does not follow from those before it.
#[derive(Debug, thiserror::Error)]
#[error("it is a {operation:?} of {}/{}/{}, created at {}, but the log has {} before it", object.key.collection,
    object.key.namespace, object.key.name, object.created, before.map_or("no such object".into(),
    |created| format!("one created at {created}")))]
pub(crate) struct Misplaced {
    operation: Operation,
    object: Arc<Object>,
    before: Option<u64>,
}

impl State {
    pub(crate) fn read(
        &self,
        collection: &str,
        namespace: &str,
        name: &str,
    ) -> Option<&Arc<Object>> {
        self.collections.get(collection)?.read(namespace, name)
    }

    /// The collection of this name, which is there from now on.
    pub(crate) fn collection(&mut self, name: &Arc<str>) -> &mut Collection {
        self.collections
            .entry(Arc::clone(name))
            .or_insert_with(|| Collection::new(Arc::clone(name)))
    }

    /// A key that shares the texts that are already in memory.
    pub(crate) fn intern(&self, collection: &str, namespace: &str, name: &str) -> Key {
        match self.collections.get(collection) {
            Some(collection) => collection.intern(namespace, name),
            None => Key::new(collection, namespace, name),
        }
    }

    /// Takes one record of the log, in the order of revisions. The collections' compacted revisions are set before.
    pub(crate) fn replay(&mut self, record: &Record) -> Result<(), Misplaced> {
        let object = &record.object;
        let collection = self.collection(&object.key.collection);
        let previous = collection.read(&object.key.namespace, &object.key.name).cloned();
        let is_event = object.revision > collection.history.compacted;
        let kind = match (record.operation, &previous) {
            (Operation::Put, None) if object.created == object.revision || !is_event => {
                EventKind::Added
            }
            (Operation::Put, Some(previous)) if previous.created == object.created => {
                EventKind::Modified
            }
            (Operation::Delete, Some(previous)) if previous.created == object.created => {
                EventKind::Deleted
            }
            (operation, previous) => {
                let before = previous.as_ref().map(|previous| previous.created);
                return Err(Misplaced { operation, object: Arc::clone(object), before });
            }
        };
        let event = Arc::new(Event::new(kind, Arc::clone(object), previous));
        collection.apply(&event);
        if is_event {
            collection.history.push(event);
        }
        self.revision = object.revision;
        Ok(())
    }
}

impl Collection {
    /// Takes a change that is durable.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event.kind {
            EventKind::Added | EventKind::Modified => self.insert(Arc::clone(&event.object)),
            EventKind::Deleted => self.remove(&event.object.key),
        }
    }
}

/// The state, shared by the writer, the readers and the watches.
#[derive(Debug)]
pub(crate) struct Shared(RwLock<State>);

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self(RwLock::new(state))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that nothing more will be written, and wakes all watches.
    pub(crate) fn close(&self) {
        let mut state = self.write();
        state.closed = true;
        for collection in state.collections.values() {
            collection.changes.send_replace(());
        }
    }
}
