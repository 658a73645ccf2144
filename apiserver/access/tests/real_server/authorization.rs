//! Decisions: every question goes to both.

use anyhow::{Result, ensure};
use apiserver_access::{Rbac, bootstrap};
use apiserver_object::{Attributes, Authorizer, Decision, ResourceAttributes, User};
use kube::Client;
use meshroot_testkit::api_server::shared;
use meshroot_testkit::wait::{LIMIT, until};
use serde_json::{Value, json};

use crate::requests::{administrator, create, post};

const NAMESPACE: &str = "access-one";
const OTHER: &str = "access-two";

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names})
}

fn role(kind: &str, namespace: Option<&str>, name: &str, rules: &[Value]) -> Value {
    let mut role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "rules": rules});
    if let Some(namespace) = namespace {
        role["metadata"]["namespace"] = json!(namespace);
    }
    role
}

fn binding(
    namespace: Option<&str>,
    name: &str,
    role: (&str, &str),
    subjects: impl Into<Value>,
) -> Value {
    let group = "rbac.authorization.k8s.io";
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    let mut binding = json!({"apiVersion": format!("{group}/v1"), "kind": kind, "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": role.0, "name": role.1}, "subjects": subjects.into()});
    if let Some(namespace) = namespace {
        binding["metadata"]["namespace"] = json!(namespace);
    }
    binding
}

fn user_subject(name: &str) -> Value {
    json!([{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}])
}

fn objects() -> Vec<Value> {
    let url = |urls: &[&str]| json!({"verbs": ["get"], "nonResourceURLs": urls});
    vec![
        role("ClusterRole", None, "access-pods", &[rule(&["get", "list"], &[""], &["pods"], &[])]),
        role(
            "ClusterRole",
            None,
            "access-named",
            &[rule(&["get", "update"], &["apps"], &["deployments"], &["web", "db"])],
        ),
        role("ClusterRole", None, "access-scale", &[rule(&["update"], &["*"], &["*/scale"], &[])]),
        role(
            "ClusterRole",
            None,
            "access-after",
            &[rule(&["get"], &[""], &["pods/*", "services/status"], &[])],
        ),
        role("ClusterRole", None, "access-verbs", &[rule(&["*"], &["batch"], &["jobs"], &[])]),
        role(
            "ClusterRole",
            None,
            "access-all-resources",
            &[rule(&["get"], &["policy"], &["*"], &[])],
        ),
        role("ClusterRole", None, "access-urls", &[url(&["/logs/*", "/exact", "/star*"])]),
        role(
            "Role",
            Some(NAMESPACE),
            "access-secrets",
            &[rule(&["get"], &[""], &["secrets", "pods/log"], &[])],
        ),
        binding(None, "access-pods", ("ClusterRole", "access-pods"), user_subject("access-pods")),
        binding(
            None,
            "access-named",
            ("ClusterRole", "access-named"),
            user_subject("access-named"),
        ),
        binding(
            None,
            "access-scale",
            ("ClusterRole", "access-scale"),
            user_subject("access-scale"),
        ),
        binding(
            None,
            "access-after",
            ("ClusterRole", "access-after"),
            user_subject("access-after"),
        ),
        binding(
            None,
            "access-verbs",
            ("ClusterRole", "access-verbs"),
            user_subject("access-verbs"),
        ),
        binding(
            None,
            "access-all",
            ("ClusterRole", "access-all-resources"),
            user_subject("access-all"),
        ),
        binding(None, "access-urls", ("ClusterRole", "access-urls"), user_subject("access-urls")),
        binding(None, "access-gone", ("ClusterRole", "access-none"), user_subject("access-gone")),
        binding(
            None,
            "access-group",
            ("ClusterRole", "access-pods"),
            json!([{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "access-group"}]),
        ),
        binding(
            None,
            "access-account",
            ("ClusterRole", "access-pods"),
            json!([{"kind": "ServiceAccount", "namespace": OTHER, "name": "cluster-wide"}]),
        ),
        binding(
            Some(NAMESPACE),
            "access-local",
            ("Role", "access-secrets"),
            json!([{"kind": "ServiceAccount", "name": "local"}]),
        ),
        binding(
            Some(NAMESPACE),
            "access-foreign",
            ("Role", "access-secrets"),
            json!([{"kind": "ServiceAccount", "namespace": OTHER, "name": "foreign"}]),
        ),
        binding(
            Some(NAMESPACE),
            "access-cluster-role",
            ("ClusterRole", "access-pods"),
            user_subject("access-local-pods"),
        ),
        binding(
            Some(NAMESPACE),
            "access-urls",
            ("ClusterRole", "access-urls"),
            user_subject("access-local-urls"),
        ),
    ]
}

/// User, groups, then `verb group/resource/subresource namespace name` or `verb path`, and whether it is allowed.
type Case = (&'static str, &'static [&'static str], [&'static str; 6], bool);

const fn on(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    namespace: &'static str,
    name: &'static str,
) -> [&'static str; 6] {
    [verb, group, resource, "", namespace, name]
}

const fn sub(
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
) -> [&'static str; 6] {
    [verb, group, resource, subresource, NAMESPACE, "x"]
}

const fn path(verb: &'static str, path: &'static str) -> [&'static str; 6] {
    [verb, path, "", "", "", ""]
}

const LOCAL: &str = "system:serviceaccount:access-one:local";
const ACCOUNT: &str = "system:serviceaccount:access-two:cluster-wide";
const FOREIGN: &str = "system:serviceaccount:access-two:foreign";

const CASES: &[Case] = &[
    ("access-pods", &[], on("get", "", "pods", NAMESPACE, "x"), true),
    ("access-pods", &[], on("list", "", "pods", "", ""), true),
    ("access-pods", &[], on("watch", "", "pods", "", ""), false),
    ("access-pods", &[], on("get", "apps", "pods", NAMESPACE, "x"), false),
    ("access-pods", &[], on("get", "", "secrets", NAMESPACE, "x"), false),
    ("access-pods", &[], sub("get", "", "pods", "log"), false),
    ("access-pods", &[], on("*", "", "pods", "", ""), false),
    ("access-pods", &[], on("get", "", "*", "", ""), false),
    ("access-pods", &[], on("get", "*", "pods", "", ""), false),
    ("access-pods", &[], path("get", "/api"), false),
    ("access-pods", &["system:authenticated"], path("get", "/api"), true),
    ("access-pods", &["system:authenticated"], path("get", "/api/v1/pods"), true),
    ("access-pods", &["system:authenticated"], path("post", "/api"), false),
    ("access-pods", &["system:authenticated"], path("get", "/"), false),
    ("access-pods", &["system:authenticated"], path("get", "/metrics"), false),
    ("access-pods", &["system:monitoring"], path("get", "/metrics"), true),
    ("access-pods", &["system:unauthenticated"], path("get", "/healthz"), true),
    ("access-pods", &["system:unauthenticated"], path("get", "/api"), false),
    (
        "access-pods",
        &["system:authenticated"],
        on("create", "authorization.k8s.io", "selfsubjectrulesreviews", "", ""),
        true,
    ),
    (
        "access-pods",
        &["system:authenticated"],
        on("create", "authorization.k8s.io", "subjectaccessreviews", "", ""),
        false,
    ),
    ("access-named", &[], on("get", "apps", "deployments", NAMESPACE, "web"), true),
    ("access-named", &[], on("update", "apps", "deployments", OTHER, "db"), true),
    ("access-named", &[], on("get", "apps", "deployments", NAMESPACE, "other"), false),
    ("access-named", &[], on("get", "apps", "deployments", NAMESPACE, ""), false),
    ("access-named", &[], on("delete", "apps", "deployments", NAMESPACE, "web"), false),
    ("access-scale", &[], sub("update", "apps", "deployments", "scale"), true),
    ("access-scale", &[], sub("update", "example.com", "widgets", "scale"), true),
    ("access-scale", &[], sub("update", "apps", "deployments", "status"), false),
    ("access-scale", &[], sub("update", "apps", "deployments", ""), false),
    ("access-scale", &[], sub("update", "apps", "deployments", "xscale"), false),
    ("access-after", &[], sub("get", "", "pods", "log"), false),
    ("access-after", &[], sub("get", "", "pods", "*"), true),
    ("access-after", &[], sub("get", "", "pods", ""), false),
    ("access-after", &[], sub("get", "", "services", "status"), true),
    ("access-after", &[], sub("get", "", "services", ""), false),
    ("access-verbs", &[], on("deletecollection", "batch", "jobs", NAMESPACE, ""), true),
    ("access-verbs", &[], on("anything", "batch", "jobs", "", ""), true),
    ("access-verbs", &[], on("get", "batch", "cronjobs", "", ""), false),
    ("access-verbs", &[], sub("get", "batch", "jobs", "status"), false),
    ("access-all", &[], on("get", "policy", "poddisruptionbudgets", "", ""), true),
    ("access-all", &[], sub("get", "policy", "poddisruptionbudgets", "status"), true),
    ("access-all", &[], on("list", "policy", "poddisruptionbudgets", "", ""), false),
    ("access-urls", &[], path("get", "/logs/x/y"), true),
    ("access-urls", &[], path("get", "/logs/"), true),
    ("access-urls", &[], path("get", "/logs"), false),
    ("access-urls", &[], path("get", "/exact"), true),
    ("access-urls", &[], path("get", "/exact/"), false),
    ("access-urls", &[], path("get", "/stars/x"), true),
    ("access-urls", &[], path("head", "/exact"), false),
    ("access-local-urls", &[], path("get", "/exact"), false),
    ("access-gone", &[], on("get", "", "pods", NAMESPACE, "x"), false),
    ("anyone", &["access-group"], on("get", "", "pods", NAMESPACE, "x"), true),
    ("access-group", &[], on("get", "", "pods", NAMESPACE, "x"), false),
    ("anyone", &["access-pods"], on("get", "", "pods", NAMESPACE, "x"), false),
    (ACCOUNT, &[], on("get", "", "pods", NAMESPACE, "x"), true),
    (
        "system:serviceaccount:access-one:cluster-wide",
        &[],
        on("get", "", "pods", NAMESPACE, "x"),
        false,
    ),
    (LOCAL, &[], on("get", "", "secrets", NAMESPACE, "x"), true),
    (LOCAL, &[], sub("get", "", "pods", "log"), true),
    (LOCAL, &[], on("get", "", "secrets", OTHER, "x"), false),
    (LOCAL, &[], on("get", "", "secrets", "", ""), false),
    ("local", &[], on("get", "", "secrets", NAMESPACE, "x"), false),
    (FOREIGN, &[], on("get", "", "secrets", NAMESPACE, "x"), true),
    (FOREIGN, &[], on("get", "", "secrets", OTHER, "x"), false),
    ("access-local-pods", &[], on("list", "", "pods", NAMESPACE, ""), true),
    ("access-local-pods", &[], on("list", "", "pods", "", ""), false),
    ("anyone", &["system:masters"], on("anything", "x", "y", "z", ""), true),
    ("anyone", &["system:masters"], path("anything", "/x"), true),
    ("anyone", &[], on("get", "", "pods", NAMESPACE, "x"), false),
];

fn attributes(question: [&'static str; 6]) -> Attributes<'static> {
    let [verb, group, resource, subresource, namespace, name] = question;
    if resource.is_empty() {
        return Attributes::non_resource(verb, group);
    }
    let attributes = ResourceAttributes {
        verb: verb.into(),
        group: group.into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: namespace.into(),
        name: name.into(),
    };
    attributes.into()
}

async fn real_status(client: &Client, case: &Case) -> Result<Value> {
    let (user, groups, question, _) = case;
    let mut spec = json!({"user": user, "groups": groups});
    let [verb, group, resource, subresource, namespace, name] = question;
    if resource.is_empty() {
        spec["nonResourceAttributes"] = json!({"verb": verb, "path": group});
    } else {
        spec["resourceAttributes"] = json!({"verb": verb, "group": group, "resource": resource,
            "subresource": subresource, "namespace": namespace, "name": name});
    }
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
    Ok(post(client, "/apis/authorization.k8s.io/v1/subjectaccessreviews", &review).await?["status"]
        .take())
}

fn own_decision(rbac: &Rbac, case: &Case) -> Decision {
    let groups = case.1.iter().map(|group| (*group).to_owned()).collect();
    rbac.authorize(
        &User { name: case.0.to_owned(), groups, ..User::default() },
        &attributes(case.2),
    )
}

fn rbac() -> Rbac {
    let mut objects = objects();
    objects.extend(bootstrap());
    let of = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    Rbac::build(of("ClusterRole"), of("ClusterRoleBinding"), of("Role"), of("RoleBinding"))
}

#[test]
fn decisions_are_those_that_the_rules_mean() {
    let rbac = rbac();
    for case in CASES {
        assert_eq!(own_decision(&rbac, case).allowed, case.3, "{case:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_and_reasons_are_the_real_servers() {
    let client = administrator().await.unwrap();
    for namespace in [NAMESPACE, OTHER] {
        shared().await.unwrap().create_namespace(namespace).await.unwrap();
    }
    for object in objects() {
        create(&client, &object).await.unwrap();
    }
    let rbac = rbac();
    // What is allowed comes first: it shows that the real server has seen the objects.
    let (allowed, denied): (Vec<&Case>, Vec<&Case>) = CASES.iter().partition(|case| case.3);
    for case in allowed.into_iter().chain(denied) {
        let own = own_decision(&rbac, case);
        let attempt = async || {
            let real = real_status(&client, case).await?;
            ensure!(real["allowed"] == own.allowed, "{case:?}: {real}, here {own:?}");
            ensure!(
                real["reason"].as_str().unwrap_or_default() == &*own.reason,
                "{case:?}: {real}, here {own:?}"
            );
            Ok(())
        };
        until("the real server's decision", LIMIT, attempt).await.unwrap();
    }
}
