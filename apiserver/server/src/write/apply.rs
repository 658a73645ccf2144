//! PATCH with the type of server-side apply.

use apiserver_object::Fault;
use apiserver_patch::{self as merge, ApplyError, Operation};
use serde_json::Value;

use crate::decode::{self, agreement};
use crate::failure::{Failure, without_secret};
use crate::object::metadata;
use crate::request::content_type::Format;
use crate::request::parameters::FieldValidation;
use crate::write::change::{Attempt, Change, Live, Outcome};
use crate::write::patch::invalid_options;
use crate::write::strategy;

impl Change<'_> {
    pub(super) fn read_configuration(&mut self, patch: &[u8]) -> Result<Value, Failure> {
        if self.parameters.field_manager.is_empty() {
            return Err(invalid_options(
                Fault::Required,
                "fieldManager",
                "is required for apply patch",
            ));
        }
        let (configuration, duplicates) = decode::typed(self.kind(), patch, Format::Yaml)?;
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

    /// Creates the object that the configuration describes.
    pub(super) async fn apply_new(&mut self, configuration: &Value) -> Result<Outcome, Failure> {
        if !metadata::uid(configuration).is_empty() {
            return Err(Failure::not_found(self.kind(), &self.path.name));
        }
        self.may_create()?;
        let mut object = self.merge_configuration(None, configuration)?;
        agreement::same_name(&object, &self.path.name)?;
        self.normalise_applied(&mut object)?;
        if self.has_mutations() {
            object = self.mutate_new(object)?;
        } else {
            self.fill_in(&mut object)?;
            self.check_namespace(&object)?;
            strategy::prepare_create(self.kind(), &mut object);
        }
        Ok(self.finish_create(object).await?)
    }

    /// Brings an object that is there to what the configuration describes.
    pub(super) async fn apply(
        &mut self,
        live: &Live,
        configuration: &Value,
    ) -> Result<Outcome, Attempt> {
        let found = live.stored.revision.to_string();
        let asked = metadata::text(configuration, "resourceVersion");
        if !asked.is_empty() && asked != found {
            return Err(Failure::modified(self.kind(), &self.path.name).into());
        }
        let mut object = self.merge_configuration(Some(&live.value), configuration)?;
        agreement::same_name(&object, &self.path.name)?;
        self.same_namespace(&mut object)?;
        metadata::set(&mut object, "resourceVersion", found);
        self.normalise_applied(&mut object)?;
        if self.has_mutations() {
            object = self.mutate_change(live, object)?;
            metadata::set(&mut object, "resourceVersion", live.stored.revision.to_string());
        }
        strategy::prepare_update(self.kind(), self.subresource, &mut object, &live.value);
        self.store_update(live, object).await
    }

    fn normalise_applied(&self, object: &mut Value) -> Result<(), Failure> {
        let name = format!("{}/{}", self.namespace(), self.path.name);
        decode::normalise_applied(self.served, object).map_err(|wrong| {
            let (version, kind) = (self.kind().api_version(), &self.kind().kind);
            let slash = if version.contains('/') { "" } else { "/" };
            Failure::unexpected(format!(
                "failed to convert new object ({name}; {slash}{version}, Kind={kind}) to proper version: {wrong}"
            ))
        })
    }

    fn merge_configuration(
        &self,
        live: Option<&Value>,
        configuration: &Value,
    ) -> Result<Value, Failure> {
        let api_version = self.kind().api_version();
        let writer = self.writer(&api_version, Operation::Apply);
        let excluded = strategy::not_owned(self.kind(), self.subresource);
        let force = self.parameters.force.unwrap_or(false);
        merge::apply(self.served.schema(), live, configuration, &writer, force, excluded).map_err(
            |error| match error {
                ApplyError::Conflicts(conflicts) => {
                    Failure::apply_conflict(conflicts.message(), &conflicts.causes())
                }
                ApplyError::BadRequest(message) => Failure::bad_request(message),
                ApplyError::Untyped(message) => {
                    Failure::unexpected(without_secret(self.kind(), message))
                }
            },
        )
    }
}
