//! Bindings by subject: who is granted the rules of which role.

use std::collections::HashMap;
use std::sync::Arc;

use apiserver_object::{User, go_text::quoted};
use serde_json::Value;

use super::aggregation::name_of;
use super::policy_rule::PolicyRule;

/// The rules of one role.
pub(super) type Rules = Arc<[PolicyRule]>;

/// What one binding grants to one subject.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Place of the binding in its scope: a user may be several of its subjects.
    pub(super) binding: usize,
    /// The reason of a decision that rests on it.
    pub(super) reason: Arc<str>,
    /// The role's rules, or why there are none.
    pub(super) rules: Result<Rules, Arc<str>>,
}

/// The grants of one scope: the cluster or a namespace.
#[derive(Debug, Default)]
pub(super) struct Grants {
    users: HashMap<String, Vec<Grant>>,
    groups: HashMap<String, Vec<Grant>>,
}

impl Grants {
    /// Reads bindings. `namespace` is empty for ClusterRoleBindings; `resolve` finds a role by kind and name.
    pub(super) fn of<'a>(
        bindings: impl IntoIterator<Item = &'a Value>,
        namespace: &str,
        resolve: impl Fn(&str, &str) -> Result<Rules, String>,
    ) -> Self {
        let mut grants = Self::default();
        for (index, binding) in bindings.into_iter().enumerate() {
            let (kind, name) = role_of(&binding["roleRef"]);
            let rules = resolve(kind, name).map_err(Arc::from);
            for subject in binding["subjects"].as_array().into_iter().flatten() {
                let reason = reason(binding, subject, namespace);
                grants.add(
                    subject,
                    namespace,
                    Grant { binding: index, reason, rules: rules.clone() },
                );
            }
        }
        grants
    }

    fn add(&mut self, subject: &Value, namespace: &str, grant: Grant) {
        let name = subject["name"].as_str().unwrap_or_default();
        match subject["kind"].as_str() {
            Some("User") => self.users.entry(name.to_owned()).or_default().push(grant),
            Some("Group") => self.groups.entry(name.to_owned()).or_default().push(grant),
            Some("ServiceAccount") => {
                let namespace = namespace_of(subject, namespace);
                if !namespace.is_empty() {
                    let user = format!("system:serviceaccount:{namespace}:{name}");
                    self.users.entry(user).or_default().push(grant);
                }
            }
            _ => {}
        }
    }

    /// Every grant to the user, by name and by group; one binding may be there more than once.
    pub(super) fn to<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a Grant> {
        let own = self.users.get(&user.name).into_iter().flatten();
        own.chain(user.groups.iter().filter_map(|group| self.groups.get(group)).flatten())
    }

    /// Each binding's grant to the user once, in the order of the bindings.
    pub(super) fn to_once<'a>(&'a self, user: &'a User) -> Vec<&'a Grant> {
        let mut grants: Vec<&Grant> = self.to(user).collect();
        grants.sort_by_key(|grant| grant.binding);
        grants.dedup_by_key(|grant| grant.binding);
        grants
    }
}

/// Kind and name of a `roleRef`.
pub(super) fn role_of(role_ref: &Value) -> (&str, &str) {
    (role_ref["kind"].as_str().unwrap_or_default(), role_ref["name"].as_str().unwrap_or_default())
}

fn namespace_of<'a>(subject: &'a Value, default: &'a str) -> &'a str {
    subject["namespace"].as_str().filter(|namespace| !namespace.is_empty()).unwrap_or(default)
}

fn reason(binding: &Value, subject: &Value, namespace: &str) -> Arc<str> {
    let (role_kind, role_name) = role_of(&binding["roleRef"]);
    let kind = subject["kind"].as_str().unwrap_or_default();
    let mut name = subject["name"].as_str().unwrap_or_default().to_owned();
    if kind == "ServiceAccount" {
        name = format!("{name}/{}", namespace_of(subject, namespace));
    }
    let binding_text = if namespace.is_empty() {
        format!("ClusterRoleBinding {}", quoted(name_of(binding)))
    } else {
        format!("RoleBinding {}", quoted(&format!("{}/{namespace}", name_of(binding))))
    };
    let (role, subject) = (quoted(role_name), quoted(&name));
    format!("RBAC: allowed by {binding_text} of {role_kind} {role} to {kind} {subject}").into()
}
