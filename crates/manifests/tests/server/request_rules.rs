//! The rules in the schema of a request, which bind everybody.

use kube::Client;
use serde_json::{Value, json};

use crate::setup::{
    EAST, apply, assert_refused, create, patch, patch_status, request, with_definitions,
};

/// A request in a namespace of its own test.
async fn created(name: &str, spec: Value) -> (Client, Value) {
    let client = with_definitions().await.admin().await;
    let object = request(EAST, name, &spec);
    create(&client, &object).await.unwrap();
    (client, object)
}

fn full_spec() -> Value {
    json!({
        "virtualMeshRef": { "name": "demo", "namespace": "meshes", "cluster": "hub" },
        "certConfig": { "hosts": ["spiffe://cluster.local/ns/istio-system/sa/istiod"], "org": "Istio", "meshType": "LINKERD" },
        "csrData": "Q1NS",
    })
}

#[tokio::test]
async fn neither_reference_nor_certificate_configuration_of_a_request_changes() {
    let (client, object) = created("fixed", full_spec()).await;
    for change in
        [json!({ "name": "other" }), json!({ "namespace": "other" }), json!({ "cluster": "other" })]
    {
        let result = patch(&client, &object, json!({ "spec": { "virtualMeshRef": change } })).await;
        assert_refused(result, "spec.virtualMeshRef never changes");
    }
    let result = patch(&client, &object, json!({ "spec": { "virtualMeshRef": null } })).await;
    assert_refused(result, "spec.virtualMeshRef never changes");
    for change in
        [json!({ "hosts": ["other"] }), json!({ "org": null }), json!({ "meshType": null })]
    {
        let result = patch(&client, &object, json!({ "spec": { "certConfig": change } })).await;
        assert_refused(result, "spec.certConfig never changes");
    }
}

#[tokio::test]
async fn writing_out_a_default_or_leaving_it_out_is_no_change() {
    let (client, object) =
        created("defaults", json!({ "virtualMeshRef": { "name": "demo" } })).await;
    let written = json!({ "spec": {
        "virtualMeshRef": { "namespace": "", "cluster": "" },
        "certConfig": { "hosts": [], "org": "", "meshType": "ISTIO" },
        "csrData": "",
    } });
    patch(&client, &object, written).await.unwrap();
    let left_out = json!({ "spec": {
        "virtualMeshRef": { "namespace": null, "cluster": null }, "certConfig": null, "csrData": null,
    } });
    patch(&client, &object, left_out).await.unwrap();
    let status = json!({
        "response": { "caCertificate": "", "rootCertificate": "" },
        "thirdPartyApproval": { "approvalStatus": "PENDING", "message": "" },
    });
    patch_status(&client, &object, status).await.unwrap();
    patch_status(&client, &object, json!({ "response": null, "thirdPartyApproval": null }))
        .await
        .unwrap();
}

#[tokio::test]
async fn csr_data_is_set_once() {
    let (client, object) = created("csr", json!({})).await;
    patch(&client, &object, json!({ "spec": { "csrData": "Q1NS" } })).await.unwrap();
    for other in [json!("T1RI"), json!(""), json!(null)] {
        let result = patch(&client, &object, json!({ "spec": { "csrData": other } })).await;
        assert_refused(result, "spec.csrData is set once");
    }
    patch(&client, &object, json!({ "metadata": { "labels": { "a": "b" } } })).await.unwrap();
}

#[tokio::test]
async fn a_response_is_set_once_and_stays_while_the_rest_of_the_status_changes() {
    let (client, object) = created("response", full_spec()).await;
    let response = json!({ "caCertificate": "Q0E=", "rootCertificate": "Uk9PVA==" });
    patch_status(&client, &object, json!({ "response": response })).await.unwrap();
    for other in [
        json!({ "caCertificate": "T1RI" }),
        json!({ "caCertificate": null }),
        json!({ "rootCertificate": "T1RI" }),
        json!(null),
    ] {
        let result = patch_status(&client, &object, json!({ "response": other })).await;
        assert_refused(result, "status.response is set once");
    }
    patch_status(&client, &object, json!({ "computedStatus": { "state": "ACCEPTED" } }))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_decision_is_final_and_its_message_is_not() {
    for (name, decision, others) in [
        ("approved", "APPROVED", [json!("DENIED"), json!("PENDING"), json!(null)]),
        ("denied", "DENIED", [json!("APPROVED"), json!("PENDING"), json!(null)]),
    ] {
        let (client, object) = created(name, full_spec()).await;
        let status = json!({ "thirdPartyApproval": { "approvalStatus": decision } });
        patch_status(&client, &object, status).await.unwrap();
        for other in others {
            let status = json!({ "thirdPartyApproval": { "approvalStatus": other } });
            assert_refused(patch_status(&client, &object, status).await, "approvalStatus is final");
        }
        let status = json!({ "thirdPartyApproval": { "message": "ticket 7" } });
        patch_status(&client, &object, status).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_can_be_decided_before_there_is_a_csr() {
    let (client, object) = created("early", json!({ "virtualMeshRef": { "name": "demo" } })).await;
    for decision in ["APPROVED", "DENIED"] {
        let status = json!({ "thirdPartyApproval": { "approvalStatus": decision } });
        assert_refused(
            patch_status(&client, &object, status).await,
            "no spec.csrData to decide on",
        );
    }
    let status = json!({ "thirdPartyApproval": { "message": "ticket 7" } });
    patch_status(&client, &object, status).await.unwrap();
}

#[tokio::test]
async fn the_largest_request_is_taken_and_more_is_not() {
    let host = |length: usize| format!("https://{}", "h".repeat(length - 8));
    let full =
        json!({ "certConfig": { "hosts": vec![host(2048); 64] }, "csrData": base64(32 * 1024) });
    let (client, object) = created("largest", full).await;
    // The rules stay affordable for the server at that size.
    patch(&client, &object, json!({ "metadata": { "labels": { "a": "b" } } })).await.unwrap();

    let refused = [
        ("spec.certConfig.hosts", json!({ "certConfig": { "hosts": vec!["h"; 65] } })),
        ("spec.certConfig.hosts[0]", json!({ "certConfig": { "hosts": [host(2049)] } })),
        // Three bytes are four characters: the schema cannot tell one byte more.
        ("spec.csrData", json!({ "csrData": base64(32 * 1024 + 2) })),
        ("spec.csrData", json!({ "csrData": "not base64!" })),
        ("spec.certConfig.meshType", json!({ "certConfig": { "meshType": "OSM" } })),
    ];
    for (field, spec) in refused {
        assert_refused(create(&client, &request(EAST, "too-large", &spec)).await, field);
    }
}

#[tokio::test]
async fn a_field_that_the_original_api_does_not_have_is_refused() {
    let server = with_definitions().await;
    let object = request(EAST, "unknown", &json!({ "certConfig": { "ttlDays": 1 } }));
    assert_refused(apply(&server.admin().await, &object).await, "spec.certConfig.ttlDays");
}

fn base64(length: usize) -> Value {
    json!(meshroot_api::Bytes(vec![b'a'; length]))
}
