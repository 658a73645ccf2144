//! Subresources that are no view of the object's own fields: tokens, scale, a namespace's finalizers.

use apiserver_access::{self as access, BoundObject, Existence as _, TokenSpec};
use apiserver_kinds as kinds;
use apiserver_object::{Fault, FieldError};
use apiserver_patch as merge;
use apiserver_schema::Schema;
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{Accepted, Answer};
use crate::body;
use crate::change::Written;
use crate::dispatch::Call;
use crate::metadata;
use crate::status::Failure;
use crate::update::PatchType;
use crate::{clock, decode, form};

/// Whether a subresource is answered here.
pub(crate) fn is_special(subresource: &str) -> bool {
    matches!(subresource, "token" | "scale" | "finalize")
}

pub(crate) async fn answer(
    call: &Call<'_>,
    verb: &str,
    bytes: &[u8],
    accepted: Accepted,
) -> Result<Answer, Failure> {
    match (call.path.subresource.as_str(), verb) {
        ("token", "create") => token(call, bytes, accepted),
        ("scale", "update" | "patch") => rescale(call, verb, bytes, accepted).await,
        ("finalize", "update") => finalize(call, bytes, accepted).await,
        _ => Err(Failure::method_not_allowed()),
    }
}

fn parsed(call: &Call<'_>, bytes: &[u8]) -> Result<Value, Failure> {
    let parsed = body::parse(bytes, call.format()?).map_err(Failure::bad_request)?;
    if parsed.value.is_object() {
        Ok(parsed.value)
    } else {
        Err(Failure::bad_request("the body is not a JSON object"))
    }
}

/// A token for a ServiceAccount (TokenRequest).
fn token(call: &Call<'_>, bytes: &[u8], accepted: Accepted) -> Result<Answer, Failure> {
    if call.parameters.is_dry_run() {
        return Err(Failure::bad_request("a token is issued or not: dryRun has no meaning here"));
    }
    let mut request = parsed(call, bytes)?;
    let (namespace, name) = (&call.path.namespace, &call.path.name);
    let account = call.api.one(&call.served.kind.storage_collection, namespace, name);
    let account = account.ok_or_else(|| Failure::not_found(&call.served.kind, name))?;
    let errors = access::validate_token_request(&request);
    if !errors.is_empty() {
        return Err(Failure::invalid_as("TokenRequest", "authentication.k8s.io", "", &errors));
    }
    let bound = bound_object(call, &request)?;
    let spec = TokenSpec::of_request(&request, namespace, name, metadata::uid(&account), bound);
    request["metadata"] = json!({
        "name": name,
        "namespace": namespace,
        "uid": metadata::uid(&account),
        "creationTimestamp": clock::now().to_string(),
    });
    request["spec"]["expirationSeconds"] = spec.seconds.into();
    own(call, &mut request);
    let tokens = &call.api.authentication.service_accounts;
    let answer = access::token_request_answer(tokens, &request, &spec, clock::now());
    let answer = answer.map_err(|error| Failure::internal(error.to_string()))?;
    Ok(Answer::value(StatusCode::CREATED, accepted, &answer))
}

/// Notes who asked for the token, as for any object that is written.
fn own(call: &Call<'_>, request: &mut Value) {
    // A spec is always there; all else is as the request has it.
    let schema = Schema { default: Some(json!({ "spec": {} })), ..Schema::default() };
    let change = call.change();
    let writer = change.writer("authentication.k8s.io/v1", merge::Operation::Update);
    merge::track(&schema, None, request, &writer, &[]);
}

/// A token lives no longer than what it is bound to.
fn bound_object(call: &Call<'_>, request: &Value) -> Result<Option<BoundObject>, Failure> {
    let reference = &request["spec"]["boundObjectRef"];
    if reference.is_null() {
        return Ok(None);
    }
    let text = |field: &str| reference[field].as_str().unwrap_or_default().to_owned();
    let (kind, name, asked) = (text("kind"), text("name"), text("uid"));
    let resource = match kind.as_str() {
        "Pod" => "pods",
        "Secret" => "secrets",
        "Node" => "nodes",
        _ => {
            let version = text("apiVersion");
            let slash = if version.contains('/') { "" } else { "/" };
            let message =
                format!("cannot bind token to object of type {slash}{version}, Kind={kind}");
            return Err(Failure::bad_request(message));
        }
    };
    let found = call.api.object_uid(&kind, &call.path.namespace, &name);
    let found = found.ok_or_else(|| Failure::not_found_as(resource, &name))?;
    if !asked.is_empty() && asked != found {
        let why = format!(
            "the UID in the bound object reference ({asked}) does not match the UID in record. The object might have \
             been deleted and then recreated"
        );
        return Err(Failure::conflict_as(&kind, &name, &why));
    }
    Ok(Some(BoundObject { kind, name, uid: found }))
}

fn live(call: &Call<'_>) -> Result<Value, Failure> {
    let kind = &call.served.kind;
    let namespace = if kind.namespaced { call.path.namespace.as_str() } else { "" };
    let found = call.api.store.read(&kind.storage_collection, namespace, &call.path.name);
    form::served(kind, &*found.ok_or_else(|| Failure::not_found(kind, &call.path.name))?)
}

/// GET of the scale of an object.
pub(crate) fn scale(call: &Call<'_>, accepted: Accepted) -> Result<Answer, Failure> {
    Ok(Answer::value(StatusCode::OK, accepted, &scale_of(call, &live(call)?)?))
}

fn scale_of(call: &Call<'_>, object: &Value) -> Result<Value, Failure> {
    let paths =
        call.served.kind.subresources.scale.as_ref().ok_or_else(Failure::no_such_resource)?;
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

async fn rescale(
    call: &Call<'_>,
    verb: &str,
    bytes: &[u8],
    accepted: Accepted,
) -> Result<Answer, Failure> {
    let current = scale_of(call, &live(call)?)?;
    let asked = if verb == "update" {
        parsed(call, bytes)?
    } else {
        let mut scale = current.clone();
        match call.patch_type()? {
            PatchType::Json => {
                merge::json_patch(&mut scale, bytes)
                    .map_err(|error| Failure::unprocessable(error.to_string()))?;
            }
            _ => merge::merge_patch(
                &mut scale,
                &body::parse(bytes, body::Format::Yaml).map_err(Failure::bad_request)?.value,
            ),
        }
        scale
    };
    let replicas = asked.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
    if replicas < 0 {
        let error =
            FieldError::new(Fault::Invalid, ".spec.replicas", "should be a non-negative integer");
        return Err(Failure::invalid(
            &call.served.kind,
            &call.path.name,
            &[error.with_value(replicas.into())],
        ));
    }
    let told = metadata::text(&asked, "resourceVersion");
    if !told.is_empty() && told != metadata::text(&current, "resourceVersion") {
        return Err(Failure::modified(&call.served.kind, &call.path.name));
    }
    let paths =
        call.served.kind.subresources.scale.as_ref().ok_or_else(Failure::no_such_resource)?;
    let mut patch = nested(&paths.spec_replicas_path, replicas.into());
    if !told.is_empty() {
        // What was looked at is what is changed.
        patch["metadata"] = json!({ "resourceVersion": told });
    }
    // The scale is a view of the object itself: the write is one on the object.
    let mut path = call.path.clone();
    path.subresource.clear();
    let mut change = call.change();
    change.path = &path;
    let outcome = change.patch(PatchType::Merge, patch.to_string().as_bytes()).await?;
    let object = match outcome.object {
        Written::Stored(stored) => form::served(&call.served.kind, &stored)?,
        Written::Value(value) => value,
    };
    Ok(Answer::value(StatusCode::OK, accepted, &scale_of(call, &object)?))
}

fn nested(path: &str, value: Value) -> Value {
    path.rsplit('.')
        .filter(|part| !part.is_empty())
        .fold(value, |value, part| json!({ part: value }))
}

/// PUT on `finalize`: a Namespace with the finalizers of its spec, and all else but the status.
async fn finalize(call: &Call<'_>, bytes: &[u8], accepted: Accepted) -> Result<Answer, Failure> {
    let asked = parsed(call, bytes)?;
    let mut change = call.change();
    let mut object = call.decoded(bytes, &mut change)?;
    decode::same_name(&object, &call.path.name)?;
    // Defaults would put the finalizer back.
    match asked.pointer("/spec/finalizers") {
        Some(finalizers) if finalizers.as_array().is_some_and(|list| !list.is_empty()) => {
            object["spec"]["finalizers"] = finalizers.clone();
        }
        _ => object["spec"] = json!({}),
    }
    let outcome = change.update(object).await?;
    call.outcome(&outcome, accepted)
}
