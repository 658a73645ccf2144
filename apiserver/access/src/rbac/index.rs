//! Roles and bindings, indexed for questions about one user.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use apiserver_object::{Attributes, Authorizer, Decision, User, go_text::quoted};
use serde_json::Value;

use super::aggregation::{effective_rules, name_of};
use super::bindings::{Grant, Grants, Rules, role_of};
use super::policy_rule::PolicyRule;

/// Every role and binding of a server at one moment. Immutable: after a change, build a new one, or derive one with
/// [`Rbac::with_namespace`]. A clone shares everything but the table of namespaces.
#[derive(Clone, Debug)]
pub struct Rbac {
    cluster_roles: Arc<HashMap<String, Rules>>,
    cluster: Arc<Grants>,
    namespaces: HashMap<String, Arc<NamespaceRules>>,
    no_reason: Arc<str>,
}

#[derive(Debug)]
struct NamespaceRules {
    roles: HashMap<String, Rules>,
    grants: Grants,
}

/// The rules of a user in a namespace, as `SelfSubjectRulesReview` shows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleLists {
    /// `status.resourceRules`.
    pub resource_rules: Vec<Value>,
    /// `status.nonResourceRules`.
    pub non_resource_rules: Vec<Value>,
    /// `status.evaluationError`: roles that could not be found.
    pub evaluation_error: Option<String>,
}

impl Rbac {
    /// Reads all objects of the four kinds. Objects that are not of the right form grant nothing.
    pub fn build<'a>(
        cluster_roles: impl IntoIterator<Item = &'a Value>,
        cluster_role_bindings: impl IntoIterator<Item = &'a Value>,
        roles: impl IntoIterator<Item = &'a Value>,
        role_bindings: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let cluster_roles: Vec<&Value> = cluster_roles.into_iter().collect();
        let effective = effective_rules(&cluster_roles).into_iter();
        let cluster_roles =
            effective.map(|(name, rules)| (name.to_owned(), Rules::from(rules))).collect();
        let mut rbac = Self {
            cluster_roles: Arc::new(cluster_roles),
            cluster: Arc::default(),
            namespaces: HashMap::new(),
            no_reason: Arc::from(""),
        };
        let cluster =
            Grants::of(cluster_role_bindings, "", |kind, name| rbac.role(kind, name, None));
        rbac.cluster = Arc::new(cluster);
        let mut namespaces: BTreeMap<&str, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
        for role in roles {
            namespaces.entry(namespace_of(role)).or_default().0.push(role);
        }
        for binding in role_bindings {
            namespaces.entry(namespace_of(binding)).or_default().1.push(binding);
        }
        for (namespace, (roles, bindings)) in namespaces {
            rbac.put_namespace(namespace, roles, bindings);
        }
        rbac
    }

    /// The same with another namespace's worth of Roles and RoleBindings: cheap, for a change in one namespace.
    #[must_use]
    pub fn with_namespace<'a>(
        &self,
        namespace: &str,
        roles: impl IntoIterator<Item = &'a Value>,
        role_bindings: impl IntoIterator<Item = &'a Value>,
    ) -> Self {
        let mut rbac = self.clone();
        rbac.put_namespace(namespace, roles, role_bindings);
        rbac
    }

    fn put_namespace<'a>(
        &mut self,
        namespace: &str,
        roles: impl IntoIterator<Item = &'a Value>,
        bindings: impl IntoIterator<Item = &'a Value>,
    ) {
        let rules_of =
            |role: &Value| (name_of(role).to_owned(), Rules::from(PolicyRule::all_of(role)));
        let roles: HashMap<String, Rules> = roles.into_iter().map(rules_of).collect();
        let grants =
            Grants::of(bindings, namespace, |kind, name| self.role(kind, name, Some(&roles)));
        self.namespaces.insert(namespace.to_owned(), Arc::new(NamespaceRules { roles, grants }));
    }

    fn role(
        &self,
        kind: &str,
        name: &str,
        roles: Option<&HashMap<String, Rules>>,
    ) -> Result<Rules, String> {
        let (found, group) = match kind {
            "ClusterRole" => (self.cluster_roles.get(name), "clusterrole"),
            "Role" => (roles.and_then(|roles| roles.get(name)), "role"),
            _ => return Err(format!("unsupported role reference kind: {}", quoted(kind))),
        };
        found
            .cloned()
            .ok_or_else(|| format!("{group}.rbac.authorization.k8s.io {} not found", quoted(name)))
    }

    fn denial_reason(&self, user: &User, namespace: &str) -> Option<Arc<str>> {
        self.resolution_error(user, namespace).map(|error| format!("rbac: RBAC: {error}").into())
    }

    fn grants<'a>(&'a self, user: &'a User, namespace: &str) -> impl Iterator<Item = &'a Grant> {
        let local = self.namespaces.get(namespace).filter(|_| !namespace.is_empty());
        self.cluster.to(user).chain(local.into_iter().flat_map(|rules| rules.grants.to(user)))
    }

    fn grants_once<'a>(&'a self, user: &'a User, namespace: &str) -> Vec<&'a Grant> {
        let mut grants = self.cluster.to_once(user);
        if let Some(local) = self.namespaces.get(namespace).filter(|_| !namespace.is_empty()) {
            grants.extend(local.grants.to_once(user));
        }
        grants
    }

    /// The rules that the user has in the namespace, each binding once.
    pub(super) fn held_rules<'a>(&'a self, user: &'a User, namespace: &str) -> Vec<&'a PolicyRule> {
        let grants = self.grants_once(user, namespace).into_iter();
        grants
            .filter_map(|grant| grant.rules.as_ref().ok())
            .flat_map(|rules| rules.iter())
            .collect()
    }

    /// Roles that the user's bindings name and that do not exist, as Go shows an aggregate of errors.
    pub(super) fn resolution_error(&self, user: &User, namespace: &str) -> Option<String> {
        let mut errors: Vec<&str> = Vec::new();
        for error in self
            .grants_once(user, namespace)
            .into_iter()
            .filter_map(|grant| grant.rules.as_ref().err())
        {
            if !errors.contains(&&**error) {
                errors.push(error);
            }
        }
        match errors.as_slice() {
            [] => None,
            [error] => Some((*error).to_owned()),
            errors => Some(format!("[{}]", errors.join(", "))),
        }
    }

    /// What the user may do in the namespace, as `kubectl auth can-i --list` asks for it.
    pub fn rules_for(&self, user: &User, namespace: &str) -> RuleLists {
        let rules = self.held_rules(user, namespace);
        let shown =
            |wanted: fn(&PolicyRule) -> bool, keep: fn(&PolicyRule) -> PolicyRule| -> Vec<Value> {
                rules.iter().filter(|rule| wanted(rule)).map(|rule| keep(rule).to_value()).collect()
            };
        RuleLists {
            resource_rules: shown(
                |rule| !rule.resources.is_empty(),
                |rule| PolicyRule { urls: Vec::new(), ..rule.clone() },
            ),
            non_resource_rules: shown(
                |rule| !rule.urls.is_empty(),
                |rule| PolicyRule {
                    verbs: rule.verbs.clone(),
                    urls: rule.urls.clone(),
                    ..PolicyRule::default()
                },
            ),
            evaluation_error: self.resolution_error(user, namespace),
        }
    }

    /// The rules of the role that a `roleRef` names, seen from a binding in `namespace` (empty for a
    /// ClusterRoleBinding). `None` if there is no such role: the real server then answers a user who holds no `bind`
    /// with `NotFound`, naming the *binding's* resource and the role's name.
    pub fn referenced_rules(&self, role_ref: &Value, namespace: &str) -> Option<Vec<Value>> {
        let (kind, name) = role_of(role_ref);
        let roles = self
            .namespaces
            .get(namespace)
            .filter(|_| !namespace.is_empty())
            .map(|rules| &rules.roles);
        let rules = self.role(kind, name, roles).ok()?;
        Some(rules.iter().map(PolicyRule::to_value).collect())
    }
}

impl Authorizer for Rbac {
    /// Members of `system:masters` may do anything.
    fn authorize(&self, user: &User, attributes: &Attributes<'_>) -> Decision {
        let decision = |allowed, reason: &Arc<str>| Decision {
            allowed,
            reason: Arc::clone(reason),
            error: None,
        };
        if user.is_master() {
            return decision(true, &self.no_reason);
        }
        let namespace = attributes.namespace();
        let mut missing = false;
        for grant in self.grants(user, namespace) {
            match &grant.rules {
                Ok(rules) if rules.iter().any(|rule| rule.allows(attributes)) => {
                    return decision(true, &grant.reason);
                }
                Ok(_) => {}
                Err(_) => missing = true,
            }
        }
        let reason = if missing { self.denial_reason(user, namespace) } else { None };
        decision(false, reason.as_ref().unwrap_or(&self.no_reason))
    }
}

fn namespace_of(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
