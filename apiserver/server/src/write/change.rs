//! What every write goes through.

use std::sync::Arc;

use apiserver_kinds::Kind;
use apiserver_object::{FieldError, Subresource, User};
use apiserver_patch::{self as merge, Operation, Writer};
use apiserver_rules as rules;
use apiserver_store as store;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::api::Api;
use crate::failure::Failure;
use crate::object::{encoding, metadata, version};
use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;
use crate::state::served::Served;
use crate::write::admission::{self, Review};
use crate::write::{mutation, strategy, validation};

/// A write on one resource, on behalf of one user.
pub(crate) struct Change<'a> {
    pub(crate) api: &'a Api,
    pub(crate) served: &'a Served,
    pub(crate) path: &'a ResourcePath,
    pub(crate) subresource: Subresource,
    pub(crate) user: &'a User,
    pub(crate) parameters: &'a Parameters,
    /// The field manager: who owns what is written.
    pub(crate) manager: String,
    pub(crate) now: Timestamp,
    pub(crate) warnings: Vec<String>,
}

/// What became of a write.
pub(crate) struct Outcome {
    pub(crate) code: StatusCode,
    pub(crate) object: Written,
}

impl Outcome {
    /// The object as it is stored now.
    pub(super) fn stored(stored: Arc<store::Object>) -> Self {
        Self { code: StatusCode::OK, object: Written::Stored(stored) }
    }

    /// The object as it would be stored, or as the client sees it.
    pub(super) fn value(value: Value) -> Self {
        Self { code: StatusCode::OK, object: Written::Value(value) }
    }

    /// The same for an object that was not there before.
    pub(super) fn created(self) -> Self {
        Self { code: StatusCode::CREATED, ..self }
    }
}

/// The object after a write.
pub(crate) enum Written {
    /// As stored.
    Stored(Arc<store::Object>),
    /// As it would be stored (a dry run), or as the client sees it.
    Value(Value),
}

/// An object that is there, in the version that the request speaks.
pub(super) struct Live {
    pub(super) stored: Arc<store::Object>,
    pub(super) value: Value,
}

/// Why one try of a change did not store anything.
pub(super) enum Attempt {
    /// Another write came first: the same on what is there now may succeed. The failure is for who does not try it.
    Overtaken(Failure),
    /// It cannot be done.
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Attempt> for Failure {
    fn from(attempt: Attempt) -> Self {
        match attempt {
            Attempt::Overtaken(failure) | Attempt::Failed(failure) => failure,
        }
    }
}

/// How often a change that met a newer object is tried on that one.
pub(super) const TRIES: usize = 20;

impl Change<'_> {
    pub(super) fn kind(&self) -> &Kind {
        &self.served.kind
    }

    /// The namespace of the object; empty where the kind is in none.
    pub(super) fn namespace(&self) -> &str {
        if self.kind().namespaced { &self.path.namespace } else { "" }
    }

    pub(super) fn key(&self, name: &str) -> store::Key {
        store::Key {
            collection: self.kind().storage_collection.clone(),
            namespace: self.namespace().into(),
            name: name.into(),
        }
    }

    pub(super) fn live(&self, name: &str) -> Result<Option<Live>, Failure> {
        let Some(stored) = self.api.objects.read(&self.key(name)) else { return Ok(None) };
        let value = version::served(self.kind(), &stored)?;
        Ok(Some(Live { stored, value }))
    }

    pub(super) fn same_namespace(&self, object: &mut Value) -> Result<(), Failure> {
        let (namespace, found) = (self.namespace(), metadata::text(object, "namespace"));
        if found == namespace {
            return Ok(());
        }
        if !self.kind().namespaced {
            metadata::of(object).remove("namespace");
            return Ok(());
        }
        if !found.is_empty() {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Failure::bad_request(message));
        }
        metadata::set(object, "namespace", namespace);
        Ok(())
    }

    /// Notes the field manager of what is written.
    pub(super) fn own(&self, old: Option<&Value>, new: &mut Value, operation: Operation) {
        let api_version = self.kind().api_version();
        let writer = self.writer(&api_version, operation);
        let excluded = strategy::not_owned(self.kind(), self.subresource);
        merge::track(self.served.schema(), old, new, &writer, excluded);
    }

    pub(crate) fn writer<'w>(&'w self, api_version: &'w str, operation: Operation) -> Writer<'w> {
        Writer {
            manager: &self.manager,
            operation,
            subresource: self.subresource.as_str(),
            api_version,
            now: self.now,
        }
    }

    /// What is wrong with the object by itself, then what it would grant or put to work.
    pub(super) fn check(&mut self, object: &Value, old: Option<&Value>) -> Result<(), Failure> {
        let errors = validation::check(self.served, self.subresource, object, old);
        self.refuse_invalid(object, &errors)?;
        self.api.access.check_grants(self.kind(), self.user, object, old)?;
        let errors = validation::check_programs(self.kind(), object);
        self.refuse_invalid(object, &errors)?;
        self.warnings.extend(validation::warnings(self.kind(), object));
        Ok(())
    }

    fn refuse_invalid(&self, object: &Value, errors: &[FieldError]) -> Result<(), Failure> {
        if errors.is_empty() {
            return Ok(());
        }
        Err(Failure::invalid(self.kind(), metadata::name(object), errors))
    }

    /// Asks the admission policies.
    pub(crate) fn admit(
        &mut self,
        operation: rules::Operation,
        object: Option<&Value>,
        old: Option<&Value>,
        name: &str,
    ) -> Result<(), Failure> {
        let mut warnings = Vec::new();
        let review = Review { object, ..self.review(operation, old, name) };
        let verdict = admission::admit(self.api, &review, &mut warnings);
        self.warnings.extend(warnings);
        verdict
    }

    /// Whether there are policies that may change an object.
    pub(super) fn has_mutations(&self) -> bool {
        let policies = self.api.derived.mutating();
        !policies.bound.is_empty() || policies.broken.is_some()
    }

    /// The object as mutating admission policies make it.
    pub(super) fn mutate(
        &self,
        operation: rules::Operation,
        object: Value,
        old: Option<&Value>,
    ) -> Result<Value, Failure> {
        let name = metadata::name(&object).to_owned();
        mutation::mutate(self.api, self.served, &self.review(operation, old, &name), object)
    }

    fn review<'r>(
        &'r self,
        operation: rules::Operation,
        old: Option<&'r Value>,
        name: &'r str,
    ) -> Review<'r> {
        Review {
            kind: &self.served.kind,
            path: self.path,
            subresource: self.subresource,
            name,
            operation,
            object: None,
            old,
            user: self.user,
            dry_run: self.parameters.is_dry_run(),
        }
    }

    /// Stores what has become of an object, unless that has changed meanwhile.
    pub(super) async fn put(&self, live: &Live, object: Value) -> Result<Outcome, Attempt> {
        let labels = metadata::labels(&object);
        let object = encoding::stored(&version::stored(self.kind(), object));
        let stored = self.commit(live, store::Change::Put(object), labels).await?;
        self.api.lifecycle.committed(&stored, false).await;
        Ok(Outcome::stored(stored))
    }

    /// Removes an object, unless it has changed meanwhile. Watchers are shown it as it was stored last.
    pub(super) async fn remove(&self, live: &Live) -> Result<Arc<store::Object>, Attempt> {
        let labels = metadata::labels(&live.value);
        let object = encoding::stored(&version::stored(self.kind(), live.value.clone()));
        let stored = self.commit(live, store::Change::Delete(object), labels).await?;
        self.api.lifecycle.committed(&stored, true).await;
        Ok(stored)
    }

    async fn commit(
        &self,
        live: &Live,
        change: store::Change,
        labels: store::Labels,
    ) -> Result<Arc<store::Object>, Attempt> {
        let condition = store::Condition::Revision(live.stored.revision);
        let key = live.stored.key.clone();
        let write = store::Write { key, condition, change, labels, given: None };
        self.api.objects.write(write).await.map_err(|error| match error {
            store::WriteError::Conflict { .. } => {
                Attempt::Overtaken(Failure::modified(self.kind(), &live.stored.key.name))
            }
            other => Attempt::Failed(Failure::from(other)),
        })
    }
}
