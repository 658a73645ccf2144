//! DELETE on one object.

use apiserver_kinds::Kind;
use apiserver_rules as rules;
use serde_json::Value;

use crate::failure::{self, Failure};
use crate::lifecycle::finalizers::{self, CLEANUP, FOREGROUND, ORPHAN};
use crate::object::metadata;
use crate::state::collections::{DEFINITIONS, NAMESPACES};
use crate::write::change::{Attempt, Change, Live, Outcome, TRIES};
use crate::write::delete_options::{DeleteOptions, Preconditions};
use crate::write::strategy;

impl Change<'_> {
    /// DELETE on one object.
    pub(crate) async fn delete(&mut self, options: &DeleteOptions) -> Result<Outcome, Failure> {
        let name = self.path.name.clone();
        self.delete_as(&name, &name, options).await
    }

    /// One of a collection: policies are asked about it without its name, as in Kubernetes.
    pub(crate) async fn delete_in_collection(
        &mut self,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Outcome, Failure> {
        self.delete_as(name, "", options).await
    }

    async fn delete_as(
        &mut self,
        name: &str,
        asked: &str,
        options: &DeleteOptions,
    ) -> Result<Outcome, Failure> {
        for _ in 0..TRIES {
            let Some(live) = self.live(name)? else {
                return Err(Failure::not_found(self.kind(), name));
            };
            match self.delete_live(&live, asked, options).await {
                Err(Attempt::Overtaken(_)) => {}
                Err(Attempt::Failed(failure)) => return Err(failure),
                Ok(outcome) => return Ok(outcome),
            }
        }
        Err(Failure::modified(self.kind(), name))
    }

    async fn delete_live(
        &mut self,
        live: &Live,
        asked: &str,
        options: &DeleteOptions,
    ) -> Result<Outcome, Attempt> {
        self.check_preconditions(live, options.preconditions.as_ref())?;
        check_deletable(self.kind(), metadata::name(&live.value))?;
        self.admit(rules::Operation::Delete, None, Some(&live.value), asked)?;
        let mut object = live.value.clone();
        hold(self.kind(), &mut object, options);
        let dry_run = self.parameters.is_dry_run() || options.is_dry_run();
        if !finalizers::is_held(&self.kind().storage_collection, &object) {
            return self.delete_now(live, dry_run).await;
        }
        if metadata::is_being_deleted(&live.value) && object == live.value {
            return Ok(Outcome::stored(live.stored.clone()));
        }
        self.mark(&mut object);
        if dry_run {
            return Ok(Outcome::value(object));
        }
        self.put(live, object).await
    }

    fn check_preconditions(
        &self,
        live: &Live,
        preconditions: Option<&Preconditions>,
    ) -> Result<(), Failure> {
        let Some(preconditions) = preconditions else { return Ok(()) };
        let check = |what: &str, asked: Option<&str>, found: &str, why: &str| match asked {
            Some(asked) if asked != found => {
                let why = format!(
                    "the {what} in the precondition ({asked}) does not match the {what} in record ({found}). {why}"
                );
                Err(Failure::precondition(self.kind(), metadata::name(&live.value), &why))
            }
            _ => Ok(()),
        };
        let (uid, version) = (metadata::uid(&live.value), live.stored.revision.to_string());
        let why = "The object might have been deleted and then recreated";
        check("UID", preconditions.uid.as_deref(), uid, why)?;
        let why = "The object might have been modified";
        check("ResourceVersion", preconditions.resource_version.as_deref(), &version, why)
    }

    /// The object stays until its finalizers are gone.
    fn mark(&self, object: &mut Value) {
        if !metadata::is_being_deleted(object) {
            metadata::set(object, "deletionTimestamp", self.now.to_string());
            metadata::set(object, "deletionGracePeriodSeconds", 0);
            if let Some(generation) = metadata::generation(object) {
                metadata::set(object, "generation", generation + 1);
            }
        }
        if self.kind().group.is_empty() && self.kind().plural.as_ref() == "namespaces" {
            metadata::of(object).remove("deletionGracePeriodSeconds");
            strategy::terminate_namespace(object);
        }
    }

    /// Nothing holds the object.
    async fn delete_now(&self, live: &Live, dry_run: bool) -> Result<Outcome, Attempt> {
        let (kind, value) = (self.kind(), &live.value);
        let returns_object = strategy::returns_deleted(kind);
        if !dry_run {
            let stored = self.remove(live).await?;
            if returns_object {
                return Ok(Outcome::stored(stored));
            }
        }
        Ok(Outcome::value(if returns_object {
            value.clone()
        } else {
            failure::success(kind, metadata::name(value), metadata::uid(value))
        }))
    }
}

/// The namespaces that a cluster is never without.
fn check_deletable(kind: &Kind, name: &str) -> Result<(), Failure> {
    let kept = ["default", "kube-system", "kube-public"];
    if kind.storage_collection.as_ref() == NAMESPACES && kept.contains(&name) {
        return Err(Failure::forbidden_object(kind, name, "this namespace may not be deleted"));
    }
    Ok(())
}

/// Adds what holds the object until its dependents are dealt with.
fn hold(kind: &Kind, object: &mut Value, options: &DeleteOptions) {
    let of_dependents = [ORPHAN, FOREGROUND];
    let held = metadata::finalizers(object);
    let earlier = held.iter().find_map(|one| of_dependents.into_iter().find(|other| other == one));
    let others = held.iter().filter(|one| !of_dependents.contains(one));
    let mut finalizers: Vec<String> = others.map(|one| (*one).to_owned()).collect();
    finalizers.extend(options.finalizer(earlier).map(str::to_owned));
    // A definition takes its objects with it.
    let definition = kind.storage_collection.as_ref() == DEFINITIONS;
    if definition && !finalizers.iter().any(|one| one == CLEANUP) {
        finalizers.push(CLEANUP.to_owned());
    }
    metadata::set_finalizers(object, finalizers);
}
