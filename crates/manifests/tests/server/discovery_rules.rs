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
async fn a_trust_domain_that_peers_cannot_read_is_refused() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let istio = |domain: &str| json!({ "istio": { "citadelInfo": { "trustDomain": domain } } });
    let linkerd = |domain: &str| json!({ "linkerd": { "clusterDomain": domain } });
    for (number, domain) in ["", "cluster.local", "corp_1.example", "10.0.0.1"].iter().enumerate() {
        create(&client, &mesh(&format!("domain-{number}"), &istio(domain))).await.unwrap();
        create(&client, &mesh(&format!("linkerd-{number}"), &linkerd(domain))).await.unwrap();
    }
    for domain in ["cluster.local.", ".local", "a..b", "Corp.example", "a/b", "a:1", "ü.example"] {
        let result = create(&client, &mesh("domain", &istio(domain))).await;
        assert_refused(result, "spec.istio.citadelInfo.trustDomain");
        let result = create(&client, &mesh("domain", &linkerd(domain))).await;
        assert_refused(result, "joined by single dots");
    }
}

#[tokio::test]
async fn a_host_that_peers_cannot_read_is_refused_with_its_place() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let policy = |name: &str, hosts: &Value| {
        let spec = json!({ "virtualMeshRef": { "name": name }, "hosts": { "allow": hosts } });
        object("meshroot.dev", "TrustPolicy", name, &spec)
    };
    let taken = [
        "istiod.istio-system.svc",
        "Api.Example",
        "10.0.0.1",
        "2001:db8::1",
        "spiffe://cluster.local/ns/a/sa/b",
        "spiffe://a",
        "https://a.example:8443/x?y=%20#z",
        "https://u:p%20@10.0.0.1:80",
        "https://[fd00::1]:80/[x]",
        "x+y://a_b.c,d'e?",
        "urn-like://a/b%20c",
    ];
    for host in taken {
        assert!(host.parse::<meshroot_pki::Host>().is_ok(), "{host}");
    }
    create(&client, &policy("taken", &json!(taken))).await.unwrap();
    let too_long_label = format!("{}.a", "a".repeat(64));
    let too_long_name = format!("{}a", "a.".repeat(127));
    for host in [
        "",
        "a..b",
        ".a",
        "a.",
        "*.a",
        "a b",
        "-a",
        "a_b",
        "spiffe://a./x",
        "spiffe://a..b/x",
        "spiffe:///x",
        "spiffe://a/../b",
        "spiffe://a//b",
        "spiffe://A/x",
        "spiffe://a:1/x",
        "https://a/%zz",
        "https://a%2/x",
        "https:///x",
        "HTTPS://a/x",
        "https://a..b/x",
        "https://.a",
        "https://a.:443",
        "https://a b/",
        "https://a/b c",
        "https://a/\n",
        "https://é/",
        "https://a:b/",
        "https://[fd00::1/",
        "https://a%20b/",
        "1.2.3",
        "a.010",
        &too_long_label,
        &too_long_name,
    ] {
        assert!(host.parse::<meshroot_pki::Host>().is_err(), "{host}");
        let result = create(&client, &policy("refused", &json!(["a.example", host]))).await;
        assert_refused(result, "spec.hosts.allow[1]");
    }
}

#[tokio::test]
async fn a_policy_as_it_was_spelled_before_is_taken() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let spec = json!({
        "virtualMeshRef": { "name": "former" }, "adopt": "ALWAYS", "restart": "AUTOMATIC",
        "approval": { "mode": "THIRD_PARTY" }, "intermediate": { "renewAt": 0.5 },
    });
    let stored =
        create(&client, &object("meshroot.dev", "TrustPolicy", "former", &spec)).await.unwrap();
    let read: meshroot_api::policy::TrustPolicySpec =
        serde_json::from_value(stored.data["spec"].clone()).unwrap();
    assert_eq!(read.approval.mode, meshroot_api::policy::ApprovalMode::ThirdParty);
    assert_eq!(read.intermediate.renew_at_percent(), 50);
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
    patch(&client, &policy, json!({ "spec": { "approval": { "mode": "ThirdParty" } } }))
        .await
        .unwrap();
    let result =
        patch(&client, &policy, json!({ "spec": { "virtualMeshRef": { "name": "other" } } })).await;
    assert_refused(result, "spec.virtualMeshRef never changes");
    let result =
        patch(&client, &policy, json!({ "spec": { "intermediate": { "renewAtPercent": 100 } } }))
            .await;
    assert_refused(result, "spec.intermediate.renewAtPercent");
}

#[tokio::test]
async fn the_spec_of_an_issuance_record_never_changes() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let record = issuance_record(EAST, "mesh.demo.1");
    create(&client, &record).await.unwrap();
    let result =
        patch(&client, &record, json!({ "spec": { "decision": { "verdict": "Approved" } } })).await;
    assert_refused(result, "an issuance record never changes");
}
