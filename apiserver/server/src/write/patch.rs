//! PATCH: changes of an object that is there. Server-side apply is in [`super::apply`].

use apiserver_kinds::Kind;
use apiserver_object::{Fault, FieldError, Subresource};
use apiserver_patch as merge;
use serde_json::Value;

use crate::decode::document;
use crate::decode::{self, agreement};
use crate::failure::Failure;
use crate::request::content_type::{Format, PatchType};
use crate::state::collections::SECRETS;
use crate::write::change::{Attempt, Change, Live, Outcome, TRIES};

/// A patch, read as far as that can be done without the object.
enum Patch<'a> {
    /// The configuration of a server-side apply.
    Apply(Value),
    Edit(Edit<'a>),
}

/// A change of an object that is there.
enum Edit<'a> {
    /// RFC 6902; it is read against the object.
    Json(&'a [u8]),
    /// RFC 7386.
    Merge(Value),
    StrategicMerge(Value),
}

impl Change<'_> {
    /// PATCH.
    pub(crate) async fn patch(
        &mut self,
        patch_type: PatchType,
        patch: &[u8],
    ) -> Result<Outcome, Failure> {
        let name = self.path.name.clone();
        let patch = self.read_patch(patch_type, patch)?;
        for _ in 0..TRIES {
            let Some(live) = self.live(&name)? else {
                return match &patch {
                    Patch::Apply(configuration) if self.subresource == Subresource::Whole => {
                        self.apply_new(configuration).await
                    }
                    _ => Err(Failure::not_found(self.kind(), &name)),
                };
            };
            let attempt = match &patch {
                Patch::Apply(configuration) => self.apply(&live, configuration).await,
                Patch::Edit(edit) => self.edit(&live, edit).await,
            };
            match attempt {
                Err(Attempt::Overtaken(_)) => {}
                Err(Attempt::Failed(failure)) => return Err(failure),
                Ok(outcome) => return Ok(outcome),
            }
        }
        Err(Failure::modified(self.kind(), &name))
    }

    fn read_patch<'p>(
        &mut self,
        patch_type: PatchType,
        patch: &'p [u8],
    ) -> Result<Patch<'p>, Failure> {
        if patch_type != PatchType::Apply && self.parameters.force.is_some() {
            return Err(invalid_options(
                Fault::Forbidden,
                "force",
                "may not be specified for non-apply patch",
            ));
        }
        if self.kind().custom {
            patch_type.check_custom()?;
        }
        Ok(match patch_type {
            PatchType::Json => Patch::Edit(Edit::Json(patch)),
            PatchType::Merge => Patch::Edit(Edit::Merge(merge_patch(patch)?)),
            PatchType::StrategicMerge => Patch::Edit(Edit::StrategicMerge(merge_patch(patch)?)),
            PatchType::Apply => Patch::Apply(self.read_configuration(patch)?),
        })
    }

    async fn edit(&mut self, live: &Live, edit: &Edit<'_>) -> Result<Outcome, Attempt> {
        let mut object = self.edited(live, edit)?;
        agreement::same_version(self.kind(), &object)?;
        agreement::same_type(self.kind(), &object)?;
        agreement::same_name(&object, &self.path.name)?;
        self.same_namespace(&mut object)?;
        let validation = self.parameters.field_validation();
        let normal = decode::normalise(self.served, &mut object, Vec::new(), validation);
        // Sent once, however often the patch is tried.
        self.warnings = match normal {
            Ok(warnings) => warnings,
            // What is refused is shown as it was before anything of it was removed.
            Err(mismatch) => {
                let edited = self.edited(live, edit)?;
                let message = mismatch.patch_message(self.kind());
                return Err(unfit(self.kind(), &edited, message).into());
            }
        };
        self.finish_update(live, object).await
    }

    fn edited(&self, live: &Live, edit: &Edit<'_>) -> Result<Value, Failure> {
        let mut object = live.value.clone();
        let edited = match edit {
            Edit::Json(patch) => merge::json_patch(&mut object, patch),
            Edit::StrategicMerge(patch) => {
                merge::strategic_merge_patch(self.served.schema(), &mut object, patch)
            }
            Edit::Merge(patch) => {
                merge::merge_patch(&mut object, patch);
                Ok(())
            }
        };
        edited.map_err(|error| Failure::from_patch(self.kind(), &self.path.name, &error))?;
        Ok(object)
    }
}

fn merge_patch(patch: &[u8]) -> Result<Value, Failure> {
    let parsed = document::parse(patch, Format::Json)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    if parsed.value.is_object() {
        return Ok(parsed.value);
    }
    Err(Failure::bad_request("error decoding patch: a merge patch must be a JSON object"))
}

/// A patched object that its kind cannot hold.
fn unfit(kind: &Kind, object: &Value, message: String) -> Failure {
    let error = FieldError::new(Fault::Invalid, "patch", message);
    // A Secret is shown to nobody, not in the error of its own writer either: errors are logged.
    let secret = kind.storage_collection.as_ref() == SECRETS;
    let shown = if secret { "a Secret".to_owned() } else { object.to_string() };
    Failure::invalid_as("", "", "", &[error.with_value(shown.into())])
}

pub(super) fn invalid_options(fault: Fault, field: &str, detail: &str) -> Failure {
    Failure::invalid_as("PatchOptions", "meta.k8s.io", "", &[FieldError::new(fault, field, detail)])
}
