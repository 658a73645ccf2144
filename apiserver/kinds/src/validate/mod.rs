//! What built-in kinds ask of their objects beyond the types of their fields.

mod access;
mod admission;
mod core;
mod event;
mod match_resources;
mod mutation;
mod quota;
mod workload;

use apiserver_object::FieldError;
use serde_json::Value;

use crate::crd::validate_crd;
use crate::kind::Kind;

/// Checks an object of a built-in kind that has its defaults: a new one if `old` is `None`, else a change of `old`.
/// Metadata is checked elsewhere ([`crate::validate_metadata`]), and so are the CEL expressions of admission policies.
/// Custom kinds have no rules here.
pub fn validate_builtin(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if kind.custom {
        return faults;
    }
    let free = ["coordination.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io"];
    if !free.contains(&&*kind.group) && &*kind.kind != "Event" {
        core::finalizers(object, &mut faults);
    }
    match (&*kind.group, &*kind.kind) {
        ("", "Secret") => core::secret(object, old, &mut faults),
        ("", "ConfigMap") => core::config_map(object, old, &mut faults),
        ("", "Namespace") => core::namespace(object, &mut faults),
        ("", "ResourceQuota") => quota::quota(object, old, &mut faults),
        ("", "Service") => core::service(object, &mut faults),
        ("", "Event") => event::core(object, &mut faults),
        ("events.k8s.io", "Event") => event::v1(object, old, &mut faults),
        ("coordination.k8s.io", "Lease") => core::lease(object, &mut faults),
        ("", "Pod") => workload::pod(object, &mut faults),
        ("apps", _) => workload::app(&kind.kind, object, old, &mut faults),
        ("batch", "Job") => workload::job(object, &mut faults),
        ("rbac.authorization.k8s.io", "Role") => access::role(object, true, &mut faults),
        ("rbac.authorization.k8s.io", "ClusterRole") => access::cluster_role(object, &mut faults),
        ("rbac.authorization.k8s.io", "RoleBinding") => {
            access::binding(object, old, true, &mut faults);
        }
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => {
            access::binding(object, old, false, &mut faults);
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
            admission::policy(object, &mut faults);
        }
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding") => {
            admission::binding(object, &mut faults);
        }
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy") => {
            mutation::policy(object, &mut faults);
        }
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding") => {
            mutation::binding(object, &mut faults);
        }
        ("apiextensions.k8s.io", _) => faults.extend(validate_crd(object, old)),
        _ => {}
    }
    faults
}
