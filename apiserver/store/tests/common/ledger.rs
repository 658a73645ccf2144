//! What must be in a store: every change that was acknowledged or seen.

use std::{collections::BTreeMap, sync::Arc};

use apiserver_store::{Event, EventKind, Object, Store};
use bytes::Bytes;

pub(crate) const COLLECTIONS: [&str; 2] = ["pods", "secrets"];

/// A change: what was stored, and whether the object is gone by it.
type Entry = (String, Bytes, bool);

/// The changes that must be there, by revision.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    entries: BTreeMap<u64, Entry>,
    /// Up to here a check has found every change.
    checked: u64,
}

fn path(object: &Object) -> String {
    format!("{}/{}/{}", object.key.collection, object.key.namespace, object.key.name)
}

impl Ledger {
    /// A change was acknowledged or seen.
    pub(crate) fn note(&mut self, object: &Object, deleted: bool) {
        let entry = (path(object), object.json.clone(), deleted);
        let known = self.entries.entry(object.revision).or_insert_with(|| entry.clone());
        assert_eq!(*known, entry, "revision {} was used twice", object.revision);
    }

    pub(crate) fn newest(&self) -> u64 {
        self.entries.last_key_value().map_or(0, |(revision, _)| *revision)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Checks that `store` holds all of it, and that its history has no gap, from a revision on that was checked before. What is in the store
    /// beyond that, durable but never acknowledged, must be there from now on.
    pub(crate) fn check(&mut self, store: &Store, from: u64) {
        let from = from % (self.checked + 1);
        let revision = store.revision();
        assert!(
            revision >= self.newest(),
            "revision {} was lost, {revision} is the newest",
            self.newest()
        );
        let events = history(store, from);
        assert_eq!(
            events.iter().map(|event| event.revision()).collect::<Vec<_>>(),
            (from + 1..=revision).collect::<Vec<_>>()
        );
        for event in &events {
            self.note(&event.object, event.kind == EventKind::Deleted);
        }
        assert_eq!(self.entries.len() as u64, revision, "the ledger has a gap");
        self.checked = revision;
        self.check_objects(store);
    }

    fn check_objects(&self, store: &Store) {
        let mut expected = BTreeMap::new();
        for (revision, (path, json, deleted)) in &self.entries {
            if *deleted {
                expected.remove(path);
            } else {
                expected.insert(path.clone(), (*revision, json.clone()));
            }
        }
        let objects = COLLECTIONS
            .iter()
            .flat_map(|name| store.list(name, None, None, 0, None).unwrap().objects);
        let found: BTreeMap<_, _> =
            objects.map(|object| (path(&object), (object.revision, object.json.clone()))).collect();
        assert_eq!(found, expected);
    }
}

/// The events of all collections after `from`, in order.
pub(crate) fn history(store: &Store, from: u64) -> Vec<Arc<Event>> {
    let mut events = Vec::new();
    for name in COLLECTIONS {
        let mut watch = store.watch(name, None, from).unwrap();
        while let Some(event) = watch.try_next().unwrap() {
            events.push(event);
        }
    }
    events.sort_by_key(|event| event.revision());
    events
}
