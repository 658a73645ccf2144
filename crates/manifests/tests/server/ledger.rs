//! The ledger: written by the hub, changed by nobody.

use serde_json::json;

use crate::setup::{
    EAST, assert_no_right, assert_refused, create, delete, issuance_record, patch, resource,
    with_everything,
};

#[tokio::test]
async fn a_record_is_created_by_the_hub_only() {
    let server = with_everything().await;
    let record = issuance_record(EAST, "created.demo.1");
    let refusal = create(&server.admin().await, &record).await;
    assert_refused(refusal, "an IssuanceRecord is created by the hub only");
    assert_no_right(create(&server.agent(EAST).await, &record).await);
    create(&server.hub().await, &record).await.unwrap();
}

#[tokio::test]
async fn a_record_is_changed_by_nobody() {
    let server = with_everything().await;
    let (admin, hub) = (server.admin().await, server.hub().await);
    let record = issuance_record(EAST, "fixed.demo.1");
    create(&hub, &record).await.unwrap();
    let verdict = json!({ "spec": { "decision": { "verdict": "Approved" } } });
    assert_no_right(patch(&hub, &record, verdict.clone()).await);
    let owner = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b" });
    let changes = [
        verdict,
        json!({ "metadata": { "labels": { "a": "b" } } }),
        json!({ "metadata": { "annotations": { "a": "b" } } }),
        json!({ "metadata": { "ownerReferences": [owner] } }),
        json!({ "metadata": { "finalizers": ["example.com/a"] } }),
    ];
    for change in changes {
        assert_refused(patch(&admin, &record, change).await, "never changes");
    }
    // The same again is no change.
    patch(&admin, &record, json!({ "spec": { "sequence": 1 } })).await.unwrap();
}

#[tokio::test]
async fn a_record_is_deleted_by_an_administrator_and_neither_by_the_hub_nor_by_an_agent() {
    let server = with_everything().await;
    let (admin, hub) = (server.admin().await, server.hub().await);
    let record = issuance_record(EAST, "deleted.demo.1");
    create(&hub, &record).await.unwrap();
    for client in [&server.agent(EAST).await, &hub] {
        assert_no_right(delete(client, &record).await);
    }
    delete(&admin, &record).await.unwrap();
    assert!(resource(&admin, &record).get_opt("deleted.demo.1").await.unwrap().is_none());
}
