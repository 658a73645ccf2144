//! GET with `watch=true`: changes of a collection as they become durable.

mod line;
mod start;
mod stream;

use std::sync::Arc;

use apiserver_object::{Fault, FieldError};
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio_util::sync::CancellationToken;

use crate::access::standing::Standing;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::limits::budget::Permit;
use crate::read::revision;
use crate::read::selection::Selection;
use crate::read::watch::start::Start;
use crate::read::watch::stream::Stream;
use crate::request::accept::Accepted;
use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;
use crate::state::objects::Objects;
use crate::state::served::Served;

/// A watch that is asked for.
pub(crate) struct Watch<'a> {
    pub(crate) served: &'a Arc<Served>,
    pub(crate) path: &'a ResourcePath,
    pub(crate) parameters: &'a Parameters,
    pub(crate) accepted: Accepted,
    /// Held while the watch is open.
    pub(crate) permit: Permit,
    /// Ends the watch with the credential and the rights of its user.
    pub(crate) standing: Standing,
    /// Ends the watch with the server.
    pub(crate) stop: CancellationToken,
}

impl Watch<'_> {
    /// Starts the watch.
    pub(crate) fn answer(self, objects: &Objects) -> Result<Answer, Failure> {
        check(self.parameters)?;
        revision::check_number(&self.parameters.resource_version)?;
        let selection = Selection::read(self.served, self.path, self.parameters)?;
        let start = Start::read(objects, &self.served.kind, &selection, self.parameters)?;
        let stream = Stream::new(self, selection, start);
        let frames = futures::stream::unfold(stream, |mut stream| async move {
            let line = stream.next().await?;
            Some((Ok(Frame::data(line)), stream))
        });
        let body = StreamBody::new(frames).boxed_unsync();
        Ok(Answer::streaming(StatusCode::OK, "application/json", body))
    }
}

fn check(parameters: &Parameters) -> Result<(), Failure> {
    let matched = parameters.resource_version_match.as_str();
    let forbidden = |field: &str, detail: &str| FieldError::new(Fault::Forbidden, field, detail);
    let mut errors = Vec::new();
    match parameters.send_initial_events {
        Some(_) if matched != "NotOlderThan" => {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(forbidden("resourceVersionMatch", detail));
            if !matched.is_empty() {
                let detail = "supported values: \"NotOlderThan\"";
                let error = FieldError::new(Fault::NotSupported, "resourceVersionMatch", detail);
                errors.push(error.with_value(matched.into()));
            }
        }
        None if !matched.is_empty() => {
            let detail =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(forbidden("resourceVersionMatch", detail));
        }
        _ => {}
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_as("ListOptions", "meta.k8s.io", "", &errors))
    }
}
