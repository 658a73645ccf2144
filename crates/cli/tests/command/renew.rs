use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use meshroot_api::names::{MANAGED_BY_LABEL, MESH_LABEL, REASON_ANNOTATION};
use meshroot_api::shared::ResourceRef;
use meshroot_testkit::wait;
use serde_json::json;

use crate::certificates::{Authority, intermediate_spec, root};
use crate::program::{Answer, answer, command, has};
use crate::stage::{Hub, Place, hub};

/// A mesh that uses the certificate of its first request.
async fn settled(hub: &Hub, cluster: &str) -> (Place, Authority) {
    let place = hub.place(cluster).await;
    let root = root("root");
    place.virtual_mesh(&hub.admin).await;
    place.ask(1).await;
    issue(&place, &root, 1).await;
    place.trust(1, std::slice::from_ref(&root.certificate)).await;
    place.loaded(1, "Confirmed", "").await;
    (place, root)
}

async fn issue(place: &Place, root: &Authority, generation: u32) {
    let csr = place.csr(generation).await;
    let certificate =
        root.certify(&intermediate_spec(&format!("a {generation}")), csr.public_key());
    place.answer(generation, &[certificate], std::slice::from_ref(&root.certificate)).await;
}

/// Runs the command beside the test.
fn beside(hub: &Hub, arguments: &[&str]) -> tokio::task::JoinHandle<Answer> {
    let mut command = command(Some(hub.kubeconfig()), arguments);
    tokio::task::spawn_blocking(move || answer(&mut command, b""))
}

#[tokio::test]
async fn a_renewal_is_the_next_request_and_is_made_once() {
    let hub = hub().await;
    let (place, _) = settled(&hub, "renewed").await;
    has(&hub.run(&["renew", &place.mesh]).yes(), &[&format!("{} created", place.request_name(2))]);
    let request = place.requests(&hub.admin).get(&place.request_name(2)).await.unwrap();
    let first = place.requests(&hub.admin).get(&place.request_name(1)).await.unwrap();
    assert_eq!(request.spec.cert_config, first.spec.cert_config);
    assert_eq!(request.spec.virtual_mesh_ref, first.spec.virtual_mesh_ref);
    assert!(request.spec.csr_data.0.is_empty());
    assert_eq!(request.metadata.annotations.unwrap()[REASON_ANNOTATION], "RenewalAsked");
    let labels = request.metadata.labels.unwrap();
    assert_eq!((labels[MANAGED_BY_LABEL].as_str(), &labels[MESH_LABEL]), ("meshroot", &place.mesh));

    has(
        &hub.run(&["renew", &place.mesh]).yes(),
        &[&place.request_name(2), "still unanswered", "nothing was created"],
    );
    assert!(place.requests(&hub.admin).get_opt(&place.request_name(3)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wait_ends_when_the_new_certificate_is_in_use() {
    let hub = hub().await;
    let (place, root) = settled(&hub, "awaited").await;
    let virtual_mesh = format!("{}/demo", place.namespace);
    let waiting =
        beside(&hub, &["renew", "--virtual-mesh", &virtual_mesh, "--wait", "--timeout", "60s"]);
    let requests = place.requests(&hub.admin);
    let there = async || Ok(requests.get(&place.request_name(2)).await.map(|_| ())?);
    wait::until("the renewal is there", wait::LIMIT, there).await.unwrap();
    issue(&place, &root, 2).await;
    place.loaded(2, "RestartNeeded", "restart istiod").await;
    let told = waiting.await.unwrap().yes();
    has(&told, &["created", "installed, RestartNeeded: restart istiod"]);
}

#[tokio::test]
async fn a_wait_that_takes_too_long_says_how_far_it_is() {
    let hub = hub().await;
    let (place, _) = settled(&hub, "slow").await;
    let text = hub.run(&["renew", &place.mesh, "--wait", "--timeout", "1s"]).no(1);
    has(&text, &["does not use", "waiting for the agent", "meshroot describe vmcsr"]);
}

#[tokio::test]
async fn a_denial_ends_the_wait_and_the_next_renewal_is_another_request() {
    let hub = hub().await;
    let (place, _) = settled(&hub, "denied").await;
    place.ask(2).await;
    place.csr(2).await;
    hub.run(&["deny", &place.full_name(2), "--message", "CHG-3"]).yes();
    has(&hub.run(&["renew", &place.mesh]).yes(), &[&format!("{} created", place.request_name(3))]);
    place.csr(3).await;
    place
        .status(
            3,
            json!({ "thirdPartyApproval": { "approvalStatus": "DENIED", "message": "CHG-4" } }),
        )
        .await;
    let generation4 = format!("{} created", place.request_name(4));
    has(&hub.run(&["renew", &place.mesh]).yes(), &[&generation4]);
    place.csr(4).await;
    hub.run(&["deny", &place.full_name(4), "--message", "CHG-5"]).yes();
}

#[tokio::test]
async fn what_cannot_be_renewed_says_why() {
    let hub = hub().await;
    let place = hub.place("unasked").await;
    has(&hub.run(&["renew", &place.mesh]).no(1), &["has no request yet"]);
    has(&hub.run(&["renew", "nomesh"]).no(1), &["mesh nomesh does not exist"]);
    has(&hub.run(&["renew", "--virtual-mesh", "novm"]).no(1), &["vm novm does not exist"]);
    assert_eq!(hub.run(&["renew"]).code, 2);
    assert_eq!(hub.run(&["renew", "a", "--timeout", "5m"]).code, 2);
}

#[tokio::test]
async fn a_renewal_because_of_a_stolen_key_says_so_and_what_becomes_of_the_old_one() {
    let hub = hub().await;
    let (place, _) = settled(&hub, "compromised").await;
    let renew = || hub.run(&["renew", &place.mesh, "--reason", "compromise"]);
    has(
        &renew().yes(),
        &["created", "what was issued to the mesh before is revoked", "describe vm demo"],
    );
    let requests = place.requests(&hub.admin);
    let reason = async || {
        let request = requests.get(&place.request_name(2)).await.unwrap();
        request.metadata.annotations.unwrap()[REASON_ANNOTATION].clone()
    };
    assert_eq!(reason().await, "KeyCompromised");
    has(&hub.run(&["renew", &place.mesh]).yes(), &["still unanswered"]);
    assert_eq!(reason().await, "KeyCompromised", "a renewal for no reason takes nothing back");
}

/// What the agent wrote there counts for nothing: another virtual mesh, and a number as high as it likes.
#[tokio::test]
async fn a_stolen_key_is_told_by_a_request_of_its_own_whatever_the_agent_has_asked_for() {
    let hub = hub().await;
    let (place, _) = settled(&hub, "overtaken").await;
    hub.run(&["renew", &place.mesh]).yes();
    place.csr(2).await;
    let api = place.requests(&hub.admin);
    let mut elsewhere = api.get(&place.request_name(1)).await.unwrap();
    elsewhere.metadata =
        ObjectMeta { name: Some(place.request_name(4_000_000_000)), ..ObjectMeta::default() };
    elsewhere.spec.virtual_mesh_ref = ResourceRef::new("demo", "elsewhere");
    api.create(&PostParams::default(), &elsewhere).await.unwrap();
    let said = hub.run(&["renew", &place.mesh, "--reason", "compromise"]).yes();
    has(&said, &[&format!("{} created", place.request_name(3)), "or in an hour"]);
    let request = api.get(&place.request_name(3)).await.unwrap();
    assert_eq!(request.metadata.annotations.unwrap()[REASON_ANNOTATION], "KeyCompromised");
    let reference = request.spec.virtual_mesh_ref;
    assert_ne!(reference.namespace, "elsewhere");
    assert!(request.spec.csr_data.0.is_empty() && !request.spec.cert_config.hosts.is_empty());
}
