//! The store against a simple model of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::BTreeMap;

use apiserver_store::{Change, Condition, EventKind, Options, Store, WriteError};
use common::{disk::Disk, put, value, write};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Replace { key: usize, stale: bool },
    Delete { key: usize, stale: bool },
    Restart,
}

const KEYS: [(&str, &str, &str); 7] = [
    ("pods", "a", "x"),
    ("pods", "a-b", "x"),
    ("pods", "a", "y"),
    ("pods", "b", "x"),
    ("nodes", "", "x"),
    ("nodes", "", "x-1"),
    ("nodes", "", "x.1"),
];

fn step() -> impl Strategy<Value = Step> {
    let key = 0..KEYS.len();
    prop_oneof![
        4 => key.clone().prop_map(Step::Create),
        6 => (key.clone(), prop::bool::weighted(0.2)).prop_map(|(key, stale)| Step::Replace { key, stale }),
        3 => (key, prop::bool::weighted(0.2)).prop_map(|(key, stale)| Step::Delete { key, stale }),
        1 => Just(Step::Restart),
    ]
}

/// Live objects by their key in etcd's form: the revision and the revision of creation.
type Objects = BTreeMap<(String, String), (u64, u64)>;

#[derive(Debug, PartialEq, Eq, Clone)]
struct Happened {
    revision: u64,
    kind: EventKind,
    path: (String, String),
    previous: Option<u64>,
}

/// All objects at all revisions, and all changes.
#[derive(Debug, Default)]
struct Model {
    snapshots: Vec<Objects>,
    changes: Vec<Happened>,
}

fn path(key: usize) -> (String, String) {
    let (collection, namespace, name) = KEYS[key];
    (collection.into(), format!("{namespace}/{name}"))
}

impl Model {
    fn new() -> Self {
        Self { snapshots: vec![Objects::new()], changes: Vec::new() }
    }

    fn now(&self) -> &Objects {
        self.snapshots.last().unwrap()
    }

    fn change(&mut self, key: usize, kind: EventKind) {
        let mut objects = self.now().clone();
        let (path, revision) = (path(key), self.snapshots.len() as u64);
        let before = objects.remove(&path);
        if kind != EventKind::Deleted {
            objects
                .insert(path.clone(), (revision, before.map_or(revision, |(_, created)| created)));
        }
        self.snapshots.push(objects);
        self.changes.push(Happened {
            revision,
            kind,
            path,
            previous: before.map(|(revision, _)| revision),
        });
    }

    fn of(&self, collection: &str) -> Vec<Happened> {
        self.changes.iter().filter(|change| change.path.0 == collection).cloned().collect()
    }

    /// The oldest revision a collection can be asked for.
    fn oldest(&self, collection: &str, kept: usize) -> u64 {
        let changes = self.of(collection);
        changes.len().checked_sub(kept + 1).map_or(0, |place| changes[place].revision)
    }
}

/// Makes a step on both; the store must answer as the model does.
async fn make(store: &Store, model: &mut Model, step: &Step) {
    let (key, kind, stale) = match *step {
        Step::Create(key) => (key, EventKind::Added, false),
        Step::Replace { key, stale } => (key, EventKind::Modified, stale),
        Step::Delete { key, stale } => (key, EventKind::Deleted, stale),
        Step::Restart => return,
    };
    let current = model.now().get(&path(key)).map(|(revision, _)| *revision);
    let condition = match kind {
        EventKind::Added => Condition::Absent,
        _ => Condition::Revision(current.unwrap_or(1) + u64::from(stale)),
    };
    let change =
        if kind == EventKind::Deleted { Change::Delete(value("gone")) } else { put("here") };
    let holds =
        if kind == EventKind::Added { current.is_none() } else { current.is_some() && !stale };
    let (collection, namespace, name) = KEYS[key];
    let result = store.write(write(collection, namespace, name, condition, change)).await;
    if holds {
        model.change(key, kind);
        let object = result.unwrap();
        assert_eq!(object.revision, store.revision());
        let digits = format!("\"resourceVersion\":\"{}\"", object.revision);
        assert!(str::from_utf8(&object.json).unwrap().contains(&digits));
    } else {
        match result.unwrap_err() {
            WriteError::Conflict { current: found } => {
                assert_eq!(found.map(|object| object.revision), current);
            }
            error => panic!("{error}"),
        }
    }
}

/// Compares all that can be asked.
fn compare(store: &Store, model: &Model, kept: usize) {
    assert_eq!(store.revision(), model.changes.len() as u64);
    for collection in ["pods", "nodes"] {
        let oldest = model.oldest(collection, kept);
        for (revision, objects) in (0..).zip(&model.snapshots) {
            if revision < oldest {
                assert_eq!(store.watch(collection, None, revision).unwrap_err().oldest, oldest);
                assert_eq!(
                    store.list(collection, None, None, 1, Some(revision)).unwrap_err().oldest,
                    oldest
                );
            } else {
                compare_list(store, objects, collection, revision);
                compare_watch(store, model, collection, revision);
            }
        }
    }
}

/// All pages of two objects of a snapshot, of all namespaces and of one.
fn compare_list(store: &Store, objects: &Objects, collection: &str, revision: u64) {
    for scope in [None, Some("a")] {
        let (mut found, mut after) = (Vec::new(), None::<(String, String)>);
        loop {
            let start = after.as_ref().map(|(namespace, name)| (namespace.as_str(), name.as_str()));
            let page = store.list(collection, scope, start, 2, Some(revision)).unwrap();
            for object in &page.objects {
                let (namespace, name) =
                    (object.key.namespace.to_string(), object.key.name.to_string());
                found.push((format!("{namespace}/{name}"), (object.revision, object.created)));
                after = Some((namespace, name));
            }
            if !page.more {
                break;
            }
        }
        let expected = objects.iter().filter(|((of, path), _)| {
            of == collection && scope.is_none_or(|scope| path.starts_with(&format!("{scope}/")))
        });
        assert_eq!(
            found,
            expected.map(|((_, path), versions)| (path.clone(), *versions)).collect::<Vec<_>>()
        );
    }
}

fn compare_watch(store: &Store, model: &Model, collection: &str, from: u64) {
    let mut watch = store.watch(collection, None, from).unwrap();
    let mut found = Vec::new();
    let expected: Vec<_> =
        model.of(collection).into_iter().filter(|change| change.revision > from).collect();
    loop {
        let pending =
            expected.get(found.len()).map_or(store.revision(), |change| change.revision - 1);
        assert_eq!(watch.revision(), pending);
        let Some(event) = watch.try_next().unwrap() else { break };
        let path = (
            collection.to_owned(),
            format!("{}/{}", event.object.key.namespace, event.object.key.name),
        );
        let previous = event.previous.as_ref().map(|previous| previous.revision);
        found.push(Happened { revision: event.revision(), kind: event.kind, path, previous });
    }
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_answers_as_the_model_does(steps in prop::collection::vec(step(), 1..60), kept in 1usize..12) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (disk, mut model) = (Disk::default(), Model::new());
        let options = Options { history_events: kept, ..Options::default() };
        let open = || Store::open_backend(disk.clone(), options.clone()).unwrap();
        let (mut store, memory) = (open(), Store::in_memory(options.clone()));
        let mut model_of_memory = Model::new();
        for step in &steps {
            runtime.block_on(make(&store, &mut model, step));
            runtime.block_on(make(&memory, &mut model_of_memory, step));
            if matches!(step, Step::Restart) {
                drop(store);
                store = open();
                compare(&store, &model, kept);
            }
        }
        compare(&store, &model, kept);
        compare(&memory, &model, kept);
    }
}
