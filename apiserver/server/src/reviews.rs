//! Kinds that are answered and never stored: who am I, may I, is this token good.

use std::borrow::Cow;

use apiserver_object::{Attributes, Authorizer, Fault, FieldError, ResourceAttributes, User};
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{Accepted, Answer};
use crate::clock;
use crate::decode;
use crate::dispatch::Call;
use crate::status::Failure;

/// POST of a review.
pub(crate) fn create(call: &Call<'_>, bytes: &[u8], accepted: Accepted) -> Result<Answer, Failure> {
    let read =
        decode::object(call.served, bytes, call.format()?, call.parameters.field_validation())?;
    let mut review = read.object;
    match status(call, &review) {
        Ok(status) => review["status"] = status,
        Err(failure) => return Err(failure.with_warnings(read.warnings)),
    }
    Ok(Answer::value(StatusCode::CREATED, accepted, &review).with_warnings(read.warnings))
}

fn status(call: &Call<'_>, review: &Value) -> Result<Value, Failure> {
    match call.served.kind.kind.as_ref() {
        "SelfSubjectReview" => Ok(json!({ "userInfo": user_info(call.user) })),
        "TokenReview" => token_review(call, review),
        "SelfSubjectAccessReview" => access_review(call, review, call.user),
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            access_review(call, review, &subject(review)?)
        }
        "SelfSubjectRulesReview" => rules_review(call, review),
        other => Err(Failure::internal(format!("{other} is not answered"))),
    }
}

fn user_info(user: &User) -> Value {
    let mut info = json!({ "username": user.name });
    if !user.uid.is_empty() {
        info["uid"] = user.uid.as_str().into();
    }
    if !user.groups.is_empty() {
        info["groups"] = user.groups.clone().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}

/// Whose token it is, and for which of the audiences that were asked for.
fn token_review(call: &Call<'_>, review: &Value) -> Result<Value, Failure> {
    let token = review.pointer("/spec/token").and_then(Value::as_str).unwrap_or_default();
    if token.is_empty() {
        return Err(Failure::bad_request("token is required for TokenReview in authentication"));
    }
    let authentication = &call.api.authentication;
    let asked = strings(review.pointer("/spec/audiences"));
    let own = authentication.service_accounts.audiences().to_vec();
    let for_us = asked.is_empty() || asked.iter().any(|audience| own.contains(audience));
    if let Some(user) = authentication.static_tokens.user(token).filter(|_| for_us) {
        return Ok(json!({ "authenticated": true, "user": user_info(&user) }));
    }
    let asked = if asked.is_empty() { own } else { asked };
    Ok(
        match authentication.service_accounts.authenticate(
            token,
            &asked,
            clock::now(),
            call.api.as_ref(),
        ) {
            Ok(verified) => {
                let audiences: Vec<&String> =
                    asked.iter().filter(|one| verified.audiences.contains(one)).collect();
                json!({ "authenticated": true, "user": user_info(&verified.user), "audiences": audiences })
            }
            Err(error) => json!({ "user": {}, "error": format!("invalid bearer token: {error}") }),
        },
    )
}

fn subject(review: &Value) -> Result<User, Failure> {
    let spec = &review["spec"];
    let user = User {
        name: spec["user"].as_str().unwrap_or_default().to_owned(),
        uid: spec["uid"].as_str().unwrap_or_default().to_owned(),
        groups: strings(spec.get("groups")),
        extra: serde_json::from_value(spec["extra"].clone()).unwrap_or_default(),
    };
    if user.name.is_empty() && user.groups.is_empty() {
        let detail = "at least one of user or group must be specified";
        let error = FieldError::new(Fault::Invalid, "spec.user", detail).with_value("".into());
        return Err(unclear(&error));
    }
    Ok(user)
}

fn access_review(call: &Call<'_>, review: &Value, user: &User) -> Result<Value, Failure> {
    let spec = &review["spec"];
    let told = spec.pointer("/resourceAttributes/namespace").and_then(Value::as_str);
    if call.served.kind.kind.as_ref() == "LocalSubjectAccessReview"
        && told != Some(&call.path.namespace)
    {
        let detail = format!("must match metadata.namespace {:?}", call.path.namespace);
        let error = FieldError::new(Fault::Invalid, "spec.resourceAttributes.namespace", detail);
        return Err(unclear(&error.with_value(told.unwrap_or_default().into())));
    }
    let (resource, other) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    if resource.is_object() == other.is_object() {
        let detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
        let error = FieldError::new(Fault::Invalid, "spec", detail).with_value(Value::Null);
        return Err(unclear(&error));
    }
    let text = |part: &'static str| Cow::Borrowed(resource[part].as_str().unwrap_or_default());
    let attributes = if resource.is_object() {
        Attributes::Resource(ResourceAttributes {
            verb: text("verb"),
            group: text("group"),
            resource: text("resource"),
            subresource: text("subresource"),
            namespace: text("namespace"),
            name: text("name"),
        })
    } else {
        let text = |part: &'static str| other[part].as_str().unwrap_or_default();
        Attributes::non_resource(text("verb"), text("path"))
    };
    let decision = call.api.rbac().authorize(user, &attributes);
    let mut status = json!({ "allowed": decision.allowed });
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.as_ref().into();
    }
    Ok(status)
}

/// Kubernetes names no kind here.
fn unclear(error: &FieldError) -> Failure {
    Failure::invalid_as("", "authorization.k8s.io", "", std::slice::from_ref(error))
}

fn rules_review(call: &Call<'_>, review: &Value) -> Result<Value, Failure> {
    let namespace = review.pointer("/spec/namespace").and_then(Value::as_str).unwrap_or_default();
    if namespace.is_empty() {
        return Err(Failure::bad_request("no namespace on request"));
    }
    let lists = call.api.rbac().rules_for(call.user, namespace);
    Ok(json!({
        "incomplete": false,
        "resourceRules": lists.resource_rules,
        "nonResourceRules": lists.non_resource_rules,
    }))
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
