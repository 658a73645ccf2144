//! What runs in a workload cluster and on the hub.

use meshroot_manifests::{self as manifests, AgentCredentials, Reach};
use serde_json::{Value, json};

use meshroot_testkit::tools;

use crate::setup::{
    apply, assert_no_right, create, delete, patch, resource, with_definitions, with_everything,
};

const RESTRICTED: &str = "restricted";

fn secret(namespace: &str, name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace } })
}

#[tokio::test]
async fn hub_and_agent_pods_meet_the_restricted_pod_security_standard() {
    let server = with_definitions().await;
    let client = server.admin().await;
    let mut namespace = manifests::namespace(RESTRICTED);
    namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = json!("restricted");
    apply(&client, &namespace).await.unwrap();
    let hub = manifests::hub_deployment(RESTRICTED, "registry.example/meshroot:1");
    for object in &hub {
        apply(&client, object).await.unwrap();
    }
    let agent = manifests::agent_deployment("east", "registry.example/meshroot:1", &[]);
    for deployment in [&hub[0], &agent] {
        let template = &deployment["spec"]["template"];
        let pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": { "name": deployment["metadata"]["name"], "namespace": RESTRICTED },
            "spec": template["spec"],
        });
        create(&client, &pod).await.unwrap();
    }
}

#[tokio::test]
async fn an_agent_writes_keys_at_home_and_cacerts_in_the_mesh_and_no_other_secret() {
    let server = with_definitions().await;
    let admin = server.admin().await;
    apply(&admin, &manifests::namespace("istio-system")).await.unwrap();
    for object in
        manifests::agent_cluster_objects("east", "registry.example/meshroot:1", Reach::default())
    {
        apply(&admin, &object).await.unwrap();
    }
    // Applying everything again changes nothing and is refused by nobody.
    for object in
        manifests::agent_cluster_objects("east", "registry.example/meshroot:1", Reach::default())
    {
        apply(&admin, &object).await.unwrap();
    }
    let agent = server.user(("meshroot-agent", "meshroot-agent")).await;
    let change = json!({ "stringData": { "a": "b" } });
    for object in [secret("meshroot-agent", "any-key"), secret("istio-system", "cacerts")] {
        create(&agent, &object).await.unwrap();
        patch(&agent, &object, change.clone()).await.unwrap();
        delete(&agent, &object).await.unwrap();
    }
    // The CA that istiod made for itself goes on from `cacerts` while the mesh is taken over.
    let foreign = secret("istio-system", "istio-ca-secret");
    create(&admin, &foreign).await.unwrap();
    resource(&agent, &foreign).get("istio-ca-secret").await.unwrap();
    let other = secret("istio-system", "other");
    create(&admin, &other).await.unwrap();
    assert_no_right(resource(&agent, &other).get("other").await);
    assert_no_right(patch(&agent, &foreign, change).await);
    assert_no_right(resource(&agent, &foreign).list(&kube::api::ListParams::default()).await);
    assert_no_right(create(&agent, &secret("default", "cacerts")).await);
}

#[tokio::test]
async fn an_agent_restarts_what_is_in_the_mesh_namespace_only() {
    let server = with_definitions().await;
    let admin = server.admin().await;
    let reach =
        Reach { mesh_namespaces: &["istio-canary".to_owned()], restart: &["istiod".to_owned()] };
    for object in manifests::agent_rbac(reach) {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
        server.api.create_namespace(namespace).await.unwrap();
        apply(&admin, &object).await.unwrap();
    }
    let agent = server.user(("meshroot-agent", "meshroot-agent")).await;
    let restart = json!({ "spec": { "template": { "metadata": { "annotations": {
        meshroot_api::names::RESTARTED_AT_ANNOTATION: "2026-01-01T00:00:00Z",
    } } } } });
    let deployment = |namespace: &str| {
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": "istiod", "namespace": namespace },
            "spec": {
                "selector": { "matchLabels": { "app": "istiod" } },
                "template": {
                    "metadata": { "labels": { "app": "istiod" } },
                    "spec": { "containers": [{ "name": "discovery", "image": "registry.example/istiod:1" }] },
                },
            },
        })
    };
    for namespace in ["istio-canary", "default"] {
        create(&admin, &deployment(namespace)).await.unwrap();
        resource(&agent, &deployment(namespace)).get("istiod").await.unwrap();
    }
    patch(&agent, &deployment("istio-canary"), restart.clone()).await.unwrap();
    assert_no_right(patch(&agent, &deployment("default"), restart).await);
}

#[tokio::test]
async fn the_credentials_are_a_secret_that_the_server_takes() {
    let server = with_definitions().await;
    server.api.create_namespace("meshroot-agent").await.unwrap();
    let credentials = AgentCredentials {
        cluster: "east",
        server: "https://hub.example:6443",
        ca_pem: "PEM",
        token: "T",
    };
    let stored = apply(&server.admin().await, &credentials.secret()).await.unwrap();
    assert_eq!(stored.data["data"]["token"], json!("VA=="));
    assert_eq!(stored.data["data"]["server"], json!("aHR0cHM6Ly9odWIuZXhhbXBsZTo2NDQz"));
}

#[tokio::test]
async fn kubectl_applies_everything_under_deploy() {
    let server = with_everything().await;
    for namespace in ["istio-system", "meshroot-agent", "service-mesh-hub"] {
        server.api.create_namespace(namespace).await.unwrap();
    }
    let cache = tempfile::tempdir().unwrap();
    for directory in ["crds", "policies", "rbac"] {
        let mut kubectl = tokio::process::Command::new(tools::path("kubectl").unwrap());
        kubectl
            .args([
                "apply",
                "--server-side",
                "--force-conflicts",
                "--dry-run=server",
                "--validate=strict",
                "--filename",
            ])
            .arg(tools::workspace().join("deploy").join(directory))
            .arg("--kubeconfig")
            .arg(server.api.kubeconfig_path())
            .arg("--cache-dir")
            .arg(cache.path());
        let output = kubectl.output().await.unwrap();
        let (said, warned) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && warned.is_empty(), "{directory}: {said}{warned}");
    }
}
