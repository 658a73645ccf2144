//! The rules in the schemas of the other kinds.

use serde_json::{Value, json};

use crate::setup::{
    EAST, MESHES, assert_refused, create, issuance_record, patch, with_definitions,
};

fn virtual_mesh(name: &str, spec: &Value) -> Value {
    object("networking.zephyr.solo.io", "VirtualMesh", name, spec)
}

fn mesh(name: &str, spec: &Value) -> Value {
    object("discovery.zephyr.solo.io", "Mesh", name, spec)
}

fn object(group: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{group}/v1alpha1"),
        "kind": kind,
        "metadata": { "name": name, "namespace": MESHES },
        "spec": spec,
    })
}

#[tokio::test]
async fn a_virtual_mesh_has_one_trust_model_and_one_authority() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let taken = [
        json!({}),
        json!({ "shared": {}, "certificateAuthority": { "builtin": {} } }),
        json!({ "limited": {}, "certificateAuthority": { "provided": { "certificate": { "name": "root" } } } }),
        json!({ "certificateAuthority": {} }),
    ];
    for (number, spec) in taken.iter().enumerate() {
        create(&client, &virtual_mesh(&format!("taken-{number}"), spec)).await.unwrap();
    }
    let both = virtual_mesh("both", &json!({ "shared": {}, "limited": {} }));
    assert_refused(create(&client, &both).await, "set shared or limited, not both");
    let both =
        virtual_mesh("both", &json!({ "certificateAuthority": { "builtin": {}, "provided": {} } }));
    assert_refused(create(&client, &both).await, "set builtin or provided, not both");
}

#[tokio::test]
async fn access_control_is_a_boolean_or_one_of_three_words_and_stays_as_written() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let taken =
        [json!(true), json!(false), json!("MESH_DEFAULT"), json!("ENABLED"), json!("DISABLED")];
    for (number, value) in taken.iter().enumerate() {
        let object =
            virtual_mesh(&format!("control-{number}"), &json!({ "enforceAccessControl": value }));
        let stored = create(&client, &object).await.unwrap();
        assert_eq!(stored.data["spec"]["enforceAccessControl"], *value);
    }
    for value in [json!("SOMETIMES"), json!({}), json!(1)] {
        let object = virtual_mesh("control", &json!({ "enforceAccessControl": value }));
        assert_refused(create(&client, &object).await, "spec.enforceAccessControl");
    }
}

#[tokio::test]
async fn a_mesh_is_of_one_type() {
    let server = with_definitions().await;
    let client = server.admin().await;
    for kind in ["istio", "awsAppMesh", "linkerd", "consulConnect"] {
        create(&client, &mesh(&kind.to_lowercase(), &json!({ kind: {} }))).await.unwrap();
    }
    let two = mesh("two", &json!({ "istio": {}, "linkerd": {} }));
    assert_refused(
        create(&client, &two).await,
        "set one of istio, awsAppMesh, linkerd, consulConnect",
    );
}

#[tokio::test]
async fn a_trust_policy_stays_with_its_virtual_mesh() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let policy = object(
        "meshroot.dev",
        "TrustPolicy",
        "demo",
        &json!({ "virtualMeshRef": { "name": "demo" } }),
    );
    create(&client, &policy).await.unwrap();
    patch(&client, &policy, json!({ "spec": { "virtualMeshRef": { "namespace": "" } } }))
        .await
        .unwrap();
    patch(&client, &policy, json!({ "spec": { "approval": { "mode": "THIRD_PARTY" } } }))
        .await
        .unwrap();
    let result =
        patch(&client, &policy, json!({ "spec": { "virtualMeshRef": { "name": "other" } } })).await;
    assert_refused(result, "spec.virtualMeshRef never changes");
    let result =
        patch(&client, &policy, json!({ "spec": { "intermediate": { "renewAt": 1.0 } } })).await;
    assert_refused(result, "spec.intermediate.renewAt");
}

#[tokio::test]
async fn the_spec_of_an_issuance_record_never_changes() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let record = issuance_record(EAST, "mesh.demo.1");
    create(&client, &record).await.unwrap();
    let result =
        patch(&client, &record, json!({ "spec": { "decision": { "verdict": "APPROVED" } } })).await;
    assert_refused(result, "an issuance record never changes");
}
