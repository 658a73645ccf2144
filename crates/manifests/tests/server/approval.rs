//! Who may approve.

use meshroot_api::names::ASKED_ANNOTATION;
use serde_json::{Value, json};

use crate::setup::{
    EAST, MESHES, Server, asked, assert_refused, bind, create, patch, patch_status, request,
    with_everything,
};

const APPROVED: &str = "APPROVED";

pub(crate) fn csr_for(virtual_mesh: &Value) -> Value {
    json!({ "csrData": "Q1NS", "virtualMeshRef": virtual_mesh })
}

/// Lets `user` write the status of every request, and `approve` with the given rules.
pub(crate) async fn grant(server: &Server, user: &str, namespace: &str, rules: &[Value]) {
    let name = format!("{user}-{namespace}");
    server.api.create_service_account("people", user).await.unwrap();
    let requests = |resource: &str, verb: &str| json!({ "apiGroups": ["security.zephyr.solo.io"], "resources": [resource], "verbs": [verb] });
    let kind = "virtualmeshcertificatesigningrequests";
    let requests = [requests(&format!("{kind}/status"), "patch"), requests(kind, "create")];
    bind(server, user, &name, None, &requests).await;
    bind(server, user, &name, Some(namespace), rules).await;
}

pub(crate) fn approve(virtual_meshes: &[&str]) -> Value {
    json!({
        "apiGroups": ["networking.zephyr.solo.io"],
        "resources": ["virtualmeshes"],
        "resourceNames": virtual_meshes,
        "verbs": ["approve"],
    })
}

async fn decide(server: &Server, user: &str, object: &Value, decision: &str) -> kube::Result<()> {
    let client = server.user(("people", user)).await;
    let status = json!({ "thirdPartyApproval": {
        "approvalStatus": decision, "message": "ticket 7", "lastUpdatedTime": "2026-01-01T00:00:00Z",
    } });
    patch_status(&client, object, status).await.map(drop)
}

#[tokio::test]
async fn who_may_write_the_status_but_not_approve_is_refused() {
    let server = with_everything().await;
    grant(&server, "alice", MESHES, &[approve(&["other"])]).await;
    let object =
        request(EAST, "alice.1", &csr_for(&json!({ "name": "demo", "namespace": MESHES })));
    create(&server.admin().await, &object).await.unwrap();
    for decision in [APPROVED, "DENIED", "PENDING"] {
        assert_refused(
            decide(&server, "alice", &object, decision).await,
            "those who may approve on the virtual mesh",
        );
    }
}

#[tokio::test]
async fn who_may_approve_one_virtual_mesh_decides_on_its_requests_and_no_others() {
    let server = with_everything().await;
    grant(&server, "bob", MESHES, &[approve(&["demo"])]).await;
    let admin = server.admin().await;
    let own = request(EAST, "bob.1", &csr_for(&json!({ "name": "demo", "namespace": MESHES })));
    create(&admin, &asked(own.clone())).await.unwrap();
    decide(&server, "bob", &own, APPROVED).await.unwrap();
    let elsewhere = [
        json!({ "name": "demo", "namespace": "elsewhere" }),
        json!({ "name": "demo" }),
        json!({ "name": "other", "namespace": MESHES }),
        json!({}),
    ];
    for (number, virtual_mesh) in elsewhere.iter().enumerate() {
        let object = request(EAST, &format!("bob.other.{number}"), &csr_for(virtual_mesh));
        create(&admin, &object).await.unwrap();
        assert_refused(
            decide(&server, "bob", &object, APPROVED).await,
            "those who may approve on the virtual mesh",
        );
    }
}

#[tokio::test]
async fn a_reference_without_a_namespace_means_a_virtual_mesh_beside_the_request() {
    let server = with_everything().await;
    grant(&server, "carol", EAST, &[approve(&["near"])]).await;
    let object = request(EAST, "carol.1", &csr_for(&json!({ "name": "near" })));
    create(&server.admin().await, &asked(object.clone())).await.unwrap();
    decide(&server, "carol", &object, APPROVED).await.unwrap();
}

#[tokio::test]
async fn nobody_approves_what_the_hub_has_not_asked_for_but_may_deny_it() {
    let server = with_everything().await;
    let admin = server.admin().await;
    grant(&server, "heidi", MESHES, &[approve(&["demo"])]).await;
    let reference = json!({ "name": "demo", "namespace": MESHES });
    let object = request(EAST, "heidi.1", &csr_for(&reference));
    create(&admin, &object).await.unwrap();
    let result = decide(&server, "heidi", &object, APPROVED).await;
    assert_refused(result, "the hub has not asked anybody to approve this request yet");
    let annotations =
        |text: &str| json!({ "metadata": { "annotations": { ASKED_ANNOTATION: text } } });
    for client in [&admin, &server.agent(EAST).await] {
        let result = patch(client, &object, annotations("{}")).await;
        assert_refused(result, "is written by the hub only");
    }
    let forged = asked(request(EAST, "heidi.2", &json!({ "virtualMeshRef": reference })));
    let result = create(&server.agent(EAST).await, &forged).await;
    assert_refused(result, "is written by the hub only");
    decide(&server, "heidi", &object, "DENIED").await.unwrap();
}

#[tokio::test]
async fn what_was_asked_for_approval_is_changed_by_nobody_but_the_hub() {
    let server = with_everything().await;
    let object = asked(request(EAST, "ivan.1", &csr_for(&json!({ "name": "demo" }))));
    create(&server.admin().await, &object).await.unwrap();
    for text in [json!("{\"pathLen\":4}"), json!(null)] {
        let change = json!({ "metadata": { "annotations": { ASKED_ANNOTATION: text } } });
        for client in [server.admin().await, server.agent(EAST).await] {
            assert_refused(
                patch(&client, &object, change.clone()).await,
                "written by the hub only",
            );
        }
    }
}

#[tokio::test]
async fn an_approver_cannot_write_the_certificate() {
    let server = with_everything().await;
    grant(&server, "dave", MESHES, &[approve(&["demo"])]).await;
    let object = request(EAST, "dave.1", &csr_for(&json!({ "name": "demo", "namespace": MESHES })));
    create(&server.admin().await, &object).await.unwrap();
    let client = server.user(("people", "dave")).await;
    let status = json!({
        "thirdPartyApproval": { "approvalStatus": APPROVED }, "response": { "caCertificate": "Q0E=" },
    });
    assert_refused(
        patch_status(&client, &object, status).await,
        "status.response is written by the hub only",
    );
}

#[tokio::test]
async fn only_who_may_approve_brings_a_csr_of_their_own_in_a_new_request() {
    let server = with_everything().await;
    grant(&server, "frank", MESHES, &[approve(&["other"])]).await;
    let frank = server.user(("people", "frank")).await;
    let reference = |name: &str| json!({ "name": name, "namespace": MESHES });
    let refused = create(&frank, &request(EAST, "frank.1", &csr_for(&reference("demo")))).await;
    assert_refused(refused, "a new request may carry it from those who may approve");
    let without = json!({ "virtualMeshRef": reference("demo") });
    create(&frank, &request(EAST, "frank.2", &without)).await.unwrap();
    create(&frank, &request(EAST, "frank.3", &csr_for(&reference("other")))).await.unwrap();
}

#[tokio::test]
async fn a_reference_by_cluster_means_a_virtual_mesh_of_that_cluster_and_not_one_beside_the_request()
 {
    let server = with_everything().await;
    grant(&server, "grace", EAST, &[approve(&["demo"])]).await;
    let object =
        request(EAST, "grace.1", &csr_for(&json!({ "name": "demo", "cluster": "elsewhere" })));
    create(&server.admin().await, &object).await.unwrap();
    assert_refused(
        decide(&server, "grace", &object, APPROVED).await,
        "those who may approve on the virtual mesh",
    );
}
