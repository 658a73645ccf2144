//! GET on one object and on a collection.

use std::collections::VecDeque;
use std::sync::Arc;

use apiserver_kinds::{Kind, ListMetadata};
use apiserver_object::{Fault, FieldError, LabelSelector};
use apiserver_store as store;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};

use crate::answer::{Accepted, Answer, Form};
use crate::api::Api;
use crate::catalog::Served;
use crate::parameters::Parameters;
use crate::request::ResourcePath;
use crate::selectors::FieldSelector;
use crate::status::Failure;
use crate::{encode, form, present};

/// What a list or a watch is about.
pub(crate) struct Selection {
    pub(crate) namespace: Option<String>,
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

impl Selection {
    /// Reads the selectors. A right to one name counts for a field selector on it: what was authorized under that name
    /// selects nothing else.
    pub(crate) fn read(
        served: &Served,
        path: &ResourcePath,
        parameters: &Parameters,
    ) -> Result<Self, Failure> {
        let namespace =
            (served.kind.namespaced && !path.namespace.is_empty()).then(|| path.namespace.clone());
        let labels =
            LabelSelector::parse(&parameters.label_selector).map_err(Failure::bad_request)?;
        let fields = FieldSelector::read(&served.kind, &parameters.field_selector)?;
        Ok(Self { namespace, labels, fields })
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Looks into the object's JSON only where a field selector asks for more than its name.
    pub(crate) fn matches(&self, kind: &Kind, object: &store::Object) -> bool {
        let label = |key: &str| {
            let mut labels = object.labels.iter();
            labels.find(|(own, _)| **own == *key).map(|(_, value)| &**value)
        };
        if !self.labels.matches(label) {
            return false;
        }
        if self.fields.is_empty() {
            return true;
        }
        let value = if self.fields.needs_object() {
            form::served(kind, object).unwrap_or_default()
        } else {
            Value::Null
        };
        self.fields.matches(&object.key.namespace, &object.key.name, &value)
    }
}

/// GET on one object.
pub(crate) fn get(
    api: &Api,
    served: &Served,
    path: &ResourcePath,
    parameters: &Parameters,
    accepted: Accepted,
) -> Result<Answer, Failure> {
    let kind = &served.kind;
    unless_no_number(&parameters.resource_version)?;
    revision_reached(api, &parameters.resource_version)?;
    let namespace = if kind.namespaced { path.namespace.as_str() } else { "" };
    let found = api.store.read(&kind.storage_collection, namespace, &path.name);
    let object = found.ok_or_else(|| Failure::not_found(kind, &path.name))?;
    object_answer(kind, StatusCode::OK, &object, accepted, parameters)
}

/// A stored object in the form that the client accepts.
pub(crate) fn object_answer(
    kind: &Kind,
    code: StatusCode,
    object: &store::Object,
    accepted: Accepted,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    if accepted.form == Form::Object && !accepted.yaml && form::is_served_as_stored(kind, object) {
        return Ok(Answer::encoded(code, object.json.clone()));
    }
    let value = form::served(kind, object)?;
    Ok(Answer::value(code, accepted, &present::object(kind, value, accepted.form, parameters)))
}

/// Refuses a revision that this server has not come to.
fn revision_reached(api: &Api, text: &str) -> Result<u64, Failure> {
    let asked = revision(text)?;
    let current = api.store.revision();
    if asked > current { Err(Failure::too_large(asked, current)) } else { Ok(asked) }
}

/// One object and watches answer a revision that is no number as an error of the server, as Kubernetes does.
pub(crate) fn unless_no_number(text: &str) -> Result<(), Failure> {
    if text.is_empty() || text.parse::<u64>().is_ok() {
        return Ok(());
    }
    let message = format!(
        "resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
    );
    Err(Failure::unexpected(message))
}

pub(crate) fn revision(text: &str) -> Result<u64, Failure> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| {
        Failure::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: \
             invalid syntax"
        ))
    })
}

/// Where the next page begins.
#[derive(Debug, PartialEq, Eq)]
struct Continue {
    revision: u64,
    namespace: String,
    name: String,
}

impl Continue {
    fn encode(&self) -> String {
        let start = format!("{}/{}", self.namespace, self.name);
        URL_SAFE_NO_PAD.encode(
            json!({ "v": "meta.k8s.io/v1", "rv": self.revision, "start": start }).to_string(),
        )
    }

    fn decode(text: &str) -> Result<Self, Failure> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
            let token: Value = serde_json::from_slice(&bytes).ok()?;
            let (namespace, name) = token["start"].as_str()?.split_once('/')?;
            let revision = token["rv"].as_u64()?;
            // Names have no slash: what has one leads elsewhere.
            if name.contains('/') || namespace == ".." || name == ".." {
                return None;
            }
            Some(Self { revision, namespace: namespace.to_owned(), name: name.to_owned() })
        };
        read().ok_or_else(|| {
            Failure::bad_request("continue key is not valid: it was not made by this server")
        })
    }
}

/// One page of a list.
struct Page {
    revision: u64,
    objects: Vec<Arc<store::Object>>,
    next: Option<Continue>,
    remaining: Option<usize>,
}

/// GET on a collection.
pub(crate) fn list(
    api: &Api,
    served: &Served,
    path: &ResourcePath,
    parameters: &Parameters,
    accepted: Accepted,
) -> Result<Answer, Failure> {
    let selection = Selection::read(served, path, parameters)?;
    let page = page(api, &served.kind, &selection, parameters)?;
    let metadata = ListMetadata {
        resource_version: page.revision.to_string(),
        continue_token: page.next.as_ref().map(Continue::encode).unwrap_or_default(),
        remaining: page.remaining.and_then(|remaining| u64::try_from(remaining).ok()),
    };
    if accepted.form == Form::Object {
        let mut metadata = present::list_metadata(&metadata);
        if served.kind.custom && metadata.get("continue").is_none() {
            metadata["continue"] = "".into();
        }
        let answer = streamed(served.kind.clone(), page.objects, &metadata);
        // JSON is YAML, and can be sent while it is put together.
        return Ok(if accepted.yaml {
            answer.with_content_type("application/yaml")
        } else {
            answer
        });
    }
    let values = page
        .objects
        .iter()
        .map(|object| form::served(&served.kind, object))
        .collect::<Result<Vec<_>, _>>()?;
    let value = present::list(&served.kind, values, &metadata, accepted.form, parameters);
    Ok(Answer::value(StatusCode::OK, accepted, &value))
}

fn page(
    api: &Api,
    kind: &Kind,
    selection: &Selection,
    parameters: &Parameters,
) -> Result<Page, Failure> {
    let (at, after) = start(api, parameters)?;
    if at.is_some_and(|at| at < api.floor) {
        return Err(too_old(parameters, at, api.floor));
    }
    let everything = selection.is_everything();
    let limit = if everything { parameters.limit } else { 0 };
    let after = after.as_ref().map(|after| (after.namespace.as_str(), after.name.as_str()));
    let listing = api
        .store
        .list(&kind.storage_collection, selection.namespace.as_deref(), after, limit, at)
        .map_err(|expired| too_old(parameters, at, expired.oldest))?;
    let mut objects = listing.objects;
    let mut remaining = listing.remaining;
    if !everything {
        objects.retain(|object| selection.matches(kind, object));
        if parameters.limit > 0 && objects.len() > parameters.limit {
            remaining = objects.len() - parameters.limit;
            objects.truncate(parameters.limit);
        } else {
            remaining = 0;
        }
    }
    let last = objects.last().filter(|_| remaining > 0);
    let next = last.map(|last| Continue {
        revision: listing.revision,
        namespace: last.key.namespace.to_string(),
        name: last.key.name.to_string(),
    });
    let remaining = (remaining > 0 && everything).then_some(remaining);
    Ok(Page { revision: listing.revision, objects, next, remaining })
}

/// All objects of a selection, for a deletion of the collection.
pub(crate) fn selected(
    api: &Api,
    kind: &Kind,
    selection: &Selection,
    parameters: &Parameters,
) -> Result<Vec<Arc<store::Object>>, Failure> {
    Ok(page(api, kind, selection, parameters)?.objects)
}

/// The snapshot and the place to begin at (`resourceVersion`, `resourceVersionMatch`, `continue`).
fn start(api: &Api, parameters: &Parameters) -> Result<(Option<u64>, Option<Continue>), Failure> {
    check_match(parameters)?;
    if !parameters.continue_token.is_empty() {
        if !matches!(parameters.resource_version.as_str(), "" | "0") {
            return Err(Failure::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let next = Continue::decode(&parameters.continue_token)?;
        return Ok((Some(next.revision), Some(next)));
    }
    let asked = revision_reached(api, &parameters.resource_version)?;
    let exact = parameters.resource_version_match == "Exact"
        || parameters.resource_version_match.is_empty() && parameters.limit > 0;
    Ok(((exact && asked > 0).then_some(asked), None))
}

fn check_match(parameters: &Parameters) -> Result<(), Failure> {
    let matched = parameters.resource_version_match.as_str();
    let mut errors = Vec::new();
    let mut forbidden = |wrong: bool, field: &str, detail: &str| {
        if wrong {
            errors.push(FieldError::new(Fault::Forbidden, field, detail));
        }
    };
    let (asked, version) = (!matched.is_empty(), parameters.resource_version.as_str());
    let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
    forbidden(asked && version.is_empty(), "resourceVersionMatch", detail);
    let detail = "resourceVersionMatch is forbidden when continue is provided";
    forbidden(asked && !parameters.continue_token.is_empty(), "resourceVersionMatch", detail);
    let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
    forbidden(matched == "Exact" && version == "0", "resourceVersionMatch", detail);
    let detail = "sendInitialEvents is forbidden for list";
    forbidden(parameters.send_initial_events.is_some(), "sendInitialEvents", detail);
    if !matches!(matched, "" | "Exact" | "NotOlderThan") {
        let detail = "supported values: \"Exact\", \"NotOlderThan\", \"\"";
        let error = FieldError::new(Fault::NotSupported, "resourceVersionMatch", detail);
        errors.push(error.with_value(matched.into()));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_as("ListOptions", "meta.k8s.io", "", &errors))
    }
}

fn too_old(parameters: &Parameters, at: Option<u64>, oldest: u64) -> Failure {
    if parameters.continue_token.is_empty() {
        return Failure::too_old(at.unwrap_or(0), oldest);
    }
    Failure::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list \
         without the continue parameter.",
    )
}

/// Bytes of a frame of a list that is sent while it is put together.
const FRAME_BYTES: usize = 64 * 1024;

/// A list whose items are copied into frames as the client takes them: a big list needs no second copy in memory.
fn streamed(kind: Arc<Kind>, objects: Vec<Arc<store::Object>>, metadata: &Value) -> Answer {
    let head = format!(
        "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},\"items\":[",
        json!(kind.list_kind.as_ref()),
        json!(encode::api_version(&kind)),
    );
    let state = (kind, VecDeque::from(objects), Some(BytesMut::from(head.as_bytes())));
    let frames = futures::stream::unfold(state, |(kind, mut objects, buffer)| async move {
        let mut buffer = buffer?;
        while buffer.len() < FRAME_BYTES {
            let Some(object) = objects.pop_front() else {
                buffer.extend_from_slice(b"]}\n");
                return Some((
                    Ok::<_, std::convert::Infallible>(frame(buffer)),
                    (kind, objects, None),
                ));
            };
            item(&kind, &object, &mut buffer);
            if !objects.is_empty() {
                buffer.extend_from_slice(b",");
            }
        }
        Some((
            Ok::<_, std::convert::Infallible>(frame(buffer)),
            (kind, objects, Some(BytesMut::with_capacity(FRAME_BYTES + 8192))),
        ))
    });
    Answer::streaming(StatusCode::OK, "application/json", StreamBody::new(frames).boxed_unsync())
}

fn frame(buffer: BytesMut) -> Frame<Bytes> {
    Frame::data(buffer.freeze())
}

/// Items of built-in kinds do not repeat the type that the list has.
fn item(kind: &Kind, object: &store::Object, buffer: &mut BytesMut) {
    if !form::is_served_as_stored(kind, object) {
        match form::served(kind, object) {
            Ok(mut value) => {
                if let (Value::Object(fields), false) = (&mut value, kind.custom) {
                    fields.retain(|key, _| key != "apiVersion" && key != "kind");
                }
                buffer.extend_from_slice(&encode::json(&value));
            }
            // Said in the log; a list with a hole is better than none, and JSON stays JSON.
            Err(_) => buffer.extend_from_slice(b"null"),
        }
    } else if kind.custom {
        buffer.extend_from_slice(&object.json);
    } else {
        buffer.extend_from_slice(b"{");
        buffer.extend_from_slice(encode::without_type(kind, &object.json));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_comes_back_as_it_was() {
        let next = Continue { revision: 7, namespace: "a".to_owned(), name: "b".to_owned() };
        assert_eq!(Continue::decode(&next.encode()).unwrap(), next);
        assert!(Continue::decode("x").is_err());
    }

    #[test]
    fn a_match_without_a_revision_is_refused() {
        let asked = |query: &str| check_match(&Parameters::read(query).unwrap()).is_ok();
        assert!(asked("resourceVersion=1&resourceVersionMatch=Exact"));
        assert!(!asked("resourceVersionMatch=Exact"));
        assert!(!asked("resourceVersion=0&resourceVersionMatch=Exact"));
        assert!(!asked("resourceVersion=1&resourceVersionMatch=Other"));
    }
}
