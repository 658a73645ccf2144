//! SubjectAccessReview and its kin.

use std::borrow::Cow;

use apiserver_object::{Attributes, Fault, FieldError, ResourceAttributes, User};
use serde_json::{Value, json};

use super::strings;
use crate::call::Call;
use crate::failure::Failure;

/// The user that a review names.
pub(super) fn subject(review: &Value) -> Result<User, Failure> {
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

/// Whether a user may do what the review asks about.
pub(super) fn review(call: &Call<'_>, review: &Value, user: &User) -> Result<Value, Failure> {
    let spec = &review["spec"];
    if call.served.kind.kind.as_ref() == "LocalSubjectAccessReview" {
        check_namespace(spec, &call.path.namespace)?;
    }
    let decision = call.api.access.decide(user, &attributes(spec)?);
    let mut status = json!({ "allowed": decision.allowed });
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.as_ref().into();
    }
    Ok(status)
}

fn check_namespace(spec: &Value, namespace: &str) -> Result<(), Failure> {
    let asked = spec.pointer("/resourceAttributes/namespace").and_then(Value::as_str);
    if asked == Some(namespace) {
        return Ok(());
    }
    let detail = format!("must match metadata.namespace {namespace:?}");
    let error = FieldError::new(Fault::Invalid, "spec.resourceAttributes.namespace", detail);
    Err(unclear(&error.with_value(asked.unwrap_or_default().into())))
}

fn text<'a>(of: &'a Value, field: &str) -> Cow<'a, str> {
    of[field].as_str().unwrap_or_default().into()
}

fn attributes(spec: &Value) -> Result<Attributes<'_>, Failure> {
    let (resource, other) = (&spec["resourceAttributes"], &spec["nonResourceAttributes"]);
    match (resource.is_object(), other.is_object()) {
        (true, false) => Ok(Attributes::Resource(ResourceAttributes {
            verb: text(resource, "verb"),
            group: text(resource, "group"),
            resource: text(resource, "resource"),
            subresource: text(resource, "subresource"),
            namespace: text(resource, "namespace"),
            name: text(resource, "name"),
        })),
        (false, true) => Ok(Attributes::non_resource(text(other, "verb"), text(other, "path"))),
        _ => {
            let detail =
                "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let error = FieldError::new(Fault::Invalid, "spec", detail).with_value(Value::Null);
            Err(unclear(&error))
        }
    }
}

/// Kubernetes names no kind here.
fn unclear(error: &FieldError) -> Failure {
    Failure::invalid_as("", "authorization.k8s.io", "", std::slice::from_ref(error))
}

/// What the user may do in a namespace.
pub(super) fn rules(call: &Call<'_>, review: &Value) -> Result<Value, Failure> {
    let namespace = review.pointer("/spec/namespace").and_then(Value::as_str).unwrap_or_default();
    if namespace.is_empty() {
        return Err(Failure::bad_request("no namespace on request"));
    }
    let lists = call.api.derived.rbac().rules_for(call.user, namespace);
    Ok(json!({
        "incomplete": false,
        "resourceRules": lists.resource_rules,
        "nonResourceRules": lists.non_resource_rules,
    }))
}
