//! Who may write what of a request.

use serde_json::{Value, json};

use crate::setup::{
    EAST, HUB, WEST, assert_no_right, assert_refused, create, delete, issuance_record, mesh_trust,
    patch, patch_status, request, resource, with_everything,
};

fn spec() -> Value {
    json!({ "virtualMeshRef": { "name": "demo", "namespace": "meshes" } })
}

fn secret(namespace: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "root", "namespace": namespace } })
}

#[tokio::test]
async fn an_agent_writes_requests_in_its_own_namespace_only() {
    let server = with_everything().await;
    let agent = server.agent(EAST).await;
    let own = request(EAST, "agent.own.1", &spec());
    create(&agent, &own).await.unwrap();
    patch(&agent, &own, json!({ "spec": { "csrData": "Q1NS" } })).await.unwrap();
    assert_no_right(create(&agent, &request(WEST, "agent.own.1", &spec())).await);
    assert_no_right(resource(&agent, &request(WEST, "any", &spec())).get("any").await);
}

#[tokio::test]
async fn an_agent_deletes_no_request_that_somebody_may_be_deciding_on() {
    let server = with_everything().await;
    let (agent, hub) = (server.agent(EAST).await, server.hub().await);
    let held = "somebody may be deciding on it";
    let settled = [
        json!({ "computedStatus": { "state": "INVALID" } }),
        json!({ "computedStatus": { "state": "CONFLICT" } }),
        json!({ "thirdPartyApproval": { "approvalStatus": "DENIED" } }),
        json!({ "response": { "caCertificate": "Q0E=" } }),
    ];
    for (number, status) in settled.into_iter().enumerate() {
        let own = request(EAST, &format!("agent.held.{}", number + 1), &spec());
        create(&agent, &own).await.unwrap();
        patch(&agent, &own, json!({ "spec": { "csrData": "Q1NS" } })).await.unwrap();
        assert_refused(delete(&agent, &own).await, held);
        let waiting = json!({ "computedStatus": { "state": "UNKNOWN", "message": "waiting" } });
        patch_status(&hub, &own, waiting).await.unwrap();
        assert_refused(delete(&agent, &own).await, held);
        patch_status(&hub, &own, status).await.unwrap();
        delete(&agent, &own).await.unwrap();
    }
    let without = request(EAST, "agent.held.9", &spec());
    create(&agent, &without).await.unwrap();
    delete(&agent, &without).await.unwrap();
}

#[tokio::test]
async fn an_agent_neither_says_that_its_key_was_stolen_nor_takes_that_back() {
    let server = with_everything().await;
    let (agent, admin, hub) = (server.agent(EAST).await, server.admin().await, server.hub().await);
    let neither = "an agent neither says that the key of its mesh is believed stolen";
    let reason = |word: Value| json!({ "meshroot.dev/reason": word });
    let annotated = |word: &str| json!({ "metadata": { "annotations": reason(json!(word)) } });
    let mut own = request(EAST, "agent.stolen.1", &spec());
    own["metadata"]["annotations"] = reason(json!("KeyCompromised"));
    assert_refused(create(&agent, &own).await, neither);
    own["metadata"]["annotations"] = reason(json!("RenewalAsked"));
    create(&agent, &own).await.unwrap();
    assert_refused(patch(&agent, &own, annotated("KeyCompromised")).await, neither);

    let own = request(EAST, "agent.stolen.2", &spec());
    let mut said = own.clone();
    said["metadata"]["annotations"] = reason(json!("KeyCompromised"));
    create(&admin, &said).await.unwrap();
    assert_refused(patch(&agent, &own, annotated("RenewalAsked")).await, neither);
    let without = json!({ "metadata": { "annotations": reason(Value::Null) } });
    assert_refused(patch(&agent, &own, without.clone()).await, neither);
    assert_refused(delete(&agent, &own).await, "believed stolen and has no answer");
    patch(&agent, &own, json!({ "spec": { "csrData": "Q1NS" } })).await.unwrap();
    let refused = json!({ "computedStatus": { "state": "INVALID" } });
    patch_status(&hub, &own, refused).await.unwrap();
    assert_refused(delete(&agent, &own).await, "believed stolen and has no answer");
    patch_status(&hub, &own, json!({ "response": { "caCertificate": "Q0E=" } })).await.unwrap();
    delete(&agent, &own).await.unwrap();

    let mut mistaken = request(EAST, "agent.stolen.3", &spec());
    mistaken["metadata"]["annotations"] = reason(json!("KeyCompromised"));
    create(&admin, &mistaken).await.unwrap();
    patch(&admin, &mistaken, without).await.unwrap();
    let late = patch(&admin, &mistaken, annotated("KeyCompromised")).await;
    assert_refused(late, "is said by a new request");
}

#[tokio::test]
async fn an_agent_makes_no_object_large_enough_to_weigh_on_others() {
    let server = with_everything().await;
    let agent = server.agent(EAST).await;
    let mesh = |spec: Value, annotations: Value| {
        json!({
            "apiVersion": "discovery.zephyr.solo.io/v1alpha1",
            "kind": "Mesh",
            "metadata": { "name": "large", "namespace": EAST, "annotations": annotations },
            "spec": spec,
        })
    };
    let long = "x".repeat(2_049);
    let refused = create(&agent, &mesh(json!({}), json!({ "note": long }))).await;
    assert_refused(refused, "an agent writes at most 16 annotations");
    let many: serde_json::Map<String, Value> =
        (0..33).map(|number| (format!("note-{number}"), json!(""))).collect();
    let refused = create(&agent, &mesh(json!({}), json!(many))).await;
    assert_refused(refused, "an agent writes at most 16 annotations");
    let mut large = request(EAST, "large.demo.1", &spec());
    large["metadata"]["annotations"] = json!({ "note": "x".repeat(2_049) });
    assert_refused(create(&agent, &large).await, "an agent writes at most 16 annotations");
    let domain = json!({ "istio": { "citadelInfo": { "trustDomain": "x".repeat(256) } } });
    assert_refused(create(&agent, &mesh(domain, json!({}))).await, "255");
    create(&agent, &mesh(json!({}), json!({ "note": "short" }))).await.unwrap();
}

#[tokio::test]
async fn an_agent_writes_no_status_of_a_request_and_reads_no_secret() {
    let server = with_everything().await;
    let (agent, admin) = (server.agent(EAST).await, server.admin().await);
    let own = request(EAST, "agent.status.1", &json!({ "csrData": "Q1NS" }));
    create(&agent, &own).await.unwrap();
    assert_no_right(
        patch_status(&agent, &own, json!({ "computedStatus": { "state": "ACCEPTED" } })).await,
    );
    for namespace in [EAST, WEST, HUB.0] {
        let secret = secret(namespace);
        create(&admin, &secret).await.unwrap();
        assert_no_right(resource(&agent, &secret).get("root").await);
        assert_no_right(resource(&agent, &secret).list(&kube::api::ListParams::default()).await);
    }
}

#[tokio::test]
async fn an_agent_with_the_rights_of_an_administrator_is_still_held_to_its_namespace_and_decides_nothing()
 {
    let server = with_everything().await;
    let (admin, north) = (server.admin().await, "meshroot-cluster-north");
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": "north-is-mighty" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "kind": "ServiceAccount", "name": "meshroot-agent", "namespace": north }],
    });
    create(&admin, &binding).await.unwrap();
    let agent = server.agent(north).await;
    let result = create(&agent, &request(WEST, "north.1", &spec())).await;
    assert_refused(result, "in its own cluster's namespace only");
    assert_refused(create(&agent, &mesh_trust(north, "north")).await, "an agent writes its status");
    let (hub, record) = (server.hub().await, issuance_record(north, "north.1"));
    create(&hub, &record).await.unwrap();
    assert_refused(delete(&agent, &record).await, "never deleted by an agent");
    let foreign = mesh_trust(WEST, "foreign");
    create(&hub, &foreign).await.unwrap();
    let pickup = json!({ "pickup": "Confirmed" });
    assert_refused(
        patch_status(&agent, &foreign, pickup).await,
        "by the agent of its namespace only",
    );
    let own = request(north, "north.1", &json!({ "csrData": "Q1NS" }));
    create(&agent, &own).await.unwrap();
    let approval = json!({ "thirdPartyApproval": { "approvalStatus": "APPROVED" } });
    assert_refused(patch_status(&agent, &own, approval).await, "never by an agent");
    let state = json!({ "computedStatus": { "state": "ACCEPTED" } });
    assert_refused(
        patch_status(&agent, &own, state).await,
        "status.computedStatus is written by the hub only",
    );
}

#[tokio::test]
async fn an_administrator_creates_a_whole_request_but_adds_no_csr_to_another_one() {
    let server = with_everything().await;
    let admin = server.admin().await;
    create(&admin, &request(EAST, "admin.whole.1", &json!({ "csrData": "Q1NS" }))).await.unwrap();
    let without = request(EAST, "admin.without.1", &spec());
    create(&admin, &without).await.unwrap();
    let csr = json!({ "spec": { "csrData": "Q1NS" } });
    let result = patch(&admin, &without, csr.clone()).await;
    assert_refused(result, "spec.csrData is written by the agent of the request's namespace only");
    patch(&admin, &without, json!({ "metadata": { "labels": { "a": "b" } } })).await.unwrap();
    patch(&server.hub().await, &without, csr).await.unwrap();
}

#[tokio::test]
async fn a_status_that_comes_with_a_new_request_is_dropped() {
    let server = with_everything().await;
    let mut object = request(EAST, "admin.status.1", &json!({ "csrData": "Q1NS" }));
    object["status"] = json!({ "thirdPartyApproval": { "approvalStatus": "APPROVED" } });
    let stored = create(&server.agent(EAST).await, &object).await.unwrap();
    assert_eq!(stored.data.get("status"), None);
    let status = json!({ "status": { "response": { "caCertificate": "Q0E=" } } });
    let stored = patch(&server.admin().await, &object, status).await.unwrap();
    assert_eq!(stored.data.get("status"), None);
}

#[tokio::test]
async fn only_the_hub_answers_a_request() {
    let server = with_everything().await;
    let (admin, hub) = (server.admin().await, server.hub().await);
    let object = request(EAST, "answered.1", &json!({ "csrData": "Q1NS" }));
    create(&admin, &object).await.unwrap();
    for response in [json!({ "caCertificate": "Q0E=" }), json!({ "rootCertificate": "Q0E=" })] {
        let result = patch_status(&admin, &object, json!({ "response": response })).await;
        assert_refused(result, "status.response is written by the hub only");
    }
    for status in [json!({ "state": "ACCEPTED" }), json!({ "message": "all is well" })] {
        let result = patch_status(&admin, &object, json!({ "computedStatus": status })).await;
        assert_refused(result, "status.computedStatus is written by the hub only");
    }
    let status = json!({
        "response": { "caCertificate": "Q0E=", "rootCertificate": "Uk9PVA==" },
        "thirdPartyApproval": { "approvalStatus": "APPROVED", "lastUpdatedTime": "2026-01-01T00:00:00Z" },
        "computedStatus": { "state": "ACCEPTED", "message": "issued" },
    });
    patch_status(&hub, &object, status).await.unwrap();
    let result = patch_status(&admin, &object, json!({ "response": null })).await;
    assert_refused(result, "status.response is");
}

#[tokio::test]
async fn an_agent_renews_its_own_token_and_no_other() {
    use k8s_openapi::api::authentication::v1::TokenRequest;
    use k8s_openapi::api::core::v1::ServiceAccount;
    let server = with_everything().await;
    let agent = server.agent(EAST).await;
    let token = async |namespace: &str, name: &str| {
        let api: kube::Api<ServiceAccount> = kube::Api::namespaced(agent.clone(), namespace);
        api.create_token_request(name, &kube::api::PostParams::default(), &TokenRequest::default())
            .await
    };
    assert!(token(EAST, "meshroot-agent").await.unwrap().status.is_some());
    assert_no_right(token(WEST, "meshroot-agent").await);
    assert_no_right(token(HUB.0, HUB.1).await);
}

#[tokio::test]
async fn an_agents_token_lives_thirty_days_at_most() {
    use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
    use k8s_openapi::api::core::v1::ServiceAccount;
    let server = with_everything().await;
    let api: kube::Api<ServiceAccount> = kube::Api::namespaced(server.agent(EAST).await, EAST);
    let token = async |seconds| {
        let spec = TokenRequestSpec { expiration_seconds: Some(seconds), ..Default::default() };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        api.create_token_request("meshroot-agent", &kube::api::PostParams::default(), &request)
            .await
    };
    assert!(token(2_592_000).await.unwrap().status.is_some());
    for long in [2_592_001, 4_294_967_296] {
        assert_refused(token(long).await, "lives 30 days");
    }
}
