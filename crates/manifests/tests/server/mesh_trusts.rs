//! Who may write what of a MeshTrust.

use serde_json::json;

use crate::setup::{
    EAST, WEST, assert_no_right, assert_refused, create, mesh_trust, patch, patch_status, request,
    with_everything,
};

#[tokio::test]
async fn a_mesh_trust_is_created_and_changed_by_the_hub_only() {
    let server = with_everything().await;
    let (admin, hub, agent) = (server.admin().await, server.hub().await, server.agent(EAST).await);
    let object = mesh_trust(EAST, "spec");
    assert_refused(create(&admin, &object).await, "spec of a MeshTrust is written by the hub only");
    assert_no_right(create(&agent, &object).await);
    create(&hub, &object).await.unwrap();
    let change = json!({ "spec": { "request": "mesh.demo.2" } });
    assert_refused(
        patch(&admin, &object, change.clone()).await,
        "spec of a MeshTrust is written by the hub only",
    );
    assert_no_right(patch(&agent, &object, change.clone()).await);
    patch(&hub, &object, change).await.unwrap();
}

#[tokio::test]
async fn an_operator_asks_for_a_renewal_but_brings_no_csr_and_changes_no_mesh_trust() {
    let server = with_everything().await;
    let object = mesh_trust(EAST, "renew");
    create(&server.hub().await, &object).await.unwrap();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "erin" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "meshroot-operator" },
        "subjects": [{ "kind": "ServiceAccount", "name": "erin", "namespace": "people" }],
    });
    create(&server.admin().await, &binding).await.unwrap();
    let erin = server.user(("people", "erin")).await;
    let reference = json!({ "name": "demo", "namespace": "meshes" });
    create(&erin, &request(EAST, "renew.demo.2", &json!({ "virtualMeshRef": reference })))
        .await
        .unwrap();
    let whole = json!({ "virtualMeshRef": reference, "csrData": "Q1NS" });
    let refused = create(&erin, &request(EAST, "renew.demo.3", &whole)).await;
    assert_refused(refused, "a new request may carry it from those who may approve");
    let change = json!({ "spec": { "trustAnchors": "another" } });
    assert_no_right(patch(&erin, &object, change).await);
}

#[tokio::test]
async fn its_status_is_written_by_the_agent_of_its_namespace_only() {
    let server = with_everything().await;
    let hub = server.hub().await;
    let object = mesh_trust(EAST, "status");
    create(&hub, &object).await.unwrap();
    let status = json!({ "pickup": "Confirmed", "witness": "Metric" });
    patch_status(&server.agent(EAST).await, &object, status.clone()).await.unwrap();
    assert_no_right(patch_status(&server.agent(WEST).await, &object, status.clone()).await);
    assert_no_right(patch_status(&hub, &object, status.clone()).await);
    let status = json!({ "pickup": "Waiting" });
    let refusal = patch_status(&server.admin().await, &object, status).await;
    assert_refused(refusal, "status of a MeshTrust is written by the agent of its namespace only");
}
