//! Secrets that hold the token of a ServiceAccount.

use std::io::ErrorKind;
use std::time::Duration;

use apiserver::store::{self, Store};
use apiserver::{Options, STATE_FILE};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use meshroot_testkit::wait;
use serde_json::{Value, json};

use super::tokens::as_whom;
use crate::harness::connection::Events;
use crate::harness::{Answer, CONFIG_MAPS, Running, Target};

const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const NAME: &str = "kubernetes.io/service-account.name";

fn secret(account: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": { "name": "holder", "annotations": { NAME: account } },
    })
}

fn entry(secret: &Value, key: &str) -> String {
    let value = STANDARD.decode(secret["data"][key].as_str().unwrap_or_default()).unwrap();
    String::from_utf8(value).unwrap()
}

/// Makes the account and the Secret; the Secret with its token.
async fn filled(server: &Target) -> Value {
    server.create(ACCOUNTS, json!({ "metadata": { "name": "robot" } })).await;
    server.create(SECRETS, secret("robot")).await;
    holder(server).await.json()
}

async fn holder(server: &Target) -> Answer {
    server.get(&format!("{SECRETS}/holder")).await
}

async fn assert_refused(server: &Target, token: &str, what: &str) {
    as_whom(server, token).await.assert_failure(what, 401, "Unauthorized");
}

#[tokio::test]
async fn a_secret_gets_the_token_of_its_account_the_ca_and_the_namespace() {
    let server = Running::start().await;
    let secret = filled(&server).await;
    assert_eq!(entry(&secret, "ca.crt"), server.ca_pem);
    assert_eq!(entry(&secret, "namespace"), "default");
    let account = server.get(&format!("{ACCOUNTS}/robot")).await.json();
    let uid = &account["metadata"]["uid"];
    assert_eq!(&secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"], uid);
    let token = entry(&secret, "token");
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["iss"], "kubernetes/serviceaccount");
    assert_eq!(claims["kubernetes.io/serviceaccount/secret.name"], "holder");
    assert!(claims.get("exp").is_none());
    let whoami = as_whom(&server, &token).await;
    whoami.assert_code("the token", 201);
    let user = &whoami.json()["status"]["userInfo"];
    assert_eq!(user["username"], "system:serviceaccount:default:robot");
    assert_eq!(&user["uid"], uid);
    let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": { "token": token } });
    let status = server.create(REVIEWS, review).await["status"].clone();
    assert_eq!(status["authenticated"], true);
    assert_eq!(status["audiences"], json!(["https://kubernetes.default.svc.cluster.local"]));
    assert_eq!(&status["user"], user);
}

#[tokio::test]
async fn deleting_the_secret_ends_its_token_at_once() {
    let server = Running::start().await;
    let token = entry(&filled(&server).await, "token");
    as_whom(&server, &token).await.assert_code("while it is there", 201);
    server.remove(&format!("{SECRETS}/holder")).await;
    assert_refused(&server, &token, "without the Secret").await;
    server.create(SECRETS, secret("robot")).await;
    assert_refused(&server, &token, "with another token in it").await;
    let another = entry(&holder(&server).await.json(), "token");
    as_whom(&server, &another).await.assert_code("the new token", 201);
}

#[tokio::test]
async fn a_token_is_made_anew_where_it_was_taken_out() {
    let server = Running::start().await;
    let before = filled(&server).await;
    let token = entry(&before, "token");
    let merge = ["Content-Type: application/merge-patch+json"];
    let patch = async |body: Value| {
        let target = format!("{SECRETS}/holder");
        let answer = server.request("PATCH", &target, &merge, body.to_string().as_bytes()).await;
        answer.assert_code("patch", 200);
    };
    patch(json!({ "metadata": { "labels": { "unrelated": "yes" } } })).await;
    assert_eq!(holder(&server).await.json()["data"], before["data"]);
    patch(json!({ "data": { "token": null } })).await;
    let after = entry(&holder(&server).await.json(), "token");
    assert_ne!(after, token);
    assert_refused(&server, &token, "the token that was taken out").await;
    as_whom(&server, &after).await.assert_code("the new token", 201);
    let label = "kubernetes.io/legacy-token-invalid-since";
    patch(json!({ "metadata": { "labels": { label: "2026-01-01" } } })).await;
    assert_refused(&server, &after, "one that is marked invalid").await;
    patch(json!({ "metadata": { "labels": { label: null } } })).await;
    as_whom(&server, &after).await.assert_code("without the mark", 201);
}

#[tokio::test]
async fn a_secret_goes_with_its_account() {
    let server = Running::start().await;
    let token = entry(&filled(&server).await, "token");
    server.remove(&format!("{ACCOUNTS}/robot")).await;
    assert_refused(&server, &token, "without the account").await;
    let gone = async || {
        let code = holder(&server).await.code;
        anyhow::ensure!(code == 404, "{code}");
        Ok(())
    };
    wait::until("the Secret is removed", Duration::from_secs(20), gone).await.unwrap();
    server.create(SECRETS, secret("nobody")).await;
    holder(&server).await.assert_failure("a Secret of no account", 404, "NotFound");
    server.create(ACCOUNTS, json!({ "metadata": { "name": "robot" } })).await;
    assert_refused(&server, &token, "with an account of the same name").await;
    let mut of_another = secret("robot");
    of_another["metadata"]["annotations"]["kubernetes.io/service-account.uid"] = "another".into();
    server.create(SECRETS, of_another).await;
    holder(&server).await.assert_failure("a Secret of the former account", 404, "NotFound");
}

#[tokio::test]
async fn a_secret_that_says_that_it_does_not_change_is_left_alone() {
    let server = Running::start().await;
    server.create(ACCOUNTS, json!({ "metadata": { "name": "robot" } })).await;
    let mut fixed = secret("robot");
    fixed["immutable"] = true.into();
    server.create(SECRETS, fixed).await;
    assert!(holder(&server).await.json().get("data").is_none());
}

#[tokio::test]
async fn a_watch_ends_with_the_secret_that_holds_its_token() {
    let server = Running::start().await;
    let token = entry(&filled(&server).await, "token");
    let binding = json!({
        "metadata": { "name": "robot" },
        "subjects": [{ "kind": "ServiceAccount", "namespace": "default", "name": "robot" }],
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view" },
    });
    server.create(RBAC, binding).await;
    let client = Target::new(server.address, &server.ca_pem, &token);
    let watch = format!("{CONFIG_MAPS}?watch=1");
    let mut events = Events::begin(client.connect().await, &watch).await;
    server.remove(&format!("{SECRETS}/holder")).await;
    let end = loop {
        if let Err(end) = events.next().await {
            break end;
        }
    };
    assert_eq!(end.kind(), ErrorKind::UnexpectedEof, "{end}");
}

/// What a crash leaves between the Secret and its token: the file has the one without the other.
#[tokio::test]
async fn a_secret_without_its_token_is_filled_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { data: Some(directory.path().to_owned()), ..Options::default() };
    let server = Running::start_with(options.clone(), None).await;
    let token = entry(&filled(&server).await, "token");
    let admin = server.token.clone();
    server.shutdown().await;
    let path = directory.path().join(STATE_FILE);
    let store = Store::open(&path, store::Options::default()).unwrap();
    let stored = store.read("core/secrets", "default", "holder").unwrap();
    let [head, tail] = without_data(&stored.json);
    let write = store::Write {
        key: stored.key.clone(),
        condition: store::Condition::Revision(stored.revision),
        change: store::Change::Put(store::Value { head, tail }),
        labels: [].into(),
        given: None,
    };
    store.write(write).await.unwrap();
    store.close().await;
    drop(store);
    let server = Running::start_with(options, Some(&admin)).await;
    let another = async || {
        let another = entry(&holder(&server).await.json(), "token");
        anyhow::ensure!(!another.is_empty() && another != token, "no other token");
        as_whom(&server, &another).await.assert_code("the new token", 201);
        Ok(())
    };
    wait::until("the Secret is filled", Duration::from_secs(20), another).await.unwrap();
    assert_refused(&server, &token, "the token of before").await;
}

/// The stored form of a Secret without its data: what comes before the resourceVersion, and what comes after it.
fn without_data(json: &[u8]) -> [Vec<u8>; 2] {
    let text = String::from_utf8(json.to_vec()).unwrap();
    let (head, rest) = text.split_once("\"resourceVersion\":\"").unwrap();
    let (_, tail) = rest.split_once('"').unwrap();
    let (before, data) = tail.split_once(",\"data\":{").unwrap();
    let (_, after) = data.split_once('}').unwrap();
    [format!("{head}\"resourceVersion\":\""), format!("\"{before}{after}")].map(String::into_bytes)
}
