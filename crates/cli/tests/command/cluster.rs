use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{GetParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource};
use meshroot_api::{Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_runtime::kube::connect::{SharedToken, connect_with_token};
use meshroot_runtime::process::clock;
use meshroot_testkit::{ApiServer, api_server, wait};
use serde_json::{Value, json};

use crate::program::{Answer, has, run};
use crate::stage::{Hub, file, hub};

/// A kubeconfig with the hub and a cluster, as people have it.
struct Contexts {
    _directory: tempfile::TempDir,
    path: std::path::PathBuf,
}

impl Contexts {
    fn new(servers: &[(&str, &ApiServer)]) -> Self {
        let mut merged = json!({ "clusters": [], "users": [], "contexts": [] });
        for (name, server) in servers {
            let one: Value =
                serde_json::from_str(&server.kubeconfig(server.admin_token(), name)).unwrap();
            for list in ["clusters", "users", "contexts"] {
                merged[list].as_array_mut().unwrap().extend(one[list].as_array().unwrap().clone());
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let path = file(&directory, "kubeconfig", merged.to_string());
        Self { _directory: directory, path }
    }

    fn run(&self, arguments: &[&str]) -> Answer {
        run(Some(&self.path), arguments)
    }

    fn join(&self, name: &str, context: &str, more: &[&str]) -> Answer {
        self.run(
            &[&["cluster", "join", name, "--hub-context", "hub", "--context", context], more]
                .concat(),
        )
    }
}

async fn credentials(cluster: &ApiServer) -> Option<std::collections::BTreeMap<String, String>> {
    let api: Api<Secret> = Api::namespaced(cluster.admin_client().await.unwrap(), "meshroot-agent");
    let secret = api.get_opt("meshroot-hub-credentials").await.unwrap()?;
    let text = |(key, value): (String, k8s_openapi::ByteString)| {
        (key, String::from_utf8(value.0).unwrap())
    };
    Some(secret.data.unwrap().into_iter().map(text).collect())
}

/// What a client with the credentials that were handed out may do.
async fn list_requests(cluster: &ApiServer, namespace: &str) -> Result<(), u16> {
    let credentials = credentials(cluster).await.unwrap();
    let token = SharedToken::new(credentials["token"].clone());
    let client =
        connect_with_token(&credentials["server"], credentials["ca.crt"].as_bytes(), token, "test")
            .unwrap();
    let api: Api<Request> = Api::namespaced(client, namespace);
    match api.list(&ListParams::default()).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) => Err(status.code),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_cluster_joins_is_listed_and_leaves() {
    let hub = hub().await;
    let east = api_server::cluster("east").await.unwrap();
    east.create_namespace("istio-system").await.unwrap();
    let contexts = Contexts::new(&[("hub", hub.server), ("east", &east)]);

    let dry = contexts.join("joined", "east", &["--dry-run"]).yes();
    has(
        &dry,
        &[
            "would create Namespace meshroot-cluster-joined",
            "would create ResourceQuota meshroot-cluster-joined/meshroot-agent",
            "nothing was written",
        ],
    );
    assert!(credentials(&east).await.is_none());
    let namespaces: Api<Namespace> = Api::all(hub.admin.clone());
    assert!(namespaces.get_opt("meshroot-cluster-joined").await.unwrap().is_none());

    let told = contexts.join("joined", "east", &["--token-lifetime", "2h"]).yes();
    has(
        &told,
        &[
            "created     Namespace meshroot-cluster-joined",
            "created     KubernetesCluster meshroot-system/joined",
            "created     ResourceQuota meshroot-cluster-joined/meshroot-agent",
            "created     Secret meshroot-agent/meshroot-hub-credentials",
            "created     Deployment meshroot-agent/meshroot-agent",
            "kind: VirtualMesh",
            "- { name: istio-istio-system-joined, namespace: meshroot-cluster-joined }",
            "note: the agent will call https://127.0.0.1",
        ],
    );
    let token = credentials(&east).await.unwrap()["token"].clone();
    assert!(!told.contains(&token));
    assert_eq!(list_requests(&east, "meshroot-cluster-joined").await, Ok(()));
    assert_eq!(list_requests(&east, "meshroot-cluster-other").await, Err(403));

    let quotas: Api<ResourceQuota> = Api::namespaced(hub.admin.clone(), "meshroot-cluster-joined");
    let meshes = "count/meshes.discovery.zephyr.solo.io";
    let raised = json!({ "spec": { "hard": { meshes: "500" } } });
    quotas.patch("meshroot-agent", &PatchParams::default(), &Patch::Merge(&raised)).await.unwrap();
    let again = contexts.join("joined", "east", &[]).yes();
    let kept = quotas.get("meshroot-agent").await.unwrap().spec.unwrap().hard.unwrap();
    assert_eq!(kept[meshes].0, "500", "who raised a limit keeps it");
    has(
        &again,
        &[
            "unchanged   Namespace meshroot-cluster-joined",
            "kept        ResourceQuota meshroot-cluster-joined/meshroot-agent",
            "changed     Secret meshroot-agent/meshroot-hub-credentials",
        ],
    );
    assert!(!again.contains("  created"), "{again}");
    assert_eq!(credentials(&east).await.unwrap()["cluster"], "joined");

    listed_and_gone(&hub, &contexts, &east).await;
}

#[tokio::test]
async fn the_hubs_ca_is_read_as_other_files_of_people_are() {
    let hub = hub().await;
    let east = api_server::cluster("east").await.unwrap();
    east.create_namespace("istio-system").await.unwrap();
    let contexts = Contexts::new(&[("hub", hub.server), ("east", &east)]);
    let directory = tempfile::tempdir().unwrap();
    let join = |name: &str, content: String| {
        let file = file(&directory, name, content);
        contexts.join("read", "east", &["--dry-run", "--hub-ca", file.to_str().unwrap()])
    };
    let ca = hub.server.ca_pem();
    join("text.pem", format!("the CA of the hub\n{}", ca.replace("-----\n", "----- \n"))).yes();
    has(&join("empty.pem", String::new()).no(1), &["empty.pem", "no PEM block was found"]);
    let key = meshroot_pki::PrivateKey::generate(meshroot_pki::KeyKind::EcdsaP256).unwrap();
    let refused = join("key.pem", format!("{ca}{}", *key.to_pkcs8_pem())).no(1);
    has(&refused, &["key.pem", "private key", "meshroot inspect"]);
}

async fn listed_and_gone(hub: &Hub, contexts: &Contexts, east: &ApiServer) {
    let list = || contexts.run(&["cluster", "list", "--context", "hub"]).yes();
    let row = |text: &str| text.lines().find(|line| line.starts_with("joined")).unwrap().to_owned();
    has(&row(&list()), &["never   ", "never heard"]);
    heartbeat(hub, "meshroot-cluster-joined").await;
    has(&row(&list()), &["s ago", "agent-1", "ok"]);

    let gone = contexts.run(&["cluster", "leave", "joined", "--context", "hub"]).yes();
    has(
        &gone,
        &[
            "deleted ServiceAccount meshroot-cluster-joined/meshroot-agent",
            "deleted Lease meshroot-cluster-joined/meshroot-agent",
            "deleted ResourceQuota meshroot-cluster-joined/meshroot-agent",
            "its tokens end within seconds",
            "what stays",
            "kubectl delete namespace",
        ],
    );
    void(east, "meshroot-cluster-joined").await;
    has(
        &contexts.run(&["cluster", "leave", "joined", "--context", "hub"]).yes(),
        &["had no credentials"],
    );
    has(
        &contexts.run(&["cluster", "leave", "nobody", "--context", "hub"]).no(1),
        &["no cluster nobody takes part"],
    );
}

/// Go knows times up to the end of the year 9999, jiff up to 26 hours before it.
#[tokio::test]
async fn an_object_that_our_types_cannot_hold_spoils_no_list_of_people() {
    let hub = hub().await;
    let place = hub.place("odd").await;
    let meshes = kube::core::Request::new(Mesh::url_path(&(), Some(&place.namespace)));
    let read = meshes.get(&place.mesh, &GetParams::default()).unwrap();
    let mut mesh: Value = place.agent.request(read).await.unwrap();
    let managed = &mut mesh["metadata"]["managedFields"][0];
    managed["time"] = "9999-12-31T12:00:00Z".into();
    managed["manager"] = "another".into();
    // Where nothing else changes, the server leaves them as they were.
    mesh["metadata"]["annotations"] = json!({ "changed": "yes" });
    let body = mesh.to_string().into_bytes();
    let write = meshes.replace(&place.mesh, &PostParams::default(), body).unwrap();
    let written: Value = place.agent.request(write).await.unwrap();
    assert!(written["metadata"]["managedFields"].to_string().contains("9999-"), "{written}");
    for command in
        [&["cluster", "list"][..], &["get", "mesh", "-A"], &["describe", "mesh", &place.mesh]]
    {
        hub.run(command).yes();
    }
}

/// Waits until the credentials are refused: the server remembers for some seconds that a token was good.
async fn void(cluster: &ApiServer, namespace: &str) {
    let refused = async || {
        let answer = list_requests(cluster, namespace).await;
        anyhow::ensure!(answer == Err(401), "{answer:?}");
        Ok(())
    };
    wait::until("the token is void", wait::LIMIT, refused).await.unwrap();
}

async fn heartbeat(hub: &Hub, namespace: &str) {
    let mut lease = Lease {
        spec: Some(LeaseSpec {
            holder_identity: Some("agent-1".to_owned()),
            renew_time: Some(MicroTime(clock::now() - SignedDuration::from_secs(2))),
            ..LeaseSpec::default()
        }),
        ..Lease::default()
    };
    lease.metadata.name = Some("meshroot-agent".to_owned());
    let api: Api<Lease> = Api::namespaced(hub.admin.clone(), namespace);
    api.create(&PostParams::default(), &lease).await.unwrap();
}

#[tokio::test]
async fn a_name_belongs_to_one_cluster_and_a_cluster_has_one_name() {
    let hub = hub().await;
    let (one, other) =
        (api_server::cluster("one").await.unwrap(), api_server::cluster("other").await.unwrap());
    for cluster in [&one, &other] {
        cluster.create_namespace("istio-system").await.unwrap();
    }
    let contexts = Contexts::new(&[("hub", hub.server), ("one", &one), ("other", &other)]);
    contexts.join("taken", "one", &[]).yes();
    let text = contexts.join("taken", "other", &[]).no(1);
    has(&text, &["belongs to another cluster", "annotation meshroot.dev/cluster-uid", "--replace"]);
    let text = contexts.join("renamed", "one", &[]).no(1);
    has(&text, &["has joined as taken already", "--replace"]);
    assert_eq!(list_requests(&one, "meshroot-cluster-taken").await, Ok(()));
    has(&contexts.join("taken", "other", &["--replace"]).yes(), &["deleted     ServiceAccount"]);
    void(&one, "meshroot-cluster-taken").await;
    assert_eq!(list_requests(&other, "meshroot-cluster-taken").await, Ok(()));
    let told = contexts.join("renamed", "one", &["--replace"]).yes();
    has(&told, &["its place as taken is left on the hub"]);
    assert_eq!(credentials(&one).await.unwrap()["cluster"], "renamed");
}

#[tokio::test]
async fn a_join_that_cannot_succeed_writes_nothing() {
    let hub = hub().await;
    let cluster = api_server::cluster("unready").await.unwrap();
    let contexts = Contexts::new(&[("hub", hub.server), ("unready", &cluster)]);
    has(
        &contexts.join("unready", "unready", &[]).no(1),
        &["has no Namespace istio-system", "--mesh-namespace"],
    );
    let namespaces: Api<Namespace> = Api::all(hub.admin.clone());
    assert!(namespaces.get_opt("meshroot-cluster-unready").await.unwrap().is_none());

    let bare = ["cluster", "join", "x", "--hub-context", "unready", "--context", "hub"];
    has(&contexts.run(&bare).no(1), &["the hub is not installed", "meshroot install"]);
    has(&contexts.join("East", "unready", &[]).no(2), &["cannot be the name of a cluster"]);
    has(&contexts.run(&["cluster", "join", "x"]).no(2), &["which is the hub"]);
    has(
        &contexts.join("x", "unready", &["--hub-server", "http://hub"]).no(2),
        &["https://HOST:PORT"],
    );
    assert_eq!(contexts.join("x", "unready", &["--token-lifetime", "soon"]).code, 2);
}
