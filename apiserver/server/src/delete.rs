//! DELETE on one object and on a collection.

use apiserver_object::{Fault, FieldError};
use apiserver_rules as rules;
use apiserver_store as store;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::change::{Change, Live, Outcome, Written};
use crate::parameters::Parameters;
use crate::status::{self, Failure};
use crate::update::Attempt;
use crate::{body, encode, form, lifecycle, metadata, strategy};

/// `DeleteOptions` of the body, completed from the query.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeleteOptions {
    preconditions: Option<Preconditions>,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    grace_period_seconds: Option<i64>,
    dry_run: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

const TRIES: usize = 20;

impl DeleteOptions {
    /// Reads the body, which may be empty, and the query, which is looked at where the body says nothing.
    pub(crate) fn read(
        bytes: &[u8],
        format: body::Format,
        parameters: &Parameters,
    ) -> Result<Self, Failure> {
        let mut options = if bytes.is_empty() {
            Self::default()
        } else {
            let parsed = body::parse(bytes, format).map_err(Failure::bad_request)?;
            let kind = parsed.value.get("kind").and_then(Value::as_str).unwrap_or("DeleteOptions");
            if kind != "DeleteOptions" {
                return Err(Failure::bad_request(format!(
                    "decoded object cannot be converted to DeleteOptions: it is a {kind}"
                )));
            }
            serde_json::from_value(parsed.value)
                .map_err(|error| Failure::bad_request(error.to_string()))?
        };
        options.propagation_policy =
            options.propagation_policy.or_else(|| parameters.propagation_policy.clone());
        options.orphan_dependents = options.orphan_dependents.or(parameters.orphan_dependents);
        options.grace_period_seconds =
            options.grace_period_seconds.or(parameters.grace_period_seconds);
        options.check()?;
        Ok(options)
    }

    pub(crate) fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }

    fn check(&self) -> Result<(), Failure> {
        let mut errors = Vec::new();
        if self.propagation_policy.is_some() && self.orphan_dependents.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            let error = FieldError::new(Fault::Invalid, "propagationPolicy", detail);
            errors.push(error.with_value(self.propagation_policy.clone().into()));
        }
        if let Some(policy) = &self.propagation_policy
            && !matches!(policy.as_str(), "Orphan" | "Background" | "Foreground")
        {
            let detail = "supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"";
            errors.push(
                FieldError::new(Fault::NotSupported, "propagationPolicy", detail)
                    .with_value(policy.as_str().into()),
            );
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Failure::invalid_as("DeleteOptions", "meta.k8s.io", "", &errors))
        }
    }

    /// The finalizer with which the dependents' fate is asked for.
    fn finalizer(&self) -> Option<&'static str> {
        match (self.propagation_policy.as_deref(), self.orphan_dependents) {
            (Some("Orphan"), _) | (None, Some(true)) => Some("orphan"),
            (Some("Foreground"), _) => Some("foregroundDeletion"),
            _ => None,
        }
    }

    fn check_preconditions(&self, change: &Change<'_>, live: &Live) -> Result<(), Failure> {
        let Some(preconditions) = &self.preconditions else { return Ok(()) };
        let refuse = |what: &str, asked: &str, found: &str, why: &str| {
            let why = format!(
                "the {what} in the precondition ({asked}) does not match the {what} in record ({found}). {why}"
            );
            Err(Failure::precondition(change.kind(), metadata::name(&live.value), &why))
        };
        let uid = metadata::uid(&live.value);
        if let Some(asked) = preconditions.uid.as_deref().filter(|asked| *asked != uid) {
            return refuse(
                "UID",
                asked,
                uid,
                "The object might have been deleted and then recreated",
            );
        }
        let version = live.stored.revision.to_string();
        if let Some(asked) =
            preconditions.resource_version.as_deref().filter(|asked| *asked != version)
        {
            return refuse(
                "ResourceVersion",
                asked,
                &version,
                "The object might have been modified",
            );
        }
        Ok(())
    }
}

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
                Err(Attempt::Overtaken) => {}
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
        options.check_preconditions(self, live)?;
        crate::api::check_deletable(self.kind(), metadata::name(&live.value))?;
        self.admit(rules::Operation::Delete, None, Some(&live.value), asked)?;
        let mut object = live.value.clone();
        self.hold(&mut object, options);
        let dry_run = self.parameters.is_dry_run() || options.is_dry_run();
        if !strategy::is_held(&self.kind().storage_collection, &object) {
            return self.remove(live, dry_run).await;
        }
        if metadata::is_being_deleted(&live.value) && object == live.value {
            return Ok(Outcome {
                code: StatusCode::OK,
                object: Written::Stored(live.stored.clone()),
            });
        }
        self.mark(&mut object);
        if dry_run {
            return Ok(Outcome { code: StatusCode::OK, object: Written::Value(object) });
        }
        let labels = body::labels(&object).into();
        let change = store::Change::Put(encode::stored(&form::stored(self.kind(), object)));
        let stored = self.commit(live, change, labels).await?;
        self.api.committed(&stored, false).await;
        Ok(Outcome { code: StatusCode::OK, object: Written::Stored(stored) })
    }

    /// Adds what holds the object until its dependents are dealt with.
    fn hold(&self, object: &mut Value, options: &DeleteOptions) {
        let held = metadata::finalizers(object).into_iter().map(str::to_owned);
        // Another policy replaces the one of an earlier deletion.
        let mut finalizers: Vec<String> = held
            .filter(|finalizer| !matches!(finalizer.as_str(), "orphan" | "foregroundDeletion"))
            .collect();
        let earlier = metadata::finalizers(object)
            .into_iter()
            .find(|one| matches!(*one, "orphan" | "foregroundDeletion"));
        let wanted = options.finalizer().or(match options.propagation_policy {
            Some(_) => None,
            None => earlier,
        });
        finalizers.extend(wanted.map(str::to_owned));
        // A definition takes its objects with it.
        if lifecycle::is_definition(self.kind())
            && !finalizers.iter().any(|one| one == lifecycle::CLEANUP)
        {
            finalizers.push(lifecycle::CLEANUP.to_owned());
        }
        if finalizers.is_empty() {
            metadata::of(object).remove("finalizers");
        } else {
            metadata::set(object, "finalizers", finalizers);
        }
    }

    /// The object stays until its finalizers are gone.
    fn mark(&self, object: &mut Value) {
        if !metadata::is_being_deleted(object) {
            metadata::set(object, "deletionTimestamp", self.now.to_string());
            metadata::set(object, "deletionGracePeriodSeconds", 0);
            let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
            if let Some(generation) = generation {
                metadata::set(object, "generation", generation + 1);
            }
        }
        if self.kind().group.is_empty() && self.kind().plural.as_ref() == "namespaces" {
            metadata::of(object).remove("deletionGracePeriodSeconds");
            strategy::terminate_namespace(object);
        }
    }

    async fn remove(&mut self, live: &Live, dry_run: bool) -> Result<Outcome, Attempt> {
        let kind = &self.served.kind;
        let told = status::success(kind, metadata::name(&live.value), metadata::uid(&live.value));
        if !dry_run {
            let labels = body::labels(&live.value).into();
            let change =
                store::Change::Delete(encode::stored(&form::stored(kind, live.value.clone())));
            let stored = self.commit(live, change, labels).await?;
            self.api.committed(&stored, true).await;
            if strategy::returns_deleted(kind) {
                return Ok(Outcome { code: StatusCode::OK, object: Written::Stored(stored) });
            }
        }
        let told = if strategy::returns_deleted(kind) { live.value.clone() } else { told };
        Ok(Outcome { code: StatusCode::OK, object: Written::Value(told) })
    }
}
