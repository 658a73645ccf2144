//! An authorized request on a kind that is served.

use std::sync::Arc;

use apiserver_object::{Subresource, User};
use apiserver_patch::default_manager;
use http::header::USER_AGENT;
use http::request::Parts;
use serde_json::Value;

use crate::answer::{Answer, presentation};
use crate::api::Api;
use crate::clock;
use crate::decode;
use crate::failure::Failure;
use crate::request::accept::{Accepted, Form};
use crate::request::content_type::{Format, PatchType};
use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;
use crate::state::served::Served;
use crate::write::change::{Change, Outcome, Written};

/// What the request asks for, looked up.
pub(crate) struct Call<'a> {
    pub(crate) api: &'a Arc<Api>,
    pub(crate) parts: &'a Parts,
    pub(crate) path: &'a ResourcePath,
    pub(crate) subresource: Subresource,
    pub(crate) parameters: &'a Parameters,
    pub(crate) user: &'a User,
    pub(crate) served: &'a Arc<Served>,
    pub(crate) accepted: Accepted,
}

impl Call<'_> {
    /// The write that the request asks for.
    pub(crate) fn change(&self) -> Change<'_> {
        let agent = self.parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let manager = if self.parameters.field_manager.is_empty() {
            default_manager(agent.unwrap_or_default())
        } else {
            self.parameters.field_manager.clone()
        };
        Change {
            api: self.api,
            served: self.served,
            path: self.path,
            subresource: self.subresource,
            user: self.user,
            parameters: self.parameters,
            manager,
            now: clock::now(),
            warnings: Vec::new(),
        }
    }

    /// The object in the body.
    pub(crate) fn decoded(&self, bytes: &[u8], change: &mut Change<'_>) -> Result<Value, Failure> {
        let decoded =
            decode::object(self.served, bytes, self.format()?, self.parameters.field_validation())?;
        change.warnings.extend(decoded.warnings);
        Ok(decoded.object)
    }

    /// The format of an object in the body.
    pub(crate) fn format(&self) -> Result<Format, Failure> {
        Format::of_object(&self.parts.headers, self.served.kind.custom)
    }

    /// The type of a patch in the body.
    pub(crate) fn patch_type(&self) -> Result<PatchType, Failure> {
        PatchType::read(&self.parts.headers)
    }

    /// What has become of a write, in the form that the client accepts.
    pub(crate) fn outcome(&self, outcome: &Outcome) -> Result<Answer, Failure> {
        let (kind, accepted) = (&self.served.kind, self.accepted);
        match &outcome.object {
            Written::Stored(stored) => {
                presentation::stored_object(kind, outcome.code, stored, accepted, self.parameters)
            }
            Written::Value(value) if value["kind"] == "Status" => {
                let accepted = Accepted { form: Form::Object, ..accepted };
                Ok(Answer::value(outcome.code, accepted, value))
            }
            Written::Value(value) => {
                let shown =
                    presentation::object(kind, value.clone(), accepted.form, self.parameters);
                Ok(Answer::value(outcome.code, accepted, &shown))
            }
        }
    }
}
