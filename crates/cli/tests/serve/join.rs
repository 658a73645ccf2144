//! A workload cluster takes part in a hub of `meshroot serve`.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, Secret};
use kube::api::{ListParams, PostParams};
use kube::config::Kubeconfig;
use kube::{Api, Client};
use meshroot_api::discovery::MeshSpec;
use meshroot_api::{Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_runtime::kube::connect::{SharedToken, connect_with_token};
use meshroot_runtime::kube::write::create_if_absent;
use meshroot_runtime::process::options::ProcessOptions;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;
use meshroot_testkit::{Directory, wait};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::program::{has, run};
use crate::server::{API_ONLY, Served, WHOLE, client, token};

const SYSTEM: &str = "meshroot-system";
const AGENT: &str = "meshroot-agent";

async fn create<K>(api: Api<K>, object: Value)
where
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    let object = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// What an Istio installation leaves.
async fn istio(cluster: &Client) {
    create::<Namespace>(
        Api::all(cluster.clone()),
        json!({ "metadata": { "name": "istio-system" } }),
    )
    .await;
    let labels = json!({ "app": "istiod", "istio.io/rev": "default" });
    let container = json!({ "name": "discovery", "image": "istio/pilot:1.31.0" });
    let deployment = json!({
        "metadata": { "name": "istiod", "labels": labels },
        "spec": {
            "selector": { "matchLabels": { "app": "istiod" } },
            "template": {
                "metadata": { "labels": { "app": "istiod" } },
                "spec": { "serviceAccountName": "istiod", "containers": [container] },
            },
        },
    });
    create::<Deployment>(Api::namespaced(cluster.clone(), "istio-system"), deployment).await;
}

/// A client with the credentials that were handed out.
async fn handed_out(cluster: &Client) -> Client {
    let secrets: Api<Secret> = Api::namespaced(cluster.clone(), AGENT);
    let data = secrets.get("meshroot-hub-credentials").await.unwrap().data.unwrap();
    let text = |name: &str| String::from_utf8(data[name].0.clone()).unwrap();
    let token = SharedToken::new(text("token"));
    connect_with_token(&text("server"), text("ca.crt").as_bytes(), token, "test").unwrap()
}

async fn list(client: &Client, namespace: &str) -> Result<usize, u16> {
    let requests: Api<Request> = Api::namespaced(client.clone(), namespace);
    match requests.list(&ListParams::default()).await {
        Ok(list) => Ok(list.items.len()),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(error) => panic!("{error}"),
    }
}

fn options() -> meshroot_agent::Options {
    meshroot_agent::Options {
        cluster: Some("east".to_owned()),
        namespace: AGENT.to_owned(),
        restart: Vec::new(),
        istiod: Vec::new(),
        lease_duration: Duration::from_secs(6),
        process: ProcessOptions::within("agent-1"),
    }
}

#[tokio::test]
async fn a_cluster_joins_and_its_agent_works_within_its_own_namespace() {
    let directory = Directory::create("join").unwrap();
    let (hub, east) = (directory.join("hub"), directory.join("east"));
    let (hub, east) = tokio::join!(Served::start(&hub, WHOLE), Served::start(&east, API_ONLY));
    let (admin, local) = (hub.client().await, east.client().await);
    istio(&local).await;
    let path = directory
        .write("east.kubeconfig", east.kubeconfig_for(&east.admin_token(), "east"))
        .unwrap();
    let contexts = std::env::join_paths([hub.kubeconfig(), path]).unwrap();
    let told = run(
        Some(contexts.as_ref()),
        &["cluster", "join", "east", "--hub-context", "meshroot", "--context", "east"],
    )
    .yes();
    has(
        &told,
        &[
            "created     Secret meshroot-agent/meshroot-hub-credentials",
            "note: the agent will call https://127",
        ],
    );

    let agent = handed_out(&local).await;
    assert_eq!(list(&agent, "meshroot-cluster-east").await, Ok(0));
    assert_eq!(list(&agent, "meshroot-cluster-west").await, Err(403));
    assert_eq!(list(&agent, SYSTEM).await, Err(403));

    works(&east, &admin).await;
    has_limits(&admin, &agent).await;
    let row = run(Some(&hub.kubeconfig()), &["cluster", "list"]).yes();
    has(&row, &["east", "s ago", "ok"]);
}

/// The agent runs as its ServiceAccount, finds the mesh and tells the hub; then it ends.
async fn works(east: &Served, hub: &Client) {
    let account = token(&east.client().await, AGENT, "meshroot-agent").await;
    let local = client(&Kubeconfig::from_yaml(&east.kubeconfig_for(&account, "agent")).unwrap())
        .await
        .unwrap();
    let (telemetry, shutdown) = (Telemetry::new("meshroot-agent", "test"), Shutdown::manual());
    let options = options();
    let found = async {
        let meshes: Api<Mesh> = Api::namespaced(hub.clone(), "meshroot-cluster-east");
        let there = async || Ok(meshes.get("istio-istio-system-east").await.map(drop)?);
        wait::until("the agent finds the mesh", wait::LIMIT, there).await.unwrap();
        shutdown.trigger();
    };
    let (worked, ()) =
        tokio::join!(meshroot_agent::work(local, &options, &telemetry, &shutdown), found);
    worked.unwrap();
}

/// The quota of the cluster's namespace is in force, and says what to do.
async fn has_limits(admin: &Client, agent: &Client) {
    const MESHES: &str = "count/meshes.discovery.zephyr.solo.io";
    let home = "meshroot-cluster-east";
    let quotas: Api<ResourceQuota> = Api::namespaced(admin.clone(), home);
    let counted = async || {
        let used = quotas.get("meshroot-agent").await?.status.and_then(|status| status.used);
        let used = used.and_then(|mut used| used.remove(MESHES));
        anyhow::ensure!(used.as_ref().is_some_and(|used| used.0 == "1"), "{used:?}");
        Ok(())
    };
    wait::until("the Mesh is counted", wait::LIMIT, counted).await.unwrap();
    let meshes: Api<Mesh> = Api::namespaced(agent.clone(), home);
    let made = (0..110).map(|number| {
        let mesh = Mesh::new(&format!("m{number}"), MeshSpec::default());
        let meshes = meshes.clone();
        async move { create_if_absent(&meshes, &mesh).await }
    });
    let answers = futures::future::join_all(made).await;
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!((answers.len(), refused.len()), (110, 11));
    for error in refused {
        assert!(error.is_over_quota(), "{error}");
        let said = ["exceeded quota: meshroot-agent", "used: count/meshes", "raise spec.hard"];
        has(&error.to_string(), &said);
    }
}
