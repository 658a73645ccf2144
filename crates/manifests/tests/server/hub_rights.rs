//! What the hub may do, and what it may not.

use serde_json::{Value, json};

use crate::setup::{
    HUB, MESHES, assert_no_right, create, delete, patch, patch_status, resource, with_everything,
};

fn secret(namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace } })
}

fn lease(name: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": name, "namespace": HUB.0 },
        "spec": { "holderIdentity": "one", "leaseDurationSeconds": 15 },
    })
}

#[tokio::test]
async fn the_hub_makes_and_reads_root_secrets_where_roots_live_and_changes_none() {
    let server = with_everything().await;
    let hub = server.hub().await;
    for namespace in [HUB.0, MESHES] {
        let object = secret(namespace, "demo-ca-certs");
        create(&hub, &object).await.unwrap();
        resource(&hub, &object).get("demo-ca-certs").await.unwrap();
        assert_no_right(patch(&hub, &object, json!({ "stringData": { "key.pem": "x" } })).await);
        assert_no_right(delete(&hub, &object).await);
    }
    let elsewhere = secret("kube-system", "demo-ca-certs");
    assert_no_right(create(&hub, &elsewhere).await);
    assert_no_right(resource(&hub, &elsewhere).get("demo-ca-certs").await);
}

#[tokio::test]
async fn the_hub_and_each_agent_hold_their_own_lease_and_no_other() {
    let server = with_everything().await;
    let hub = server.hub().await;
    create(&hub, &lease("meshroot-hub")).await.unwrap();
    patch(&hub, &lease("meshroot-hub"), json!({ "spec": { "holderIdentity": "two" } }))
        .await
        .unwrap();
    create(&server.admin().await, &lease("somebody-else")).await.unwrap();
    assert_no_right(
        patch(&hub, &lease("somebody-else"), json!({ "spec": { "holderIdentity": "two" } })).await,
    );
    for (cluster, other) in [("east", "west"), ("west", "east")] {
        let lease = |cluster: &str| {
            let mut lease = lease("meshroot-agent");
            lease["metadata"]["namespace"] = json!(format!("meshroot-cluster-{cluster}"));
            lease
        };
        let agent = server.agent(&format!("meshroot-cluster-{cluster}")).await;
        create(&agent, &lease(cluster)).await.unwrap();
        patch(&agent, &lease(cluster), json!({ "spec": { "holderIdentity": "two" } }))
            .await
            .unwrap();
        assert_no_right(
            patch(&agent, &lease(other), json!({ "spec": { "holderIdentity": "two" } })).await,
        );
        resource(&hub, &lease(cluster)).get("meshroot-agent").await.unwrap();
        assert_no_right(
            patch(&hub, &lease(cluster), json!({ "spec": { "holderIdentity": "hub" } })).await,
        );
    }
}

#[tokio::test]
async fn the_hub_writes_statuses_and_policies_but_no_virtual_mesh() {
    let server = with_everything().await;
    let (hub, admin) = (server.hub().await, server.admin().await);
    let virtual_mesh = json!({
        "apiVersion": "networking.zephyr.solo.io/v1alpha1",
        "kind": "VirtualMesh",
        "metadata": { "name": "written", "namespace": MESHES },
        "spec": {},
    });
    assert_no_right(create(&hub, &virtual_mesh).await);
    create(&admin, &virtual_mesh).await.unwrap();
    patch_status(&hub, &virtual_mesh, json!({ "configStatus": { "state": "ACCEPTED" } }))
        .await
        .unwrap();
    let policy = json!({
        "apiVersion": "meshroot.dev/v1alpha1",
        "kind": "TrustPolicy",
        "metadata": { "name": "written", "namespace": MESHES },
        "spec": { "virtualMeshRef": { "name": "written" } },
    });
    create(&hub, &policy).await.unwrap();
    patch_status(&hub, &policy, json!({ "members": 2, "issued": 1, "loaded": 0 })).await.unwrap();
}

#[tokio::test]
async fn hub_and_agent_write_events() {
    let server = with_everything().await;
    let event = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": { "name": "issued", "namespace": "meshroot-cluster-east" },
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "meshroot.dev/hub",
        "reportingInstance": "one",
        "action": "Issue",
        "reason": "Issued",
        "type": "Normal",
        "regarding": { "kind": "Mesh", "name": "m", "namespace": "meshroot-cluster-east" },
    });
    create(&server.hub().await, &event).await.unwrap();
    let mut other = event;
    other["metadata"]["name"] = json!("requested");
    create(&server.agent("meshroot-cluster-east").await, &other).await.unwrap();
}
