//! The kinds that are served now: the built-in ones and those of CustomResourceDefinitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver_kinds::{self as kinds, Kind};
use apiserver_object::FieldError;
use serde_json::Value;

use crate::object::metadata;
use crate::state::served::Served;

/// Group, version and plural.
type Place = (Arc<str>, Arc<str>, Arc<str>);

/// All kinds at one moment.
#[derive(Default)]
pub(crate) struct Catalog {
    kinds: BTreeMap<Place, Arc<Served>>,
    definitions: BTreeMap<Generation, Vec<Arc<Served>>>,
}

impl Catalog {
    /// The built-in kinds and those that the definitions name; what did not change since `before` stays compiled.
    pub(crate) fn build(before: &Self, definitions: &[Value]) -> Self {
        let mut catalog = Self::default();
        let builtin = if before.kinds.is_empty() {
            kinds::builtin().into_iter().map(Served::new).collect()
        } else {
            before.kinds.values().filter(|served| !served.kind.custom).cloned().collect::<Vec<_>>()
        };
        for served in builtin {
            catalog.add(served);
        }
        for definition in definitions.iter().filter(|definition| is_established(definition)) {
            let generation = Generation::of(definition);
            let known = before.definitions.get(&generation).cloned();
            let served = known.unwrap_or_else(|| served_by(definition));
            for one in &served {
                catalog.add(one.clone());
            }
            catalog.definitions.insert(generation, served);
        }
        catalog
    }

    /// Adds a kind; one of Kubernetes' own is never replaced.
    fn add(&mut self, served: Arc<Served>) {
        let kind = &served.kind;
        let key = (kind.group.clone(), kind.version.clone(), kind.plural.clone());
        let builtin = |other: &Arc<Served>| {
            !other.kind.custom && other.kind.storage_collection == kind.storage_collection
        };
        if kind.custom && self.kinds.values().any(builtin) {
            return;
        }
        self.kinds.insert(key, served);
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Served>> {
        self.kinds.get(&(group.into(), version.into(), plural.into()))
    }

    /// The kind of a collection in the version in which its objects are stored.
    pub(crate) fn stored_in(&self, collection: &str) -> Option<&Arc<Served>> {
        let mut all = self
            .kinds
            .values()
            .filter(|served| served.kind.storage_collection.as_ref() == collection);
        all.find(|served| served.kind.version == served.kind.storage_version)
    }

    /// Whether built-in kinds are of this version of a group.
    pub(crate) fn has_builtin(&self, group: &str, version: &str) -> bool {
        let mut kinds = self.kinds.values().map(|served| &served.kind).filter(|kind| !kind.custom);
        kinds.any(|kind| kind.group.as_ref() == group && kind.version.as_ref() == version)
    }

    pub(crate) fn kinds(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.kinds.values().map(|served| &served.kind)
    }

    /// The same as a list.
    pub(crate) fn all(&self) -> Vec<Arc<Kind>> {
        self.kinds().cloned().collect()
    }
}

fn served_by(definition: &Value) -> Vec<Arc<Served>> {
    match kinds::from_crd(definition) {
        Ok(kinds) => kinds.into_iter().map(|kind| Served::new(Arc::new(kind))).collect(),
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(FieldError::to_string).collect();
            tracing::error!(
                name = metadata::name(definition),
                ?errors,
                "a stored definition cannot be served"
            );
            Vec::new()
        }
    }
}

fn is_established(definition: &Value) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}

/// One definition as it was at a time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Generation {
    uid: String,
    generation: i64,
}

impl Generation {
    fn of(definition: &Value) -> Self {
        Self {
            uid: metadata::uid(definition).to_owned(),
            generation: metadata::generation(definition).unwrap_or(0),
        }
    }
}
