#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use apiserver_object::ResourceAttributes;
use serde_json::json;

use super::*;
use crate::{bootstrap, forbidden_message};

fn role(namespace: &str, name: &str, rules: impl Into<Value>) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "rules": rules.into()})
}

fn binding(namespace: &str, name: &str, role: (&str, &str), subject: impl Into<Value>) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
        "subjects": [subject.into()],
    })
}

fn user(name: &str) -> User {
    User::authenticated(name, Vec::new())
}

fn get(resource: &'static str, namespace: &'static str) -> Attributes<'static> {
    about("get", "", resource, namespace)
}

fn about(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    namespace: &'static str,
) -> Attributes<'static> {
    let attributes = ResourceAttributes {
        verb: verb.into(),
        group: group.into(),
        resource: resource.into(),
        namespace: namespace.into(),
        ..ResourceAttributes::default()
    };
    attributes.into()
}

fn fresh() -> Rbac {
    let objects = bootstrap();
    let of = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    Rbac::build(of("ClusterRole"), of("ClusterRoleBinding"), &[], &[])
}

#[test]
fn anonymous_requests_reach_the_public_paths_alone() {
    let rbac = fresh();
    let path = |path: &'static str| Attributes::non_resource("get", path);
    for public in ["/healthz", "/livez", "/readyz", "/version", "/version/"] {
        assert!(rbac.authorize(&User::anonymous(), &path(public)).allowed, "{public}");
    }
    for other in ["/", "/api", "/apis", "/healthz/ping", "/openapi/v3", "/metrics"] {
        let decision = rbac.authorize(&User::anonymous(), &path(other));
        assert!(!decision.allowed && decision.reason.is_empty(), "{other}");
    }
}

#[test]
fn an_authenticated_user_may_discover_and_ask_about_itself() {
    let rbac = fresh();
    let decision = rbac.authorize(&user("x"), &Attributes::non_resource("get", "/api"));
    assert_eq!(
        &*decision.reason,
        r#"RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated""#
    );
    let review = about("create", "authorization.k8s.io", "selfsubjectaccessreviews", "");
    assert!(rbac.authorize(&user("x"), &review).allowed);
    assert!(!rbac.authorize(&user("x"), &get("pods", "default")).allowed);
}

#[test]
fn a_master_may_do_anything_without_any_binding() {
    let rbac = Rbac::build(&[], &[], &[], &[]);
    let master = User::authenticated("x", vec!["system:masters".to_owned()]);
    assert!(rbac.authorize(&master, &get("secrets", "kube-system")).allowed);
}

#[test]
fn a_role_binding_grants_in_its_namespace_alone() {
    let rules = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let account = json!({"kind": "ServiceAccount", "name": "builder"});
    let rbac = Rbac::build(
        &[],
        &[],
        &[role("a", "reader", rules.clone()), role("b", "reader", rules)],
        &[binding("a", "readers", ("Role", "reader"), account)],
    );
    let builder = User::service_account("a", "builder", "");
    let decision = rbac.authorize(&builder, &get("pods", "a"));
    assert_eq!(
        &*decision.reason,
        r#"RBAC: allowed by RoleBinding "readers/a" of Role "reader" to ServiceAccount "builder/a""#
    );
    assert!(!rbac.authorize(&builder, &get("pods", "b")).allowed);
    assert!(!rbac.authorize(&builder, &get("pods", "")).allowed);
    assert!(!rbac.authorize(&User::service_account("b", "builder", ""), &get("pods", "a")).allowed);
}

#[test]
fn roles_that_do_not_exist_are_named_in_the_refusal() {
    let subject = json!({"kind": "User", "name": "u"});
    let bind = |namespace: &str, role| binding(namespace, "b", role, subject.clone());
    let rbac = Rbac::build(
        &[],
        &[bind("", ("ClusterRole", "none")), bind("", ("ClusterRole", "none2"))],
        &[],
        &[bind("default", ("Role", "none"))],
    );
    let decision = rbac.authorize(&user("u"), &get("pods", "default"));
    assert_eq!(
        forbidden_message(&user("u"), &get("pods", "default"), &decision.reason),
        "pods is forbidden: User \"u\" cannot get resource \"pods\" in API group \"\" in the namespace \"default\": \
         rbac: RBAC: [clusterrole.rbac.authorization.k8s.io \"none\" not found, \
         clusterrole.rbac.authorization.k8s.io \"none2\" not found, role.rbac.authorization.k8s.io \"none\" not found]"
    );
    assert_eq!(rbac.referenced_rules(&json!({"kind": "Role", "name": "none"}), "default"), None);
}

#[test]
fn a_namespace_can_be_replaced_without_the_others() {
    let rules = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let bound = binding("a", "x", ("Role", "all"), json!({"kind": "User", "name": "u"}));
    let before = Rbac::build(&[], &[], &[], &[]);
    let after = before.with_namespace("a", &[role("a", "all", rules)], &[bound]);
    assert!(!before.authorize(&user("u"), &get("pods", "a")).allowed);
    assert!(after.authorize(&user("u"), &get("pods", "a")).allowed);
    assert!(!after.with_namespace("a", &[], &[]).authorize(&user("u"), &get("pods", "a")).allowed);
}

#[test]
fn a_users_rules_are_listed_once_per_binding() {
    let rbac = fresh();
    let lists = rbac.rules_for(&user("x"), "default");
    assert_eq!(lists.evaluation_error, None);
    assert_eq!(lists.resource_rules.len(), 2);
    assert_eq!(
        lists.resource_rules[0],
        json!({"verbs": ["create"], "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]})
    );
    assert_eq!(lists.non_resource_rules.len(), 2);
    assert!(lists.non_resource_rules.iter().all(|rule| rule.get("apiGroups").is_none()));
}
