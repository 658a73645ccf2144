//! Nobody does more than they may, by whatever path.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apiserver::{InProcess, Options, Server, User};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use meshroot_testkit::wait;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// Somebody who asks.
struct Client(InProcess);

impl Client {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.ask_with(method, path, body, &[]).await
    }

    async fn ask_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &[u8])],
    ) -> (StatusCode, Value) {
        let content_type = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let mut request =
            Request::builder().method(method).uri(path).header("content-type", content_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bytes = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let response =
            self.0.clone().oneshot(request.body(Full::new(bytes)).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn create(&self, path: &str, object: Value) -> Value {
        let (status, created) = self.ask(Method::POST, path, Some(object)).await;
        assert_eq!(status, StatusCode::CREATED, "{path}: {created}");
        created
    }
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const POLICIES: &str = "/apis/admissionregistration.k8s.io/v1";

async fn server() -> (Server, Client) {
    let server = Server::open(Options::default()).await.unwrap();
    let admin = Client(server.in_process());
    admin.create("/api/v1/namespaces", json!({ "metadata": { "name": "a" } })).await;
    (server, admin)
}

fn user(server: &Server, name: &str) -> Client {
    Client(server.in_process_as(User::authenticated(name, Vec::new())))
}

/// Binds a user to a role with these rules, in the namespace `a`.
async fn allow(admin: &Client, name: &str, rules: Value) {
    admin
        .create(
            &format!("{RBAC}/namespaces/a/roles"),
            json!({ "metadata": { "name": name }, "rules": rules }),
        )
        .await;
    let binding = json!({
        "metadata": { "name": name },
        "subjects": [{ "kind": "User", "name": name }],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
    });
    admin.create(&format!("{RBAC}/namespaces/a/rolebindings"), binding).await;
}

fn everything() -> Value {
    json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }])
}

fn definition(group: &str, plural: &str, kind: &str, versions: &[&str]) -> Value {
    let schema = json!({ "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } });
    let version = |(index, name): (usize, &&str)| json!({ "name": name, "served": true, "storage": index == 0, "schema": schema });
    json!({
        "metadata": {
            "name": format!("{plural}.{group}"),
            "annotations": { "api-approved.kubernetes.io": "https://example.com" },
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List") },
            "versions": versions.iter().enumerate().map(version).collect::<Vec<_>>(),
        },
    })
}

async fn policy(admin: &Client, resource: [&str; 3], expression: &str) {
    let [group, version, plural] = resource;
    let policy = json!({
        "metadata": { "name": "p" },
        "spec": {
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [group], "apiVersions": [version], "resources": [plural], "operations": ["*"],
            }] },
            "validations": [{ "expression": expression, "message": "refused by p" }],
        },
    });
    admin.create(&format!("{POLICIES}/validatingadmissionpolicies"), policy).await;
    let binding = json!({ "metadata": { "name": "p" }, "spec": { "policyName": "p", "validationActions": ["Deny"] } });
    admin.create(&format!("{POLICIES}/validatingadmissionpolicybindings"), binding).await;
}

#[tokio::test]
async fn rights_in_a_namespace_open_no_cluster_wide_kind_by_a_path_that_names_the_namespace() {
    let (server, admin) = server().await;
    allow(&admin, "jane", everything()).await;
    let jane = user(&server, "jane");
    for kind in [
        "rbac.authorization.k8s.io/v1/namespaces/a/clusterrolebindings",
        "apiextensions.k8s.io/v1/namespaces/a/customresourcedefinitions",
    ] {
        for query in
            ["", "?watch=1", "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"]
        {
            let (status, answer) =
                jane.ask(Method::GET, &format!("/apis/{kind}{query}"), None).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{kind}{query}: {answer}");
        }
    }
    let (status, answer) = jane.ask(Method::GET, "/api/v1/watch/namespaces/a/nodes", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "{answer}");
}

#[tokio::test]
async fn a_right_to_one_name_lists_and_watches_that_name_only() {
    let (server, admin) = server().await;
    allow(
        &admin,
        "jane",
        json!([{ "verbs": ["list"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mine"] }]),
    )
    .await;
    for name in ["mine", "other"] {
        admin.create("/api/v1/namespaces/a/secrets", json!({ "metadata": { "name": name } })).await;
    }
    let jane = user(&server, "jane");
    let list = |selector: &str| format!("/api/v1/namespaces/a/secrets?fieldSelector={selector}");
    let (status, found) = jane.ask(Method::GET, &list("metadata.name%3Dmine"), None).await;
    assert_eq!(
        (status, found["items"].as_array().map(Vec::len)),
        (StatusCode::OK, Some(1)),
        "{found}"
    );
    for selector in ["", "metadata.name%3Dother", "metadata.name!%3Dmine", "metadata.namespace%3Da"]
    {
        let (status, answer) = jane.ask(Method::GET, &list(selector), None).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{selector}: {answer}");
    }
}

#[tokio::test]
async fn who_may_change_may_not_create_by_apply_or_put() {
    let (server, admin) = server().await;
    allow(
        &admin,
        "jane",
        json!([{ "verbs": ["update", "patch"], "apiGroups": ["*"], "resources": ["*"] }]),
    )
    .await;
    let jane = user(&server, "jane");
    let lease = json!({ "metadata": { "name": "x" }, "spec": {} });
    let (status, answer) = jane
        .ask(Method::PUT, "/apis/coordination.k8s.io/v1/namespaces/a/leases/x", Some(lease))
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
}

#[tokio::test]
async fn a_definition_takes_no_name_of_a_kind_of_kubernetes() {
    let (_server, admin) = server().await;
    admin
        .create(DEFINITIONS, definition("rbac.authorization.k8s.io", "roles", "Foo", &["v1"]))
        .await;
    let (_, found) = admin
        .ask(Method::GET, &format!("{DEFINITIONS}/roles.rbac.authorization.k8s.io"), None)
        .await;
    let conditions = found["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions.iter().any(|one| one["type"] == "Established" && one["status"] == "False"),
        "{found}"
    );
    let (status, _) = admin.ask(Method::GET, &format!("{RBAC}/namespaces/a/roles"), None).await;
    assert_eq!(status, StatusCode::OK);
    // Deleting it takes no role with it.
    allow(&admin, "jane", everything()).await;
    let (status, _) = admin
        .ask(Method::DELETE, &format!("{DEFINITIONS}/roles.rbac.authorization.k8s.io"), None)
        .await;
    assert_eq!(status, StatusCode::OK);
    let (status, role) =
        admin.ask(Method::GET, &format!("{RBAC}/namespaces/a/roles/jane"), None).await;
    assert_eq!((status, &role["kind"]), (StatusCode::OK, &json!("Role")), "{role}");
}

#[tokio::test]
async fn a_policy_for_one_version_is_asked_about_writes_through_another() {
    let (_server, admin) = server().await;
    admin.create(DEFINITIONS, definition("x.example.com", "things", "Thing", &["v1", "v2"])).await;
    policy(&admin, ["x.example.com", "v1", "things"], "object.metadata.name != 'bad'").await;
    for version in ["v1", "v2"] {
        let path = format!("/apis/x.example.com/{version}/namespaces/a/things");
        let thing = |name: &str| json!({ "apiVersion": format!("x.example.com/{version}"), "kind": "Thing", "metadata": { "name": name } });
        let (status, answer) = admin.ask(Method::POST, &path, Some(thing("bad"))).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{version}: {answer}");
        admin.create(&path, thing(&format!("good-{version}"))).await;
    }
}

#[tokio::test]
async fn a_policy_on_events_is_asked_in_both_groups() {
    let (_server, admin) = server().await;
    policy(&admin, ["", "v1", "events"], "object.metadata.name != 'bad'").await;
    let event = json!({
        "metadata": { "name": "bad", "namespace": "a" }, "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "c", "reportingInstance": "i", "action": "x", "reason": "r", "type": "Normal",
        "regarding": { "namespace": "a", "name": "o", "kind": "K" },
    });
    let (status, answer) =
        admin.ask(Method::POST, "/apis/events.k8s.io/v1/namespaces/a/events", Some(event)).await;
    assert_eq!(
        (status, answer["reason"].as_str()),
        (StatusCode::UNPROCESSABLE_ENTITY, Some("Invalid")),
        "{answer}"
    );
    assert!(answer["message"].as_str().unwrap().contains("refused by p"), "{answer}");
}

#[tokio::test]
async fn a_name_that_cannot_be_read_is_never_the_impersonator() {
    let (_server, admin) = server().await;
    let jane = [("impersonate-user", "jürgen".as_bytes())];
    let (status, _) = admin.ask_with(Method::GET, "/api/v1/secrets", None, &jane).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let broken: [(&str, &[u8]); 1] = [("impersonate-user", b"j\xff")];
    let (status, _) = admin.ask_with(Method::GET, "/api/v1/secrets", None, &broken).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let group: [(&str, &[u8]); 2] = [("impersonate-user", b"x"), ("impersonate-group", b"g\xff")];
    let (status, _) = admin.ask_with(Method::GET, "/api/v1/secrets", None, &group).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_snapshot_is_for_administrators_whatever_the_roles_say() {
    let (server, admin) = server().await;
    let rules = json!([{ "verbs": ["get"], "nonResourceURLs": ["*"] }]);
    admin
        .create(
            &format!("{RBAC}/clusterroles"),
            json!({ "metadata": { "name": "paths" }, "rules": rules }),
        )
        .await;
    let binding = json!({
        "metadata": { "name": "paths" }, "subjects": [{ "kind": "User", "name": "jane" }],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "paths" },
    });
    admin.create(&format!("{RBAC}/clusterrolebindings"), binding).await;
    let jane = user(&server, "jane");
    let (status, _) = jane.ask(Method::GET, "/version", None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = jane.ask(Method::GET, apiserver::SNAPSHOT_PATH, None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_error_about_a_secret_does_not_show_it() {
    let (_server, admin) = server().await;
    let secret = json!({ "metadata": { "name": "s" }, "data": { "key": "aHVudGVyMg==" } });
    admin.create("/api/v1/namespaces/a/secrets", secret).await;
    for patch in [json!({ "data": { "x": 1 } }), json!({ "unknown": true })] {
        let path = "/api/v1/namespaces/a/secrets/s?fieldValidation=Strict";
        let (status, answer) = admin.ask(Method::PATCH, path, Some(patch)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert!(!answer.to_string().contains("aHVudGVyMg"), "{answer}");
    }
}

#[tokio::test]
async fn nothing_is_created_in_a_namespace_that_ends() {
    let (_server, admin) = server().await;
    let held = json!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } });
    admin.create("/api/v1/namespaces/a/configmaps", held).await;
    admin.ask(Method::DELETE, "/api/v1/namespaces/a", None).await;
    let (status, answer) = admin
        .ask(
            Method::POST,
            "/api/v1/namespaces/a/configmaps",
            Some(json!({ "metadata": { "name": "late" } })),
        )
        .await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{answer}");
    let release = json!({ "metadata": { "finalizers": null } });
    admin.ask(Method::PATCH, "/api/v1/namespaces/a/configmaps/held", Some(release)).await;
    // The namespace goes with the last of its objects; nobody else finishes it here.
    let gone = async || {
        let (status, answer) = admin.ask(Method::GET, "/api/v1/namespaces/a", None).await;
        anyhow::ensure!(status == StatusCode::NOT_FOUND, "{answer}");
        Ok(())
    };
    wait::until("the namespace is gone", wait::LIMIT, gone).await.unwrap();
}
