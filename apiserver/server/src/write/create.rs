//! POST: new objects.

use apiserver_patch::Operation;
use apiserver_rules as rules;
use apiserver_store as store;
use serde_json::Value;

use crate::failure::Failure;
use crate::lifecycle::finalizers;
use crate::object::{encoding, identifiers, metadata, version};
use crate::state::quotas::Limits;
use crate::write::change::{Attempt, Change, Outcome};
use crate::write::strategy;

/// How often a new generated name is tried, as in Kubernetes.
const GENERATED_NAME_TRIES: usize = 8;

impl Change<'_> {
    /// POST on a collection.
    pub(crate) async fn create(&mut self, object: Value) -> Result<Outcome, Failure> {
        if !metadata::text(&object, "resourceVersion").is_empty() {
            return Err(has_resource_version());
        }
        let generated = metadata::name(&object).is_empty();
        for _ in 1..GENERATED_NAME_TRIES {
            match self.try_create(object.clone()).await {
                Err(Attempt::Overtaken(_)) => {}
                Err(Attempt::Failed(failure)) if generated && failure.reason == "AlreadyExists" => {
                }
                Err(Attempt::Failed(failure)) => return Err(failure),
                Ok(outcome) => return Ok(outcome),
            }
        }
        self.create_once(object).await
    }

    /// Creates under the name that the object has or asks to be given.
    pub(super) async fn create_once(&mut self, object: Value) -> Result<Outcome, Failure> {
        Ok(self.try_create(object).await?)
    }

    async fn try_create(&mut self, mut object: Value) -> Result<Outcome, Attempt> {
        let asked = self.has_mutations().then(|| object.clone());
        self.fill_in(&mut object)?;
        self.check_namespace(&object)?;
        strategy::prepare_create(self.kind(), &mut object);
        self.own(None, &mut object, Operation::Update);
        if let Some(mut asked) = asked {
            // What a policy sets is in nobody's hands.
            metadata::keep(&mut asked, &object, "managedFields");
            object = self.mutate_new(asked)?;
        }
        self.finish_create(object).await
    }

    /// A new object, its field managers noted, as mutating policies make it. They see what was asked for, before the
    /// server adds to it.
    pub(super) fn mutate_new(&self, mut asked: Value) -> Result<Value, Failure> {
        self.same_namespace(&mut asked)?;
        self.check_namespace(&asked)?;
        strategy::remove_system_fields(&mut asked);
        let versioned = !metadata::text(&asked, "resourceVersion").is_empty();
        let mut object = self.mutate(rules::Operation::Create, asked, None)?;
        if !versioned && !metadata::text(&object, "resourceVersion").is_empty() {
            return Err(has_resource_version());
        }
        self.fill_in(&mut object)?;
        strategy::prepare_create(self.kind(), &mut object);
        Ok(object)
    }

    /// Checks and stores a new object whose field managers are already noted.
    pub(super) async fn finish_create(&mut self, object: Value) -> Result<Outcome, Attempt> {
        let name = metadata::name(&object).to_owned();
        self.check(&object, None)?;
        self.admit(rules::Operation::Create, Some(&object), None, &name)?;
        let limits = Limits::of(&self.api.objects, self.kind(), self.namespace());
        if self.parameters.is_dry_run() {
            return Ok(self.dry_create(object, &name, &limits)?);
        }
        let (given, labels) = (self.given()?, metadata::labels(&object));
        let object = encoding::stored(&version::stored(self.kind(), object));
        let write = store::Write {
            key: self.key(&name),
            condition: limits.most().map_or(store::Condition::Absent, store::Condition::Room),
            change: store::Change::Put(object),
            labels,
            given,
        };
        match self.api.objects.write(write).await {
            Ok(stored) => {
                self.api.lifecycle.committed(&stored, false).await;
                Ok(Outcome::stored(stored).created())
            }
            Err(store::WriteError::Crowded { count }) => {
                Err(self.refuse_crowded(&name, &limits, count).into())
            }
            Err(store::WriteError::Conflict { current: Some(_) }) => {
                Err(Failure::already_exists(self.kind(), &name).into())
            }
            // The namespace has changed since it was looked at: whether it may still take the object is asked anew.
            Err(store::WriteError::Conflict { current: None }) => {
                Err(Attempt::Overtaken(Failure::namespace_modified(self.kind(), &name)))
            }
            Err(error) => Err(Failure::from(error).into()),
        }
    }

    fn refuse_crowded(&self, name: &str, limits: &Limits, count: u64) -> Failure {
        let why = limits.exceeded(count).unwrap_or_default();
        Failure::forbidden_object(self.kind(), name, &why)
    }

    fn dry_create(&self, object: Value, name: &str, limits: &Limits) -> Result<Outcome, Failure> {
        let (collection, namespace) = (&self.kind().storage_collection, self.namespace());
        let count = self.api.objects.store.count_in(collection, namespace) as u64;
        if limits.most().is_some_and(|most| count >= most) {
            return Err(self.refuse_crowded(name, limits, count));
        }
        if self.live(name)?.is_some() {
            return Err(Failure::already_exists(self.kind(), name));
        }
        Ok(Outcome::value(object).created())
    }

    /// Namespace, name, uid and time of creation.
    pub(super) fn fill_in(&self, object: &mut Value) -> Result<(), Failure> {
        self.same_namespace(object)?;
        if metadata::name(object).is_empty() {
            let prefix = metadata::text(object, "generateName").to_owned();
            if !prefix.is_empty() {
                metadata::set(object, "name", identifiers::generated_name(&prefix));
            }
        }
        metadata::set(object, "uid", identifiers::new_uid());
        metadata::set(object, "creationTimestamp", self.now.to_string());
        Ok(())
    }

    /// Nothing new in a namespace that is not there or is going.
    pub(super) fn check_namespace(&self, object: &Value) -> Result<(), Failure> {
        self.check_definition(metadata::name(object))?;
        if !self.kind().namespaced {
            return Ok(());
        }
        let namespace = &self.path.namespace;
        match self.api.objects.namespace(namespace) {
            None => Err(Failure::not_found_as("namespaces", namespace)),
            Some(found) if finalizers::is_ending(&found) => {
                let name = metadata::name(object);
                Err(Failure::namespace_terminating(self.kind(), name, namespace))
            }
            Some(_) => Ok(()),
        }
    }

    /// No new object of a kind that is going.
    fn check_definition(&self, name: &str) -> Result<(), Failure> {
        let ending = self.kind().custom
            && self
                .api
                .objects
                .definition(self.kind())
                .is_none_or(|found| finalizers::is_ending(&found));
        if ending { Err(Failure::definition_terminating(self.kind(), name)) } else { Ok(()) }
    }

    /// What must not have changed when the object is stored: the namespace that was found fit for it.
    fn given(&self) -> Result<Option<(store::Key, u64)>, Failure> {
        if !self.kind().namespaced {
            return Ok(None);
        }
        let namespace = &self.path.namespace;
        match self.api.objects.namespace(namespace) {
            Some(found) if !finalizers::is_ending(&found) => {
                Ok(Some((found.key.clone(), found.revision)))
            }
            Some(_) => Err(Failure::namespace_terminating(self.kind(), &self.path.name, namespace)),
            None => Err(Failure::not_found_as("namespaces", namespace)),
        }
    }
}

fn has_resource_version() -> Failure {
    Failure::unexpected("resourceVersion should not be set on objects to be created")
}
