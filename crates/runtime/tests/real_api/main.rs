//! Against a real kube-apiserver: the promises that only a server's own rules can confirm.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod watches;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams, ObjectMeta, PostParams};
use kube::{Client, Resource};
use meshroot_runtime::kube::connect::{self, SharedToken, Target};
use meshroot_runtime::kube::events::{Kind, Reporter};
use meshroot_runtime::kube::lease::{Fence, Leadership, LeaseSettings, elect};
use meshroot_runtime::kube::write::{self, Failure, Retry, WriteError, Written};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_testkit::api_server::{self, ApiServer};
use meshroot_testkit::wait;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

const LIMIT: Duration = Duration::from_mins(1);

/// A server, and a namespace of the test's own.
async fn server(namespace: &str) -> (&'static ApiServer, Client) {
    let server = api_server::shared().await.expect("a kube-apiserver");
    server.create_namespace(namespace).await.expect("a namespace");
    let target = Target { kubeconfig: Some(server.kubeconfig_path().to_owned()), context: None };
    (server, connect::connect(&target, "meshroot-test/1").expect("a client"))
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

fn config_map(namespace: &str, name: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            namespace: Some(namespace.into()),
            name: Some(name.into()),
            ..Default::default()
        },
        data: Some(BTreeMap::from([("key".to_owned(), value.to_owned())])),
        ..Default::default()
    }
}

fn settings(namespace: &str, holder: &str) -> LeaseSettings {
    LeaseSettings {
        duration: Duration::from_secs(3),
        retry: Duration::from_secs(1),
        ..LeaseSettings::new(namespace, "leader", holder)
    }
}

fn stand(client: &Client, namespace: &str, holder: &str) -> (Leadership, JoinHandle<()>, Shutdown) {
    let shutdown = Shutdown::manual();
    let (leadership, task) = elect(client.clone(), settings(namespace, holder), shutdown.clone());
    (leadership, task, shutdown)
}

#[tokio::test]
async fn one_of_two_leads_and_a_shutdown_hands_over_at_once() {
    let (_, client) = server("lease-handover").await;
    let (mut first, first_task, first_shutdown) = stand(&client, "lease-handover", "first");
    assert_eq!(within("the first term", first.wait_until_leader()).await, Fence(1));
    // A long retry: only the watch can tell the second one in time.
    let slow = LeaseSettings {
        duration: Duration::from_mins(2),
        retry: Duration::from_secs(40),
        ..settings("lease-handover", "second")
    };
    let (mut second, _task) = elect(client.clone(), slow, Shutdown::manual());
    let leases: Api<Lease> = Api::namespaced(client, "lease-handover");
    let renewed = leases.get("leader").await.unwrap().spec.unwrap().renew_time;
    wait::until("a renewal", LIMIT, async || {
        holds(leases.get("leader").await.unwrap().spec.unwrap().renew_time != renewed)
    })
    .await
    .unwrap();
    assert_eq!((first.state(), second.state()), (Some(Fence(1)), None));
    first_shutdown.trigger();
    first_task.await.unwrap();
    let released = Instant::now();
    assert_eq!(within("the second term", second.wait_until_leader()).await, Fence(2));
    assert!(released.elapsed() < Duration::from_secs(20), "{:?}", released.elapsed());
    assert_eq!(first.state(), None);
    let lease = leases.get("leader").await.unwrap();
    assert_eq!(lease.metadata.labels.unwrap()["app.kubernetes.io/managed-by"], "meshroot");
    assert_eq!(lease.spec.unwrap().holder_identity.as_deref(), Some("second"));
}

fn holds(condition: bool) -> anyhow::Result<()> {
    anyhow::ensure!(condition, "not yet");
    Ok(())
}

#[tokio::test]
async fn a_leader_that_vanishes_is_followed_after_the_duration() {
    let (_, client) = server("lease-vanish").await;
    let (mut first, first_task, _shutdown) = stand(&client, "lease-vanish", "first");
    within("the first term", first.wait_until_leader()).await;
    let (mut second, _task, _shutdown) = stand(&client, "lease-vanish", "second");
    let vanished = Instant::now();
    first_task.abort();
    assert_eq!(within("the second term", second.wait_until_leader()).await, Fence(2));
    assert!(vanished.elapsed() >= Duration::from_secs(2), "{:?}", vanished.elapsed());
    assert_eq!(first.state(), None);
}

#[tokio::test]
async fn a_stolen_lease_is_lost_at_once() {
    let (_, client) = server("lease-theft").await;
    let patient = LeaseSettings {
        duration: Duration::from_mins(2),
        retry: Duration::from_secs(40),
        ..settings("lease-theft", "first")
    };
    let (mut first, _task) = elect(client.clone(), patient, Shutdown::manual());
    within("the first term", first.wait_until_leader()).await;
    let leases: Api<Lease> = Api::namespaced(client, "lease-theft");
    let mut lease = leases.get("leader").await.unwrap();
    lease.spec.as_mut().unwrap().holder_identity = Some("thief".into());
    write::replace(&leases, &lease).await.unwrap();
    let stolen = Instant::now();
    within("the loss", first.lost()).await;
    assert!(stolen.elapsed() < Duration::from_secs(20), "{:?}", stolen.elapsed());
}

#[tokio::test]
async fn a_leader_whose_api_is_gone_steps_down_in_two_thirds_of_the_duration() {
    let server = api_server::cluster("lease-cut").await.unwrap();
    let client = server.admin_client().await.unwrap();
    let (mut leader, _task, _shutdown) = stand(&client, "default", "only");
    wait::until("the namespace", LIMIT, async || server.create_namespace("default").await)
        .await
        .unwrap();
    within("the first term", leader.wait_until_leader()).await;
    server.process().kill_hard();
    let gone = Instant::now();
    within("the step down", leader.lost()).await;
    assert!(gone.elapsed() < Duration::from_secs(3), "{:?}", gone.elapsed());
}

#[tokio::test]
async fn a_replaced_token_counts_for_the_calls_after_it() {
    let (server, _) = server("token").await;
    let first = server.service_account_token("token", "one", "").await.unwrap();
    let second = server.service_account_token("token", "two", "").await.unwrap();
    let token = SharedToken::new(first);
    let client = connect::connect_with_token(
        &server.url(),
        server.ca_pem().as_bytes(),
        token.clone(),
        "meshroot-test/1",
    )
    .unwrap();
    assert_eq!(who_am_i(&client).await.unwrap(), "system:serviceaccount:token:one");
    token.set(second);
    assert_eq!(who_am_i(&client).await.unwrap(), "system:serviceaccount:token:two");
    token.set("not-a-token");
    let refused = write::classify(&who_am_i(&client).await.unwrap_err());
    assert_eq!(refused, Failure::Unauthorized);
    assert!(matches!(refused.retry(), Retry::Later(_)));
}

async fn who_am_i(client: &Client) -> Result<String, kube::Error> {
    let review = Api::all(client.clone())
        .create(&PostParams::default(), &SelfSubjectReview::default())
        .await?;
    Ok(review.status.unwrap().user_info.unwrap().username.unwrap())
}

#[tokio::test]
async fn a_server_with_another_ca_is_not_spoken_to() {
    let (server, _) = server("other-ca").await;
    let other = api_server::cluster("other-ca").await.unwrap();
    let token = SharedToken::new(server.admin_token());
    let client = connect::connect_with_token(
        &server.url(),
        other.ca_pem().as_bytes(),
        token,
        "meshroot-test/1",
    )
    .unwrap();
    let failure = write::classify(&who_am_i(&client).await.unwrap_err());
    assert!(
        matches!(&failure, Failure::Network(why) if why.contains("certificate")),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_write_builds_on_what_was_read_or_fails() {
    let (_, client) = server("write").await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "write");
    let asked = config_map("write", "a", "first");
    let Written::Created(created) = write::create_if_absent(&maps, &asked).await.unwrap() else {
        panic!("existed")
    };
    let repeated =
        write::create_if_absent(&maps, &config_map("write", "a", "other")).await.unwrap();
    assert_eq!(repeated, Written::Existed(created.clone()), "what exists is left as it is");

    let blind = write::replace(&maps, &asked).await.unwrap_err();
    assert!(matches!(blind, WriteError::ResourceVersionMissing { .. }), "{blind}");
    let mut changed = created.clone();
    changed.data.get_or_insert_default().insert("key".into(), "second".into());
    let stored = write::replace(&maps, &changed).await.unwrap();
    let late = write::replace(&maps, &changed).await.unwrap_err();
    assert!(late.is_conflict() && late.retry() == Retry::Now, "{late}");
    assert!(late.to_string().contains("ConfigMap write/a"), "{late}");

    let stale = write::delete(&maps, &created).await.unwrap_err();
    assert!(stale.is_conflict(), "{stale}");
    assert!(write::delete(&maps, &stored).await.unwrap());
    assert!(!write::delete(&maps, &stored).await.unwrap(), "gone already");
    let gone = write::replace(&maps, &stored).await.unwrap_err();
    assert!(gone.is_not_found(), "{gone}");
}

#[tokio::test]
async fn a_status_write_leaves_the_spec_alone_and_a_write_the_status() {
    let (_, client) = server("write-status").await;
    let deployments: Api<Deployment> = Api::namespaced(client, "write-status");
    let mut deployment =
        write::create_if_absent(&deployments, &deployment("a")).await.unwrap().into_object();
    deployment.spec.replicas = Some(7);
    deployment.status.get_or_insert_default().replicas = Some(5);
    let mut stored = write::replace_status(&deployments, &deployment).await.unwrap();
    assert_eq!(stored.spec.replicas, Some(1));
    assert_eq!(stored.status.as_ref().unwrap().replicas, Some(5));
    let late = write::replace_status(&deployments, &deployment).await.unwrap_err();
    assert!(late.is_conflict(), "{late}");
    stored.status.as_mut().unwrap().replicas = Some(6);
    let stored = write::replace(&deployments, &stored).await.unwrap();
    assert_eq!(stored.status.unwrap().replicas, Some(5));
}

fn deployment(name: &str) -> Deployment {
    serde_json::from_value(serde_json::json!({
        "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "none"}]}}}
    }))
    .unwrap()
}

#[tokio::test]
async fn what_a_server_refuses_is_named() {
    let (server, client) = server("refused").await;
    let maps: Api<ConfigMap> = Api::namespaced(client, "refused");
    let invalid = write::create_if_absent(&maps, &config_map("refused", "Not A Name", "x"))
        .await
        .unwrap_err();
    assert!(
        matches!(invalid.failure(), Some(Failure::Invalid(why)) if why.contains("metadata.name")),
        "{invalid}"
    );
    assert_eq!(invalid.retry(), Retry::UserMustAct);
    let token = server.service_account_token("refused", "nobody", "").await.unwrap();
    let maps: Api<ConfigMap> =
        Api::namespaced(server.client_for_token(&token).await.unwrap(), "refused");
    let forbidden =
        write::create_if_absent(&maps, &config_map("refused", "a", "x")).await.unwrap_err();
    assert!(matches!(forbidden.failure(), Some(Failure::Forbidden(_))), "{forbidden}");
}

#[tokio::test]
async fn an_event_is_accepted_cut_to_size_and_not_repeated() {
    let (_, client) = server("events").await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "events");
    let object = write::create_if_absent(&maps, &config_map("events", "a", "x"))
        .await
        .unwrap()
        .into_object();
    let reporter = Reporter::new(client.clone(), "meshroot-hub", "hub-0");
    let regarding = object.object_ref(&());
    let long = "ä".repeat(2000);
    for note in ["waiting for east", "waiting for east", "waiting for west", &long] {
        reporter.publish(&regarding, Kind::Warning, "Waiting", "Rotate", note).await;
    }
    let events: Api<Event> = Api::namespaced(client, "events");
    let stored = events.list(&ListParams::default()).await.unwrap().items;
    let mut notes: Vec<_> = stored.iter().map(|event| event.note.clone().unwrap()).collect();
    notes.sort_unstable();
    assert_eq!(notes, ["waiting for east", "waiting for west", &"ä".repeat(512)]);
    assert!(
        stored.iter().all(|event| event.reporting_controller.as_deref() == Some("meshroot-hub"))
    );
    assert!(
        stored.iter().all(|event| event.regarding.as_ref().unwrap().name.as_deref() == Some("a"))
    );
}

#[tokio::test]
async fn a_repetition_is_counted_in_the_first_event() {
    let (_, client) = server("event-series").await;
    let reporter = Reporter::new(client.clone(), "meshroot-hub", "hub-0");
    let regarding = ObjectReference {
        kind: Some("ConfigMap".into()),
        namespace: Some("event-series".into()),
        name: Some("a".into()),
        ..Default::default()
    };
    for _ in 0..4 {
        reporter.publish(&regarding, Kind::Normal, "Waiting", "Rotate", "for east").await;
        pass(Duration::from_secs(31)).await;
    }
    let events: Api<Event> = Api::namespaced(client, "event-series");
    let stored = events.list(&ListParams::default()).await.unwrap().items;
    let counts: Vec<_> = stored.iter().map(|event| event.series.as_ref().unwrap().count).collect();
    assert_eq!(counts, [4]);
}

/// Moves the clock of this runtime; the server's goes on as it was.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
