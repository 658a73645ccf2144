//! The pieces that roles are made of.

use serde_json::{Value, json};

use crate::metadata;

/// Reading and following.
pub(super) const READ: &[&str] = &["get", "list", "watch"];

const GROUP: &str = "rbac.authorization.k8s.io";

/// `verbs` on every object of `resources`.
pub(super) fn allow(group: &str, resources: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": resources, "verbs": verbs })
}

/// `verbs` on the objects of `resource` that are called `names`. Of no use for `create`, whose object has
/// no name yet, nor for `list` and `watch` without a field selector.
pub(super) fn allow_named(group: &str, resource: &str, names: &[&str], verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": [resource], "resourceNames": names, "verbs": verbs })
}

/// Lets a controller write events; one that repeats is patched.
pub(super) fn allow_events() -> Value {
    allow("events.k8s.io", &["events"], &["create", "patch"])
}

/// A ServiceAccount.
pub(super) fn service_account(name: &str, namespace: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name, Some(namespace)) })
}

/// A ServiceAccount as the subject of a binding.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
}

/// A Role called `name` in `namespace`, and its binding to `subject`.
pub(super) fn role(
    name: &str,
    namespace: &str,
    subject: Subject<'_>,
    rules: &[Value],
) -> [Value; 2] {
    let metadata = metadata(name, Some(namespace));
    [
        json!({ "apiVersion": format!("{GROUP}/v1"), "kind": "Role", "metadata": metadata, "rules": rules }),
        binding("RoleBinding", "Role", &metadata, subject),
    ]
}

/// A ClusterRole called `name`.
pub(super) fn cluster_role(name: &str, rules: &[Value]) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"), "kind": "ClusterRole", "metadata": metadata(name, None), "rules": rules,
    })
}

/// A ClusterRole called `name`, and its binding to `subject` in every namespace.
pub(super) fn bound_cluster_role(name: &str, subject: Subject<'_>, rules: &[Value]) -> [Value; 2] {
    [
        cluster_role(name, rules),
        binding("ClusterRoleBinding", "ClusterRole", &metadata(name, None), subject),
    ]
}

fn binding(kind: &str, role: &str, metadata: &Value, subject: Subject<'_>) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v1"),
        "kind": kind,
        "metadata": metadata,
        "roleRef": { "apiGroup": GROUP, "kind": role, "name": metadata["name"] },
        "subjects": [{ "kind": "ServiceAccount", "name": subject.name, "namespace": subject.namespace }],
    })
}
