//! What a built-in kind's objects have where nothing was said.

mod object;
mod pod;
mod workload;

use serde_json::{Map, Value};

use crate::events;
use crate::kind::Kind;
use crate::reading::{object_mut, set_default};

/// Fills in what kube-apiserver fills in. Called for what a client sends, once the object has its name and, on
/// creation, its uid (a Job's selector is made from it). A second call changes nothing.
///
/// Service addresses are not allocated and pods get no tolerations or priorities, as nothing here runs them.
pub fn default_builtin(kind: &Kind, object: &mut Value) {
    if kind.custom {
        return;
    }
    trim(object);
    match (&*kind.group, &*kind.kind) {
        ("", "Namespace") => object::namespace(object),
        ("", "Secret") => object::secret(object),
        ("", "ConfigMap") => object::config_map(object),
        ("", "Event") => events::complete_core(object),
        ("", "ResourceQuota") => object::quota(object),
        ("", "Service") => object::service(object),
        ("", "Endpoints") => object::endpoints(object),
        ("", "Pod") => pod::pod(object),
        ("discovery.k8s.io", "EndpointSlice") => object::endpoint_slice(object),
        ("coordination.k8s.io", "Lease") => object::lease(object),
        ("networking.k8s.io", "NetworkPolicy") => object::network_policy(object),
        ("policy", "PodDisruptionBudget") => object::disruption_budget(object),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => object::role(object),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            object::role_binding(object);
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
            object::admission_policy(object);
        }
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy") => {
            object::mutating_policy(object);
        }
        (
            "admissionregistration.k8s.io",
            "MutatingAdmissionPolicyBinding" | "ValidatingAdmissionPolicyBinding",
        ) => {
            object::admission_binding(object);
        }
        ("apiextensions.k8s.io", _) => object::definition(object),
        _ => workload::default(&kind.kind, object),
    }
}

/// Metadata without what is empty, as typed objects have no other form.
fn trim(object: &mut Value) {
    let Some(metadata) = object_mut(object, "metadata") else { return };
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    metadata.retain(|_, value| !is_empty(value));
}

/// The object at the end of `path`, made on the way.
fn dig<'a>(object: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    let (last, way) = path.split_last()?;
    let mut at = object;
    for field in way {
        object_mut(at, field)?;
        at = at.get_mut(field)?;
    }
    object_mut(at, last)
}

/// Sets each of `values` in `fields` where it is absent.
fn set_all(fields: &mut Map<String, Value>, values: &[(&str, Value)]) {
    for (field, value) in values {
        set_default(fields, field, value.clone());
    }
}

/// The entries of a list, as objects.
fn each<'a>(object: &'a mut Value, path: &[&str]) -> impl Iterator<Item = &'a mut Value> {
    let list = path.iter().try_fold(object, |value, field| value.get_mut(field));
    list.and_then(Value::as_array_mut).into_iter().flatten()
}
