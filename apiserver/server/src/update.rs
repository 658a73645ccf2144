//! Changing objects that are there: PUT and PATCH.

use apiserver_kinds::Kind;
use apiserver_object::{Fault, FieldError};
use apiserver_patch::{self as merge, ApplyError, Operation};
use apiserver_rules as rules;
use apiserver_store as store;
use http::StatusCode;
use serde_json::Value;

use crate::change::{Change, Live, Outcome, Written};
use crate::parameters::FieldValidation;
use crate::status::Failure;
use crate::{body, decode, encode, form, metadata, strategy, validation};

/// How a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, for built-in kinds.
    StrategicMerge,
    /// Server-side apply.
    Apply,
}

/// How often a patch that met a newer object is tried on that one.
const PATCH_TRIES: usize = 20;

impl Change<'_> {
    /// PUT.
    pub(crate) async fn update(&mut self, object: Value) -> Result<Outcome, Failure> {
        let name = self.path.name.clone();
        for _ in 0..PATCH_TRIES {
            let mut object = object.clone();
            self.in_namespace(&mut object)?;
            let Some(live) = self.live(&name)? else {
                if strategy::creates_on_update(self.kind()) && self.path.subresource.is_empty() {
                    self.may_create()?;
                    if !metadata::uid(&object).is_empty() {
                        let uid = metadata::uid(&object);
                        let why = format!(
                            "Precondition failed: UID in precondition: {uid}, UID in object meta: "
                        );
                        return Err(Failure::conflict(self.kind(), &name, &why));
                    }
                    return self.create_once(object).await;
                }
                return Err(Failure::not_found(self.kind(), &name));
            };
            self.check_uid(&live, &object)?;
            match self.finish_update(&live, object).await {
                Err(Attempt::Overtaken) => {}
                Err(Attempt::Failed(failure)) => return Err(failure),
                Ok(outcome) => return Ok(outcome),
            }
        }
        Err(Failure::modified(self.kind(), &name))
    }

    /// PATCH.
    pub(crate) async fn patch(
        &mut self,
        patch_type: PatchType,
        patch: &[u8],
    ) -> Result<Outcome, Failure> {
        let name = self.path.name.clone();
        let read = self.read_patch(patch_type, patch)?;
        for _ in 0..PATCH_TRIES {
            let Some(live) = self.live(&name)? else {
                if patch_type == PatchType::Apply && self.path.subresource.is_empty() {
                    return self.apply_new(read).await;
                }
                return Err(Failure::not_found(self.kind(), &name));
            };
            let attempt = match patch_type {
                PatchType::Apply => self.apply(&live, &read).await,
                _ => self.patch_live(&live, patch_type, &read, patch).await,
            };
            match attempt {
                Err(Attempt::Overtaken) => {}
                Err(Attempt::Failed(failure)) => return Err(failure),
                Ok(outcome) => return Ok(outcome),
            }
        }
        Err(Failure::modified(self.kind(), &name))
    }

    /// The object is in the namespace of the path.
    fn in_namespace(&self, object: &mut Value) -> Result<(), Failure> {
        let namespace = if self.kind().namespaced { self.path.namespace.as_str() } else { "" };
        self.same_namespace(object, namespace)
    }

    /// Reads what can be read without the object.
    fn read_patch(&mut self, patch_type: PatchType, patch: &[u8]) -> Result<Value, Failure> {
        if patch_type == PatchType::Apply {
            return self.read_configuration(patch);
        }
        if self.parameters.force.is_some() {
            return Err(patch_options(
                Fault::Forbidden,
                "force",
                "may not be specified for non-apply patch",
            ));
        }
        if patch_type == PatchType::StrategicMerge && self.kind().custom {
            return Err(Failure::unsupported_media_type(&PATCHES_OF_CUSTOM_KINDS));
        }
        if patch_type == PatchType::Json {
            return Ok(Value::Null);
        }
        let parsed = body::parse(patch, body::Format::Json);
        let parsed = parsed
            .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
        if parsed.value.is_object() {
            return Ok(parsed.value);
        }
        Err(Failure::bad_request("error decoding patch: a merge patch must be a JSON object"))
    }

    fn read_configuration(&mut self, patch: &[u8]) -> Result<Value, Failure> {
        if self.parameters.field_manager.is_empty() {
            return Err(patch_options(
                Fault::Required,
                "fieldManager",
                "is required for apply patch",
            ));
        }
        let (configuration, duplicates) = decode::typed(self.kind(), patch, body::Format::Yaml)?;
        match self.parameters.field_validation() {
            FieldValidation::Strict if !duplicates.is_empty() => {
                return Err(Failure::bad_request(format!(
                    "error decoding YAML: strict decoding error: {}",
                    duplicates.join(", ")
                )));
            }
            FieldValidation::Ignore => {}
            _ => self.warnings.extend(duplicates),
        }
        if configuration
            .pointer("/metadata/managedFields")
            .is_some_and(|managed| !managed.is_null())
        {
            return Err(Failure::bad_request("metadata.managedFields must be nil"));
        }
        Ok(configuration)
    }

    async fn patch_live(
        &mut self,
        live: &Live,
        patch_type: PatchType,
        read: &Value,
        patch: &[u8],
    ) -> Result<Outcome, Attempt> {
        let mut object = self.patched(live, patch_type, read, patch)?;
        decode::same_version(self.kind(), &object)?;
        decode::same_type(self.kind(), &object)?;
        decode::same_name(&object, &self.path.name)?;
        self.in_namespace(&mut object)?;
        let normal = decode::normalise(
            self.served,
            &mut object,
            Vec::new(),
            self.parameters.field_validation(),
        );
        // Said once, however often the patch is tried.
        self.warnings = match normal {
            Ok(warnings) => warnings,
            // What is refused is shown as it was before anything of it was removed.
            Err(failure) => {
                let patched = self.patched(live, patch_type, read, patch)?;
                return Err(unfit(self.kind(), &patched, &failure).into());
            }
        };
        self.finish_update(live, object).await
    }

    fn patched(
        &self,
        live: &Live,
        patch_type: PatchType,
        read: &Value,
        patch: &[u8],
    ) -> Result<Value, Failure> {
        let mut object = live.value.clone();
        match patch_type {
            PatchType::Json => merge::json_patch(&mut object, patch)
                .map_err(|error| Failure::from_patch(self.kind(), &self.path.name, &error))?,
            PatchType::StrategicMerge => {
                merge::strategic_merge_patch(self.served.schema(), &mut object, read)
                    .map_err(|error| Failure::from_patch(self.kind(), &self.path.name, &error))?
            }
            PatchType::Merge | PatchType::Apply => merge::merge_patch(&mut object, read),
        }
        Ok(object)
    }

    async fn apply_new(&mut self, configuration: Value) -> Result<Outcome, Failure> {
        if !metadata::uid(&configuration).is_empty() {
            return Err(Failure::not_found(self.kind(), &self.path.name));
        }
        self.may_create()?;
        let mut object = self.merge_configuration(None, &configuration)?;
        decode::same_name(&object, &self.path.name)?;
        self.decode_defaults(&mut object);
        self.fill_in(&mut object)?;
        self.check_namespace(&object)?;
        strategy::prepare_create(self.kind(), &mut object);
        self.finish_create(object).await
    }

    async fn apply(&mut self, live: &Live, configuration: &Value) -> Result<Outcome, Attempt> {
        let told = metadata::text(configuration, "resourceVersion");
        if !told.is_empty() && told != live.stored.revision.to_string() {
            return Err(Failure::modified(self.kind(), &self.path.name).into());
        }
        let mut object = self.merge_configuration(Some(&live.value), configuration)?;
        decode::same_name(&object, &self.path.name)?;
        self.in_namespace(&mut object)?;
        metadata::set(&mut object, "resourceVersion", live.stored.revision.to_string());
        self.decode_defaults(&mut object);
        self.finish(live, object).await
    }

    fn merge_configuration(
        &self,
        live: Option<&Value>,
        configuration: &Value,
    ) -> Result<Value, Failure> {
        let api_version = encode::api_version(self.kind());
        let writer = self.writer(&api_version, Operation::Apply);
        let excluded = strategy::not_owned(self.kind(), &self.path.subresource);
        let force = self.parameters.force.unwrap_or(false);
        merge::apply(self.served.schema(), live, configuration, &writer, force, excluded).map_err(
            |error| match error {
                ApplyError::Conflicts(conflicts) => {
                    Failure::apply_conflict(conflicts.message(), &conflicts.causes())
                }
                ApplyError::BadRequest(message) => Failure::bad_request(message),
                ApplyError::Untyped(message) => Failure::unexpected(message),
            },
        )
    }

    fn decode_defaults(&self, object: &mut Value) {
        decode::defaults_of_applied(self.served, object);
    }

    /// Who may change an object that is there may not for that reason create one.
    fn may_create(&self) -> Result<(), Failure> {
        self.api.authorize(self.user, "create", self.path)
    }

    fn check_uid(&self, live: &Live, object: &Value) -> Result<(), Failure> {
        let (told, found) = (metadata::uid(object), metadata::uid(&live.value));
        if told.is_empty() || told == found {
            return Ok(());
        }
        let why = format!(
            "Precondition failed: UID in precondition: {told}, UID in object meta: {found}"
        );
        Err(Failure::conflict(self.kind(), &self.path.name, &why))
    }

    /// Checks the resourceVersion, notes the owners, and stores.
    async fn finish_update(&mut self, live: &Live, mut object: Value) -> Result<Outcome, Attempt> {
        let told = metadata::text(&object, "resourceVersion").to_owned();
        let found = live.stored.revision.to_string();
        if told.is_empty() || told == "0" {
            if !strategy::updates_unconditionally(self.kind()) {
                let error = FieldError::new(
                    Fault::Invalid,
                    "metadata.resourceVersion",
                    "must be specified for an update",
                );
                let (plural, group) = (&self.kind().plural, &self.kind().group);
                let error = error.with_value(0.into());
                return Err(Failure::invalid_as(plural, group, &self.path.name, &[error]).into());
            }
            metadata::set(&mut object, "resourceVersion", found);
        } else if told.parse::<u64>().is_err() {
            let message = format!(
                "resourceVersion: Invalid value: {told:?}: strconv.ParseUint: parsing {told:?}: invalid syntax"
            );
            return Err(Failure::unexpected(message).into());
        } else if told != found {
            return Err(Failure::modified(self.kind(), &self.path.name).into());
        }
        strategy::prepare_update(self.kind(), &self.path.subresource, &mut object, &live.value);
        self.own(Some(&live.value), &mut object, Operation::Update);
        self.store_update(live, object).await
    }

    async fn finish(&mut self, live: &Live, mut object: Value) -> Result<Outcome, Attempt> {
        strategy::prepare_update(self.kind(), &self.path.subresource, &mut object, &live.value);
        self.store_update(live, object).await
    }

    async fn store_update(&mut self, live: &Live, mut object: Value) -> Result<Outcome, Attempt> {
        let name = self.path.name.clone();
        merge::restore_times(&live.value, &mut object);
        let errors =
            validation::check(self.served, &self.path.subresource, &object, Some(&live.value));
        if !errors.is_empty() {
            return Err(Failure::invalid(self.kind(), &name, &errors).into());
        }
        self.check_meaning(&object, Some(&live.value))?;
        self.warnings.extend(validation::warnings(self.kind(), &object));
        self.admit(rules::Operation::Update, Some(&object), Some(&live.value), &name)?;
        if metadata::is_being_deleted(&object)
            && !strategy::is_held(&self.kind().storage_collection, &object)
        {
            return self.remove_released(live, object).await;
        }
        if object == live.value {
            return Ok(Outcome {
                code: StatusCode::OK,
                object: Written::Stored(live.stored.clone()),
            });
        }
        if self.parameters.is_dry_run() {
            return Ok(Outcome { code: StatusCode::OK, object: Written::Value(object) });
        }
        let labels = body::labels(&object).into();
        let change = store::Change::Put(encode::stored(&form::stored(self.kind(), object)));
        let stored = self.commit(live, change, labels).await?;
        self.api.committed(&stored, false).await;
        Ok(Outcome { code: StatusCode::OK, object: Written::Stored(stored) })
    }

    /// The last finalizer is gone from an object that is being deleted.
    async fn remove_released(&mut self, live: &Live, object: Value) -> Result<Outcome, Attempt> {
        if self.parameters.is_dry_run() {
            return Ok(Outcome { code: StatusCode::OK, object: Written::Value(object) });
        }
        // Watchers are shown the object as it was stored last.
        let labels = body::labels(&live.value).into();
        let change =
            store::Change::Delete(encode::stored(&form::stored(self.kind(), live.value.clone())));
        let stored = self.commit(live, change, labels).await?;
        self.api.committed(&stored, true).await;
        Ok(Outcome { code: StatusCode::OK, object: Written::Value(object) })
    }

    pub(crate) async fn commit(
        &self,
        live: &Live,
        change: store::Change,
        labels: store::Labels,
    ) -> Result<std::sync::Arc<store::Object>, Attempt> {
        let condition = store::Condition::Revision(live.stored.revision);
        let write =
            store::Write { key: live.stored.key.clone(), condition, change, labels, given: None };
        self.api.write(write).await.map_err(|error| match error {
            store::WriteError::Conflict { .. } => Attempt::Overtaken,
            other => Attempt::Failed(Failure::from(other)),
        })
    }
}

/// A patched object that its kind cannot hold; Kubernetes does not say again which kind that is.
fn unfit(kind: &Kind, object: &Value, failure: &Failure) -> Failure {
    let why = failure.message.split_once("strict decoding error: ");
    let why = why.map_or_else(
        || failure.message.clone(),
        |(_, why)| format!("strict decoding error: {why}"),
    );
    let error = FieldError::new(Fault::Invalid, "patch", why);
    // A Secret is shown to nobody, not in the error of its own writer either: errors are logged.
    let secret = kind.storage_collection.as_ref() == "core/secrets";
    let shown = if secret { "a Secret".to_owned() } else { object.to_string() };
    Failure::invalid_as("", "", "", &[error.with_value(shown.into())])
}

/// Why one try of a change did not store anything.
pub(crate) enum Attempt {
    /// Another write came first: read again.
    Overtaken,
    /// It cannot be done.
    Failed(Failure),
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

const PATCHES_OF_CUSTOM_KINDS: [&str; 3] =
    ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

fn patch_options(fault: Fault, field: &str, detail: &str) -> Failure {
    Failure::invalid_as("PatchOptions", "meta.k8s.io", "", &[FieldError::new(fault, field, detail)])
}
