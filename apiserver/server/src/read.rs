//! GET on one object and on a collection.

mod continue_token;
mod list_body;
mod page;
mod revision;
pub(crate) mod selection;
pub(crate) mod watch;

use std::sync::Arc;

use apiserver_kinds::{Kind, ListMetadata};
use apiserver_store as store;
use http::StatusCode;

use crate::answer::{Answer, presentation};
use crate::failure::Failure;
use crate::object::version;
use crate::read::continue_token::Continue;
use crate::read::page::Page;
use crate::read::selection::Selection;
use crate::request::accept::{Accepted, Form, YAML};
use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;
use crate::state::objects::Objects;
use crate::state::served::Served;

/// GET on one object.
pub(crate) fn get(
    objects: &Objects,
    served: &Served,
    path: &ResourcePath,
    parameters: &Parameters,
    accepted: Accepted,
) -> Result<Answer, Failure> {
    let kind = &served.kind;
    revision::check_number(&parameters.resource_version)?;
    revision::reached(objects, &parameters.resource_version)?;
    let namespace = if kind.namespaced { path.namespace.as_str() } else { "" };
    let found = objects.store.read(&kind.storage_collection, namespace, &path.name);
    let object = found.ok_or_else(|| Failure::not_found(kind, &path.name))?;
    presentation::stored_object(kind, StatusCode::OK, &object, accepted, parameters)
}

/// GET on a collection.
pub(crate) fn list(
    objects: &Objects,
    served: &Served,
    path: &ResourcePath,
    parameters: &Parameters,
    accepted: Accepted,
) -> Result<Answer, Failure> {
    let selection = Selection::read(served, path, parameters)?;
    let page = Page::read(objects, &served.kind, &selection, parameters)?;
    let metadata = ListMetadata {
        resource_version: page.revision.to_string(),
        continue_token: page.next.as_ref().map(Continue::encode).unwrap_or_default(),
        remaining: page.remaining.and_then(|remaining| u64::try_from(remaining).ok()),
    };
    if accepted.form == Form::Object {
        let answer = whole_objects(&served.kind, page.objects, &metadata);
        // JSON is YAML, and can be sent while it is put together.
        return Ok(if accepted.yaml { answer.with_content_type(YAML) } else { answer });
    }
    let values = page
        .objects
        .iter()
        .map(|object| version::served(&served.kind, object))
        .collect::<Result<Vec<_>, _>>()?;
    let value = presentation::list(&served.kind, values, &metadata, accepted.form, parameters);
    Ok(Answer::value(StatusCode::OK, accepted, &value))
}

fn whole_objects(
    kind: &Arc<Kind>,
    objects: Vec<Arc<store::Object>>,
    metadata: &ListMetadata,
) -> Answer {
    let mut metadata = presentation::list_metadata(metadata);
    if kind.custom && metadata.get("continue").is_none() {
        metadata["continue"] = "".into();
    }
    list_body::streamed(kind.clone(), objects, &metadata)
}

/// All objects of a selection, for a deletion of the collection.
pub(crate) fn selected(
    objects: &Objects,
    kind: &Kind,
    selection: &Selection,
    parameters: &Parameters,
) -> Result<Vec<Arc<store::Object>>, Failure> {
    Ok(Page::read(objects, kind, selection, parameters)?.objects)
}
