use k8s_openapi::api::core::v1::ObjectReference;
use meshroot_runtime::kube::events::{Kind, Reporter};
use serde_json::json;

use crate::certificates::{Spec, intermediate_spec, root};
use crate::program::has;
use crate::stage::hub;

#[tokio::test]
async fn a_pending_request_shows_what_would_be_signed_and_who_is_waited_for() {
    let hub = hub().await;
    let place = hub.place("pending").await;
    place.ask(1).await;
    let csr = place.csr(1).await;
    place.status(1, json!({ "computedStatus": { "message": "WaitingForApproval: somebody has to approve" } })).await;
    let text = hub.run(&["describe", "vmcsr", &place.request_name(1)]).yes();
    let subject = format!("CN={} 1,OU=demo,O=Istio", place.mesh);
    has(
        &text,
        &[
            "What is asked",
            &csr.fingerprint().to_string(),
            &csr.public_key().fingerprint().to_string(),
            "ECDSA-P256",
            "spiffe://cluster.local/ns/istio-system/sa/istiod",
            "Approval       PENDING",
            "somebody has to approve",
            "What would be signed",
            &subject,
            "CA, path length 0",
            "90d, at most until its issuer ends",
            "CN=demo root 2222",
            "--sha256 ",
            "Events\n  none",
        ],
    );
}

#[tokio::test]
async fn what_would_be_signed_is_not_guessed_before_it_is_asked_for() {
    let hub = hub().await;
    let place = hub.place("guessed").await;
    place.ask(1).await;
    let text = hub.run(&["describe", "vmcsr", &place.request_name(1)]).yes();
    has(&text, &["What would be signed", "the TrustPolicy of the virtual mesh cannot be seen"]);
}

#[tokio::test]
async fn an_issued_request_shows_the_certificate_and_what_it_changes() {
    let hub = hub().await;
    let place = hub.place("issued").await;
    let (old, new) = (root("root 1"), root("root 2"));
    for (generation, root, days) in [(1, &old, 90), (2, &new, 30)] {
        place.ask(generation).await;
        let csr = place.csr(generation).await;
        let spec = Spec { days, ..intermediate_spec(&format!("a {generation}")) };
        let certificate = root.certify(&spec, csr.public_key());
        place.answer(generation, &[certificate], std::slice::from_ref(&root.certificate)).await;
    }
    let request = place.requests(&hub.admin).get(&place.request_name(2)).await.unwrap();
    report(&place.hub, &request).await;
    let text = hub.run(&["describe", "vmcsr", &place.request_name(2)]).yes();
    has(
        &text,
        &[
            "What was signed",
            "Serial",
            "Valid until",
            "(in 29d)",
            "CA, path length 0",
            "keyCertSign, cRLSign",
            &format!("What changes against {}", place.request_name(1)),
            "CN=root 1,OU=demo,O=Istio → CN=root 2,OU=demo,O=Istio",
            "2160 h → 720 h",
            &new.certificate.fingerprint().to_string(),
            "Root gone",
            "Root new",
            "Issued",
            "certificate issued",
        ],
    );
    let objects = hub.run(&["describe", "vmcsr", &place.request_name(2), "-o", "json"]).yes();
    let objects: serde_json::Value = serde_json::from_str(&objects).unwrap();
    let items = objects["items"].as_array().unwrap().iter();
    let kinds: Vec<_> = items.map(|item| item["kind"].as_str().unwrap()).collect();
    let request = "VirtualMeshCertificateSigningRequest";
    assert_eq!(kinds, [request, request, "Mesh"]);
}

async fn report<K: kube::Resource<DynamicType = ()>>(client: &kube::Client, object: &K) {
    let regarding = ObjectReference {
        kind: Some(K::kind(&()).into_owned()),
        name: object.meta().name.clone(),
        namespace: object.meta().namespace.clone(),
        uid: object.meta().uid.clone(),
        ..ObjectReference::default()
    };
    let reporter = Reporter::new(client.clone(), "meshroot-hub", "test");
    reporter.publish(&regarding, Kind::Normal, "Issued", "Issue", "certificate issued").await;
}

#[tokio::test]
async fn a_virtual_mesh_shows_how_far_each_member_is_and_a_mesh_what_it_has_loaded() {
    let hub = hub().await;
    let place = hub.place("members").await;
    let root = root("root");
    place.virtual_mesh(&hub.admin).await;
    place.ask(1).await;
    place.trust(1, std::slice::from_ref(&root.certificate)).await;
    place
        .loaded(1, "RestartNeeded", "kubectl -n istio-system rollout restart deployment istiod")
        .await;
    let text = hub.run(&["describe", "vm", "demo", "-n", &place.namespace]).yes();
    has(
        &text,
        &[
            "Members",
            &place.request_name(1),
            "RestartNeeded",
            "rollout restart",
            "Roots\n  not known: no TrustPolicy",
        ],
    );
    // Events of a mesh are told of its MeshTrust.
    report(&place.hub, &place.trusts(&place.hub).get(&place.mesh).await.unwrap()).await;
    let text = hub.run(&["describe", "mesh", &place.mesh]).yes();
    has(
        &text,
        &[
            "Trust domain   cluster.local",
            &root.certificate.fingerprint().to_string(),
            "RestartNeeded",
            "certificate issued",
        ],
    );
}

#[tokio::test]
async fn a_mesh_with_a_ca_of_its_own_shows_what_taking_it_over_will_do() {
    let hub = hub().await;
    let place = hub.place("own").await;
    let text = hub.run(&["describe", "mesh", &place.mesh]).yes();
    assert!(!text.contains("A CA of its own"), "{text}");
    for (self_signed, live, expected) in
        [(true, false, ["one restart", "one restart"]), (false, true, ["no restart", "no restart"])]
    {
        place.own_authority(self_signed, live).await;
        let text = hub.run(&["describe", "mesh", &place.mesh]).yes();
        let step = |number: &str| {
            let line = text.lines().find(|line| line.contains(number));
            line.unwrap_or_else(|| panic!("{text}")).to_owned()
        };
        has(
            &text,
            &[
                "A CA of its own",
                "O=cluster.local",
                "spec.adopt: AtOnce",
                "none: the mesh is in no virtual mesh",
            ],
        );
        has(&step("1. "), &[expected[0], "then 24h"]);
        has(&step("2. "), &["no restart"]);
        has(&step("3. "), &[expected[1]]);
        assert_eq!(text.contains("spec.adopt: Always"), !self_signed, "{text}");
    }
}

#[tokio::test]
async fn the_policy_of_a_virtual_mesh_is_found_whatever_its_name() {
    let hub = hub().await;
    let place = hub.place("policy").await;
    place.virtual_mesh(&hub.admin).await;
    place.policy(&hub.admin, "another-name").await;
    let text = hub.run(&["describe", "vm", "demo", "-n", &place.namespace]).yes();
    has(&text, &["Roots\n  none yet"]);
    place.ask(1).await;
    let text = hub.run(&["describe", "vmcsr", &place.request_name(1)]).yes();
    has(&text, &["ThirdParty: nothing is signed before somebody approves"]);
}

#[tokio::test]
async fn other_kinds_are_not_described() {
    let hub = hub().await;
    has(
        &hub.run(&["describe", "record", "x"]).no(2),
        &["record cannot be described", "meshroot get record x -o yaml"],
    );
}
