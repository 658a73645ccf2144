//! Writing objects: what every write goes through, and creation.

use std::sync::Arc;

use apiserver_kinds::Kind;
use apiserver_object::User;
use apiserver_patch::{self as merge, Operation, Writer};
use apiserver_rules as rules;
use apiserver_store as store;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::api::Api;
use crate::catalog::Served;
use crate::encode;
use crate::metadata;
use crate::parameters::Parameters;
use crate::request::ResourcePath;
use crate::status::Failure;
use crate::{body, form, lifecycle, strategy, validation};

/// A write on one resource, on behalf of one user.
pub(crate) struct Change<'a> {
    pub(crate) api: &'a Api,
    pub(crate) served: &'a Served,
    pub(crate) path: &'a ResourcePath,
    pub(crate) user: &'a User,
    pub(crate) parameters: &'a Parameters,
    /// Who is noted as the owner of what is written.
    pub(crate) manager: String,
    pub(crate) now: Timestamp,
    pub(crate) warnings: Vec<String>,
}

/// What became of a write.
pub(crate) struct Outcome {
    pub(crate) code: StatusCode,
    pub(crate) object: Written,
}

/// The object after a write.
pub(crate) enum Written {
    /// As stored.
    Stored(Arc<store::Object>),
    /// As it would be stored (a dry run), or as the client sees it.
    Value(Value),
}

/// An object that is there, in the version that the request speaks.
pub(crate) struct Live {
    pub(crate) stored: Arc<store::Object>,
    pub(crate) value: Value,
}

/// How often a new generated name is tried, as in Kubernetes.
const GENERATED_NAME_TRIES: usize = 8;

impl Change<'_> {
    pub(crate) fn kind(&self) -> &Kind {
        &self.served.kind
    }

    pub(crate) fn key(&self, name: &str) -> store::Key {
        let namespace = if self.kind().namespaced { self.path.namespace.as_str() } else { "" };
        store::Key {
            collection: self.kind().storage_collection.clone(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    pub(crate) fn live(&self, name: &str) -> Result<Option<Live>, Failure> {
        let key = self.key(name);
        let Some(stored) = self.api.store.read(&key.collection, &key.namespace, &key.name) else {
            return Ok(None);
        };
        let value = form::served(self.kind(), &stored)?;
        Ok(Some(Live { stored, value }))
    }

    /// POST on a collection.
    pub(crate) async fn create(&mut self, object: Value) -> Result<Outcome, Failure> {
        if !metadata::text(&object, "resourceVersion").is_empty() {
            return Err(Failure::unexpected(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let generated = metadata::name(&object).is_empty();
        for _ in 1..GENERATED_NAME_TRIES {
            match self.create_once(object.clone()).await {
                Err(failure)
                    if generated && failure.reason == "AlreadyExists" || failure.is_overtaken() => {
                }
                outcome => return outcome,
            }
        }
        self.create_once(object).await
    }

    /// Creates under the name that the object has or asks to be given.
    pub(crate) async fn create_once(&mut self, mut object: Value) -> Result<Outcome, Failure> {
        self.fill_in(&mut object)?;
        self.check_namespace(&object)?;
        strategy::prepare_create(self.kind(), &mut object);
        self.own(None, &mut object, Operation::Update);
        self.finish_create(object).await
    }

    /// Checks and stores a new object whose owners are already noted.
    pub(crate) async fn finish_create(&mut self, object: Value) -> Result<Outcome, Failure> {
        let name = metadata::name(&object).to_owned();
        let errors = validation::check(self.served, &self.path.subresource, &object, None);
        if !errors.is_empty() {
            return Err(Failure::invalid(self.kind(), &name, &errors));
        }
        self.check_meaning(&object, None)?;
        self.warnings.extend(validation::warnings(self.kind(), &object));
        self.admit(rules::Operation::Create, Some(&object), None, &name)?;
        if self.parameters.is_dry_run() {
            return self.dry_create(object, &name);
        }
        let key = self.key(&name);
        let given = self.given()?;
        let labels = body::labels(&object).into();
        let value = encode::stored(&form::stored(self.kind(), object));
        let write = store::Write {
            key,
            condition: store::Condition::Absent,
            change: store::Change::Put(value),
            labels,
            given,
        };
        match self.api.write(write).await {
            Ok(stored) => {
                self.api.committed(&stored, false).await;
                Ok(Outcome { code: StatusCode::CREATED, object: Written::Stored(stored) })
            }
            Err(store::WriteError::Conflict { current: Some(_) }) => {
                Err(Failure::already_exists(self.kind(), &name))
            }
            // The namespace has changed since it was looked at: whether it may still take the object is asked anew.
            Err(store::WriteError::Conflict { current: None }) => {
                Err(Failure::overtaken(self.kind(), &name))
            }
            Err(error) => Err(Failure::from(error)),
        }
    }

    fn dry_create(&self, object: Value, name: &str) -> Result<Outcome, Failure> {
        if self.live(name)?.is_some() {
            return Err(Failure::already_exists(self.kind(), name));
        }
        Ok(Outcome { code: StatusCode::CREATED, object: Written::Value(object) })
    }

    /// Namespace, name, uid and time of creation.
    pub(crate) fn fill_in(&self, object: &mut Value) -> Result<(), Failure> {
        let namespace = if self.kind().namespaced { self.path.namespace.as_str() } else { "" };
        self.same_namespace(object, namespace)?;
        if metadata::name(object).is_empty() {
            let prefix = metadata::text(object, "generateName").to_owned();
            if !prefix.is_empty() {
                metadata::set(object, "name", metadata::generated_name(&prefix));
            }
        }
        metadata::set(object, "uid", metadata::new_uid());
        metadata::set(object, "creationTimestamp", self.now.to_string());
        Ok(())
    }

    pub(crate) fn same_namespace(
        &self,
        object: &mut Value,
        namespace: &str,
    ) -> Result<(), Failure> {
        let told = metadata::text(object, "namespace");
        if told == namespace {
            return Ok(());
        }
        if !self.kind().namespaced {
            metadata::of(object).remove("namespace");
            return Ok(());
        }
        if !told.is_empty() {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Failure::bad_request(message));
        }
        metadata::set(object, "namespace", namespace);
        Ok(())
    }

    /// Nothing new in a namespace that is not there or is going.
    pub(crate) fn check_namespace(&self, object: &Value) -> Result<(), Failure> {
        self.check_definition(metadata::name(object))?;
        if !self.kind().namespaced {
            return Ok(());
        }
        let namespace = &self.path.namespace;
        match self.api.namespace(namespace) {
            None => Err(Failure::not_found_as("namespaces", namespace)),
            Some(found) if metadata::is_being_deleted(&found) => {
                let name = metadata::name(object);
                Err(Failure::namespace_terminating(self.kind(), name, namespace))
            }
            Some(_) => Ok(()),
        }
    }

    /// No new object of a kind that is going.
    fn check_definition(&self, name: &str) -> Result<(), Failure> {
        let ending = self.kind().custom
            && self.api.definition(self.kind()).is_none_or(|found| lifecycle::is_ending(&found));
        if ending { Err(Failure::definition_terminating(self.kind(), name)) } else { Ok(()) }
    }

    /// What must not have changed when the object is stored: the namespace that was found fit for it.
    fn given(&self) -> Result<Option<(store::Key, u64)>, Failure> {
        if !self.kind().namespaced {
            return Ok(None);
        }
        let namespace = &self.path.namespace;
        match self.api.stored_namespace(namespace) {
            Some(found) if !lifecycle::is_ending(&found) => {
                Ok(Some((found.key.clone(), found.revision)))
            }
            Some(_) => Err(Failure::namespace_terminating(self.kind(), &self.path.name, namespace)),
            None => Err(Failure::not_found_as("namespaces", namespace)),
        }
    }

    /// Notes who owns what was written.
    pub(crate) fn own(&self, old: Option<&Value>, new: &mut Value, operation: Operation) {
        let api_version = encode::api_version(self.kind());
        let writer = self.writer(&api_version, operation);
        let excluded = strategy::not_owned(self.kind(), &self.path.subresource);
        merge::track(self.served.schema(), old, new, &writer, excluded);
    }

    pub(crate) fn writer<'w>(&'w self, api_version: &'w str, operation: Operation) -> Writer<'w> {
        Writer {
            manager: &self.manager,
            operation,
            subresource: &self.path.subresource,
            api_version,
            now: self.now,
        }
    }

    /// Rules that need more than the object: what a role would grant, what a definition or a policy says.
    pub(crate) fn check_meaning(&self, object: &Value, old: Option<&Value>) -> Result<(), Failure> {
        self.api.check_grants(self.kind(), self.user, object, old)?;
        let errors = validation::check_programs(self.kind(), object);
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Failure::invalid(self.kind(), metadata::name(object), &errors))
        }
    }

    /// Asks the admission policies.
    pub(crate) fn admit(
        &mut self,
        operation: rules::Operation,
        object: Option<&Value>,
        old: Option<&Value>,
        name: &str,
    ) -> Result<(), Failure> {
        let asked = crate::admission::Asked {
            kind: &self.served.kind,
            path: self.path,
            name,
            operation,
            object,
            old,
            user: self.user,
            dry_run: self.parameters.is_dry_run(),
        };
        crate::admission::admit(self.api, &asked, &mut self.warnings)
    }
}
