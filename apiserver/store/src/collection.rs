//! The live objects of one collection and its history.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included, Unbounded},
    sync::Arc,
};

use tokio::sync::watch;

use crate::{
    history::History,
    object::{Key, Object},
};

/// The live objects of one collection, its history, and who waits for its changes.
#[derive(Debug)]
pub(crate) struct Collection {
    name: Arc<str>,
    /// By [`place`] of the namespace. A namespace without objects is not here.
    namespaces: BTreeMap<String, Namespace>,
    count: usize,
    pub(crate) history: History,
    pub(crate) changes: Arc<watch::Sender<()>>,
}

#[derive(Debug)]
struct Namespace {
    name: Arc<str>,
    objects: BTreeMap<Arc<str>, Arc<Object>>,
}

/// A namespace in etcd's order: there the keys are `namespace/name`, so `a-b/x` stands before `a/x`.
fn place(namespace: &str) -> String {
    format!("{namespace}/")
}

impl Collection {
    pub(crate) fn new(name: Arc<str>) -> Self {
        let (changes, _) = watch::channel(());
        let history = History::default();
        Self { name, namespaces: BTreeMap::new(), count: 0, history, changes: Arc::new(changes) }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn count_in(&self, namespace: &str) -> usize {
        self.namespaces.get(&place(namespace)).map_or(0, |namespace| namespace.objects.len())
    }

    pub(crate) fn read(&self, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        self.namespaces.get(&place(namespace))?.objects.get(name)
    }

    pub(crate) fn insert(&mut self, object: Arc<Object>) {
        let namespace = self.namespaces.entry(place(&object.key.namespace)).or_insert_with(|| {
            Namespace { name: Arc::clone(&object.key.namespace), objects: BTreeMap::new() }
        });
        if namespace.objects.insert(Arc::clone(&object.key.name), object).is_none() {
            self.count += 1;
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        let place = place(&key.namespace);
        let Some(namespace) = self.namespaces.get_mut(&place) else { return };
        if namespace.objects.remove(&key.name).is_some() {
            self.count -= 1;
        }
        if namespace.objects.is_empty() {
            self.namespaces.remove(&place);
        }
    }

    /// The key of `namespace` and `name`, sharing the texts that are already in memory.
    pub(crate) fn intern(&self, namespace: &str, name: &str) -> Key {
        let known = self.namespaces.get(&place(namespace));
        let object = known.and_then(|known| known.objects.get(name));
        Key {
            collection: Arc::clone(&self.name),
            namespace: known.map_or_else(|| namespace.into(), |known| Arc::clone(&known.name)),
            name: object.map_or_else(|| name.into(), |object| Arc::clone(&object.key.name)),
        }
    }

    /// The live objects in order: of one namespace or of all, later than `after`.
    pub(crate) fn objects<'a>(
        &'a self,
        scope: Option<&str>,
        after: Option<(&'a str, &'a str)>,
    ) -> Box<dyn Iterator<Item = &'a Arc<Object>> + 'a> {
        let start =
            after.map(|(namespace, _)| place(namespace)).max(scope.map(place)).unwrap_or_default();
        let end = scope.map(place);
        if end.as_ref().is_some_and(|end| *end < start) {
            return Box::new(std::iter::empty());
        }
        let end = end.as_deref().map_or(Unbounded, Included);
        let namespaces = self.namespaces.range::<str, _>((Included(start.as_str()), end));
        Box::new(namespaces.flat_map(move |(_, namespace)| {
            let start = match after {
                Some((within, name)) if *namespace.name == *within => Excluded(name),
                _ => Unbounded,
            };
            namespace.objects.range::<str, _>((start, Unbounded)).map(|(_, object)| object)
        }))
    }
}
