//! The kinds that are served now: the built-in ones and those of CustomResourceDefinitions.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use apiserver_kinds::{self as kinds, Kind};
use apiserver_object::FieldError;
use apiserver_rules::CompiledRules;
use apiserver_schema::{Schema, Validator, has_embedded_resources};
use serde_json::Value;

use crate::metadata;

/// A kind with what its objects are checked with, compiled when first needed.
pub(crate) struct Served {
    pub(crate) kind: Arc<Kind>,
    schema: OnceLock<Arc<Schema>>,
    embeds: OnceLock<bool>,
    validator: OnceLock<Validator>,
    status_validator: OnceLock<Option<Validator>>,
    rules: OnceLock<Result<CompiledRules, Vec<FieldError>>>,
}

impl Served {
    fn new(kind: Arc<Kind>) -> Arc<Self> {
        Arc::new(Self {
            kind,
            schema: OnceLock::new(),
            embeds: OnceLock::new(),
            validator: OnceLock::new(),
            status_validator: OnceLock::new(),
            rules: OnceLock::new(),
        })
    }

    pub(crate) fn validator(&self) -> &Validator {
        self.validator.get_or_init(|| Validator::compile(self.schema().clone()))
    }

    /// The shape of objects. That of a built-in kind says what an object is before anyone wrote: its type has fields
    /// that are always there.
    pub(crate) fn schema(&self) -> &Arc<Schema> {
        self.schema.get_or_init(|| {
            if self.kind.custom {
                return self.kind.schema().clone();
            }
            let mut schema = Schema::clone(self.kind.schema());
            schema.default = Some(kinds::empty_object(&self.kind));
            Arc::new(schema)
        })
    }

    /// Whether objects have whole objects in them.
    pub(crate) fn embeds_objects(&self) -> bool {
        *self.embeds.get_or_init(|| self.kind.custom && has_embedded_resources(self.schema()))
    }

    /// Judges a status apart from the rest; `None` where the kind says nothing of it.
    pub(crate) fn status_validator(&self) -> Option<&Validator> {
        let status = || self.kind.schema().properties.get("status").cloned();
        self.status_validator
            .get_or_init(|| status().map(|status| Validator::compile(Arc::new(status))))
            .as_ref()
    }

    /// Whether objects are judged by CEL rules.
    pub(crate) fn has_rules(&self) -> bool {
        self.compiled_rules().as_ref().map_or(true, |rules| !rules.is_empty())
    }

    fn compiled_rules(&self) -> &Result<CompiledRules, Vec<FieldError>> {
        self.rules.get_or_init(|| CompiledRules::compile(self.kind.schema(), ""))
    }

    /// What the kind's CEL rules say of an object. A definition whose rules do not compile is refused when it is
    /// written; one that got past it serves no object unchecked.
    pub(crate) fn broken_rules(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        match self.compiled_rules() {
            Ok(rules) => rules.evaluate(object, old),
            Err(errors) => errors.clone(),
        }
    }
}

/// Group, version and plural.
type Place = (Arc<str>, Arc<str>, Arc<str>);

/// All kinds at one moment.
#[derive(Default)]
pub(crate) struct Catalog {
    /// By group, version and plural.
    kinds: BTreeMap<Place, Arc<Served>>,
    definitions: BTreeMap<Generation, Vec<Arc<Served>>>,
}

/// One definition as it was at a time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Generation {
    uid: String,
    generation: i64,
}

impl Generation {
    fn of(definition: &Value) -> Self {
        let generation =
            definition.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0);
        Self { uid: metadata::uid(definition).to_owned(), generation }
    }
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
