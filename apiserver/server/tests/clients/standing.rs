//! A watch ends with the credential and the rights of its user.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::connection::Events;
use crate::harness::running::pass;
use crate::harness::{CONFIG_MAPS, Running, Target, config_map};

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
const WATCH: &str = "/api/v1/namespaces/default/configmaps?watch=1";

async fn allow(server: &Running, name: &str, rule: Value) {
    server
        .create(&format!("{RBAC}/roles"), json!({ "metadata": { "name": name }, "rules": [rule] }))
        .await;
    let binding = json!({
        "metadata": { "name": name },
        "subjects": [{ "kind": "ServiceAccount", "namespace": "default", "name": name }],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
    });
    server.create(&format!("{RBAC}/rolebindings"), binding).await;
}

/// A client with a token of an account that may watch ConfigMaps.
async fn watcher(server: &Running, name: &str) -> Target {
    server.create(ACCOUNTS, json!({ "metadata": { "name": name } })).await;
    allow(
        server,
        name,
        json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["watch"] }),
    )
    .await;
    token(server, name, json!({ "expirationSeconds": 600 })).await
}

async fn token(server: &Running, name: &str, spec: Value) -> Target {
    let request =
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
    let answer = server.create(&format!("{ACCOUNTS}/{name}/token"), request).await;
    Target::new(server.address, &server.ca_pem, answer["status"]["token"].as_str().unwrap())
}

async fn watch(client: &Target) -> Events {
    Events::begin(client.connect().await, WATCH).await
}

/// The watch sees a change that is made now: it is open.
async fn assert_open(server: &Running, events: &mut Events, marker: &str) {
    server.create(CONFIG_MAPS, config_map(marker, "")).await;
    while events.next().await.expect("the watch is open")["object"]["metadata"]["name"] != marker {}
}

/// The watch ends, as it does when its time is over.
async fn assert_ends(events: &mut Events) {
    let end = loop {
        if let Err(end) = events.next().await {
            break end;
        }
    };
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof, "{end}");
}

#[tokio::test]
async fn a_watch_ends_with_the_service_account_that_opened_it() {
    let server = Running::start().await;
    let client = watcher(&server, "leaving").await;
    let mut events = watch(&client).await;
    assert_open(&server, &mut events, "before").await;
    server.remove(&format!("{ACCOUNTS}/leaving")).await;
    assert_ends(&mut events).await;
    client.get(WATCH).await.assert_failure("the next watch", 401, "Unauthorized");
}

#[tokio::test]
async fn a_watch_ends_with_the_object_that_its_token_is_bound_to() {
    let server = Running::start().await;
    watcher(&server, "bound").await;
    server.create(SECRETS, json!({ "metadata": { "name": "holder" } })).await;
    let reference = json!({ "kind": "Secret", "apiVersion": "v1", "name": "holder" });
    let client = token(&server, "bound", json!({ "boundObjectRef": reference })).await;
    let mut events = watch(&client).await;
    assert_open(&server, &mut events, "before").await;
    server.remove(&format!("{SECRETS}/holder")).await;
    assert_ends(&mut events).await;
    client.get(WATCH).await.assert_failure("the next watch", 401, "Unauthorized");
}

#[tokio::test]
async fn a_watch_ends_with_the_right_to_it_and_those_of_others_go_on() {
    let server = Running::start().await;
    let (leaving, staying) = (watcher(&server, "leaving").await, watcher(&server, "staying").await);
    let (mut ends, mut goes_on) = (watch(&leaving).await, watch(&staying).await);
    let mut administrators = watch(&server).await;
    assert_open(&server, &mut ends, "before").await;
    for round in ["first", "second"] {
        // Nothing of this is about either of them; what is about one of them comes after it.
        let client = watcher(&server, round).await;
        let mut events = watch(&client).await;
        server.remove(&format!("{RBAC}/roles/{round}")).await;
        assert_ends(&mut events).await;
        assert_open(&server, &mut ends, round).await;
    }
    server.remove(&format!("{RBAC}/rolebindings/leaving")).await;
    assert_ends(&mut ends).await;
    leaving.get(WATCH).await.assert_failure("the next watch", 403, "Forbidden");
    assert_open(&server, &mut goes_on, "after").await;
    assert_open(&server, &mut administrators, "at-last").await;
}

#[tokio::test]
async fn a_watch_ends_with_the_right_to_act_as_its_user() {
    let server = Running::start().await;
    watcher(&server, "other").await;
    server.create(ACCOUNTS, json!({ "metadata": { "name": "acting" } })).await;
    let rule = json!({
        "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"], "resourceNames": ["other"],
    });
    allow(&server, "acting", rule).await;
    let client = token(&server, "acting", json!({})).await;
    let as_other = ["Impersonate-User: system:serviceaccount:default:other"];
    let mut events = Events::begin_with(client.connect().await, WATCH, &as_other).await;
    assert_open(&server, &mut events, "before").await;
    server.remove(&format!("{RBAC}/rolebindings/acting")).await;
    assert_ends(&mut events).await;
}

#[tokio::test]
async fn a_watch_ends_when_its_token_is_not_accepted_any_more() {
    let server = Running::start_here().await;
    let client = watcher(&server, "short").await;
    let mut events = watch(&client).await;
    assert_open(&server, &mut events, "at-first").await;
    // The token's ten minutes, and most of the minute by which clocks may differ.
    pass(Duration::from_secs(655)).await;
    assert_open(&server, &mut events, "near-the-end").await;
    pass(Duration::from_secs(7)).await;
    assert_ends(&mut events).await;
}
