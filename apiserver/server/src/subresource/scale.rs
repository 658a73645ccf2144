//! The scale of an object.

use apiserver_kinds::{self as kinds, Scale};
use apiserver_object::{Fault, FieldError, Subresource, Verb};
use apiserver_patch as merge;
use http::StatusCode;
use serde_json::{Value, json};

use super::parsed;
use crate::answer::Answer;
use crate::call::Call;
use crate::decode::document;
use crate::failure::Failure;
use crate::object::{metadata, version};
use crate::request::content_type::{Format, PatchType};
use crate::write::change::Written;

/// GET of the scale.
pub(crate) fn get(call: &Call<'_>) -> Result<Answer, Failure> {
    answer(call, &live(call)?)
}

fn answer(call: &Call<'_>, object: &Value) -> Result<Answer, Failure> {
    Ok(Answer::value(StatusCode::OK, call.accepted, &scale_of(call, object)?))
}

/// PUT and PATCH of the scale, which is a view of the object itself: the write is one on the object.
pub(super) async fn write(call: &Call<'_>, verb: Verb, bytes: &[u8]) -> Result<Answer, Failure> {
    let kind = &call.served.kind;
    let current = scale_of(call, &live(call)?)?;
    let asked =
        if verb == Verb::Update { parsed(call, bytes)? } else { patched(call, &current, bytes)? };
    let replicas = replicas(call, &asked)?;
    let version = metadata::text(&asked, "resourceVersion");
    if !version.is_empty() && version != metadata::text(&current, "resourceVersion") {
        return Err(Failure::modified(kind, &call.path.name));
    }
    let mut patch = nested(&paths(call)?.spec_replicas_path, replicas.into());
    if !version.is_empty() {
        // What was looked at is what is changed.
        patch["metadata"] = json!({ "resourceVersion": version });
    }
    let mut change = call.change();
    change.subresource = Subresource::Whole;
    let outcome = change.patch(PatchType::Merge, patch.to_string().as_bytes()).await?;
    match outcome.object {
        Written::Stored(stored) => answer(call, &version::served(kind, &stored)?),
        Written::Value(value) => answer(call, &value),
    }
}

fn patched(call: &Call<'_>, current: &Value, patch: &[u8]) -> Result<Value, Failure> {
    let mut scale = current.clone();
    if call.patch_type()? == PatchType::Json {
        merge::json_patch(&mut scale, patch)
            .map_err(|error| Failure::unprocessable(error.to_string()))?;
    } else {
        let patch = document::parse(patch, Format::Yaml).map_err(Failure::bad_request)?;
        merge::merge_patch(&mut scale, &patch.value);
    }
    Ok(scale)
}

fn replicas(call: &Call<'_>, scale: &Value) -> Result<i64, Failure> {
    let replicas = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    if replicas >= 0 {
        return Ok(replicas);
    }
    let detail = "should be a non-negative integer";
    let error = FieldError::new(Fault::Invalid, ".spec.replicas", detail);
    let error = error.with_value(replicas.into());
    Err(Failure::invalid(&call.served.kind, &call.path.name, &[error]))
}

fn paths<'a>(call: &'a Call<'_>) -> Result<&'a Scale, Failure> {
    call.served.kind.subresources.scale.as_ref().ok_or_else(Failure::no_such_resource)
}

fn live(call: &Call<'_>) -> Result<Value, Failure> {
    let kind = &call.served.kind;
    let namespace = if kind.namespaced { call.path.namespace.as_str() } else { "" };
    let found = call.api.objects.store.read(&kind.storage_collection, namespace, &call.path.name);
    version::served(kind, &*found.ok_or_else(|| Failure::not_found(kind, &call.path.name))?)
}

fn scale_of(call: &Call<'_>, object: &Value) -> Result<Value, Failure> {
    let paths = paths(call)?;
    let at = |path: &str| object.pointer(&pointer(path)).cloned();
    let metadata = &object["metadata"];
    let mut status = json!({ "replicas": at(&paths.status_replicas_path).unwrap_or(0.into()) });
    if let Some(selector) = paths.label_selector_path.as_deref().and_then(at) {
        // Built-in kinds keep a LabelSelector there, custom kinds its text.
        let kind = &call.served.kind;
        status["selector"] =
            if kind.custom { selector } else { kinds::selector_text(Some(&selector)).into() };
    }
    Ok(json!({
        "apiVersion": "autoscaling/v1",
        "kind": "Scale",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": { "replicas": at(&paths.spec_replicas_path).unwrap_or(0.into()) },
        "status": status,
    }))
}

/// `.spec.replicas` as a JSON pointer.
fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

fn nested(path: &str, value: Value) -> Value {
    path.rsplit('.')
        .filter(|part| !part.is_empty())
        .fold(value, |value, part| json!({ part: value }))
}
