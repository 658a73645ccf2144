//! Tokens for a ServiceAccount (TokenRequest).

use apiserver_access::{
    BoundObject, Existence as _, TokenSpec, token_request_answer, validate_token_request,
};
use apiserver_patch as merge;
use apiserver_rules as rules;
use apiserver_schema::Schema;
use http::StatusCode;
use serde_json::{Value, json};

use super::parsed;
use crate::answer::Answer;
use crate::call::Call;
use crate::clock;
use crate::failure::Failure;
use crate::object::metadata;

/// Issues a token, whose `status` has it.
pub(super) fn create(call: &Call<'_>, bytes: &[u8]) -> Result<Answer, Failure> {
    if call.parameters.is_dry_run() {
        return Err(Failure::bad_request("a token is issued or not: dryRun has no meaning here"));
    }
    let mut request = parsed(call, bytes)?;
    let (kind, namespace, name) = (&call.served.kind, &call.path.namespace, &call.path.name);
    let account = call.api.objects.value(&kind.storage_collection, namespace, name);
    let account = account.ok_or_else(|| Failure::not_found(kind, name))?;
    let errors = validate_token_request(&request);
    if !errors.is_empty() {
        return Err(Failure::invalid_as("TokenRequest", "authentication.k8s.io", "", &errors));
    }
    place(&mut request, name, namespace);
    call.change().admit(rules::Operation::Create, Some(&request), None, name)?;
    let bound = bound_object(call, &request)?;
    let (uid, now) = (metadata::uid(&account), clock::now());
    let mut spec = TokenSpec::of_request(&request, namespace, name, uid, bound);
    // After the policies: they are asked about what the client wants.
    let warning = spec.shorten(call.api.access.longest_token);
    request["metadata"] = json!({
        "name": name,
        "namespace": namespace,
        "uid": uid,
        "creationTimestamp": now.to_string(),
    });
    request["spec"]["expirationSeconds"] = spec.seconds.into();
    own(call, &mut request);
    let tokens = &call.api.access.authentication.service_accounts;
    let answer = token_request_answer(tokens, &request, &spec, now);
    let answer = answer.map_err(|error| Failure::internal(error.to_string()))?;
    let answer = Answer::value(StatusCode::CREATED, call.accepted, &answer);
    Ok(answer.with_warnings(warning.into_iter().collect()))
}

/// Names the account that a request is for, as the path does.
fn place(request: &mut Value, name: &str, namespace: &str) {
    let named = json!({ "name": name, "namespace": namespace });
    match (request.get_mut("metadata").and_then(Value::as_object_mut), named) {
        (Some(metadata), Value::Object(named)) => metadata.extend(named),
        (_, named) => request["metadata"] = named,
    }
}

/// Notes the field manager, as for any object that is written.
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
    let found = call.api.objects.object_uid(&kind, &call.path.namespace, &name);
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
