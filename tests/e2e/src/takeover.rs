//! Two meshes with roots of their own join a virtual mesh, while workloads of each shake hands without a pause.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::binary::RECONCILIATIONS;
use meshroot_testkit::fleet::{
    HubApi, MESH_NAMESPACE, SYSTEM_NAMESPACE, cluster_namespace, mesh_name,
};
use meshroot_testkit::{Directory, Fleet, IstiodOptions, openssl, tools};
use serde_json::Value;
use tokio::time::Instant;

use crate::progress::Progress;
use crate::rotation::{CLUSTERS, LEAF, configure, restart_where_asked, restarted};
use crate::scenario::VIRTUAL_MESH;
use crate::workloads::Workloads;

/// How long it may take.
const LIMIT: Duration = Duration::from_mins(6);

/// East signs by itself and takes a restart for each change of its trust anchors; west has a `cacerts` that somebody made,
/// and follows changes while it runs.
pub(crate) async fn run(progress: &mut Progress, hub: HubApi) -> Result<()> {
    tools::check(&["etcd", "kube-apiserver", "kubectl", "pilot-discovery"])?;
    progress.title("Two istiods with roots of their own, whose workloads trust their own cluster");
    let mut fleet = Fleet::prepare_audited(hub, &CLUSTERS).await?;
    provide_cacerts(&fleet, "west").await?;
    for (cluster, multi_root) in [("east", false), ("west", true)] {
        configure(&fleet, cluster, multi_root)?;
        let options = IstiodOptions {
            cluster_id: cluster.to_owned(),
            multi_root,
            leaf_lifetime: Some(LEAF),
            ..IstiodOptions::default()
        };
        fleet.start_istiod_with(cluster, options).await?;
    }
    let mut workloads = Workloads::start(&fleet, &CLUSTERS, LEAF).await?;
    workloads.apart = true;
    workloads.turn(&fleet).await?;
    fleet.start_hub(&[RECONCILIATIONS]).await?;
    for cluster in CLUSTERS {
        fleet.start_agent(cluster, &[]).await?;
    }
    let mut restarted_for = restarted(&fleet)?;
    progress.title("Both join: each goes on with its own CA until its workloads trust both roots");
    fleet.kubectl("hub", &["apply", "-f", "-"], Some(&format!("{POLICY}---{VIRTUAL_MESH}")))?;
    let both = CLUSTERS.map(|cluster| (cluster, "demo"));
    let so_often =
        until_loaded(progress, &mut fleet, &mut workloads, &mut restarted_for, &both).await?;
    ensure!(so_often == 2, "east takes two restarts, west none; there were {so_often}");
    progress.title("Now the workloads of each take those of the other");
    workloads.apart = false;
    turns(progress, &fleet, &mut workloads).await?;
    progress.title("East goes back to its own root, by a virtual mesh that has it");
    workloads.apart = true;
    give_back(&fleet)?;
    let so_often =
        until_loaded(progress, &mut fleet, &mut workloads, &mut restarted_for, &[("east", "home")])
            .await?;
    ensure!(so_often == 2, "each change of trust anchors takes a restart; there were {so_often}");
    // As `meshroot cluster leave` ends it.
    drop(fleet.cluster_mut("east")?.agent.take());
    fleet.kubectl("east", &["-n", MESH_NAMESPACE, "delete", "secret", "cacerts"], None)?;
    fleet.cluster_mut("east")?.istiod.as_mut().context("istiod runs")?.restart().await?;
    turns(progress, &fleet, &mut workloads).await?;
    Ok(())
}

/// Lets workloads take each other until their certificates were renewed twice.
async fn turns(progress: &mut Progress, fleet: &Fleet, workloads: &mut Workloads) -> Result<()> {
    let before = workloads.handshakes;
    let until = Instant::now() + LEAF * 2;
    while Instant::now() < until {
        workloads.turn(fleet).await?;
    }
    progress.done(&format!("{} handshakes, none refused", workloads.handshakes - before));
    Ok(())
}

/// Lets workloads take each other until each mesh has all that its virtual mesh tells; how many istiods were restarted.
async fn until_loaded(
    progress: &mut Progress,
    fleet: &mut Fleet,
    workloads: &mut Workloads,
    restarted_for: &mut BTreeMap<String, String>,
    meshes: &[(&str, &str)],
) -> Result<usize> {
    let (began, before, mut so_often) = (Instant::now(), workloads.handshakes, 0);
    let mut said = BTreeMap::new();
    loop {
        workloads.turn(fleet).await?;
        so_often += restart_where_asked(fleet, restarted_for).await?;
        let mut are_done = true;
        for (cluster, virtual_mesh) in meshes {
            let trust = fleet.object(&cluster_namespace(cluster), "meshtrust", &mesh_name(cluster));
            let Ok(trust) = trust else {
                are_done = false;
                continue;
            };
            tell(progress, &mut said, cluster, &trust);
            let installed = trust["status"]["installed"].as_str().unwrap_or_default();
            are_done &= trust["status"]["conditions"][0]["reason"] == "Loaded"
                && installed.contains(&format!(".{virtual_mesh}."))
                && trust["status"]["observedGeneration"] == trust["metadata"]["generation"];
        }
        if are_done {
            break;
        }
        ensure!(began.elapsed() < LIMIT, "it takes too long");
    }
    progress.done(&format!(
        "{} handshakes, none refused; {so_often} restarts; {} s",
        workloads.handshakes - before,
        began.elapsed().as_secs()
    ));
    Ok(so_often)
}

/// The CA that istiod made for itself becomes the root of a virtual mesh, which its mesh moves to.
fn give_back(fleet: &Fleet) -> Result<()> {
    let own = fleet.object_in("east", MESH_NAMESPACE, "secret", "istio-ca-secret")?;
    let secret = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": "east-root", "namespace": SYSTEM_NAMESPACE },
        "data": { "root-cert.pem": own["data"]["ca-cert.pem"], "key.pem": own["data"]["ca-key.pem"] },
    });
    fleet.kubectl("hub", &["apply", "-f", "-"], Some(&secret.to_string()))?;
    fleet.kubectl("hub", &["apply", "-f", "-"], Some(HOME))?;
    let rest = r#"{"spec":{"meshes":[{"name":"istio-istio-system-west","namespace":"meshroot-cluster-west"}]}}"#;
    let words =
        ["-n", SYSTEM_NAMESPACE, "patch", "virtualmesh", "demo", "--type=merge", "-p", rest];
    fleet.kubectl("hub", &words, None)?;
    Ok(())
}

/// Prints what an agent says of its mesh, once.
fn tell(
    progress: &mut Progress,
    said: &mut BTreeMap<String, String>,
    cluster: &str,
    trust: &Value,
) {
    let message = trust["status"]["message"].as_str().unwrap_or_default();
    if said.insert(cluster.to_owned(), message.to_owned()).as_deref() != Some(message) {
        progress.done(&format!("{cluster}: {message}"));
    }
}

/// Somebody's own root and an intermediate of it, as Istio documents it.
async fn provide_cacerts(fleet: &Fleet, cluster: &str) -> Result<()> {
    let directory = Directory::create("own-root")?;
    let path = directory.path();
    let run = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        openssl::run(path, &words).with_context(|| words.join(" "))
    };
    run(
        "req -x509 -newkey rsa:2048 -nodes -keyout root-key.pem -out root-cert.pem -subj /O=Own/CN=Root -days 365 -addext keyUsage=critical,keyCertSign",
    )?;
    run(
        "req -new -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.csr -subj /O=Own/CN=Intermediate",
    )?;
    directory.write("extensions", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")?;
    run(
        "x509 -req -in ca.csr -CA root-cert.pem -CAkey root-key.pem -CAcreateserial -days 90 -extfile extensions -out ca-cert.pem",
    )?;
    std::fs::copy(path.join("ca-cert.pem"), path.join("cert-chain.pem"))?;
    fleet.cluster(cluster)?.api.create_namespace(MESH_NAMESPACE).await?;
    let file = |name: &str| format!("--from-file={}", path.join(name).display());
    let files = ["ca-cert.pem", "ca-key.pem", "cert-chain.pem", "root-cert.pem"].map(file);
    let words = ["-n", MESH_NAMESPACE, "create", "secret", "generic", "cacerts"];
    let words: Vec<&str> = words.into_iter().chain(files.iter().map(String::as_str)).collect();
    fleet.kubectl(cluster, &words, None)?;
    Ok(())
}

const POLICY: &str = r"
apiVersion: meshroot.dev/v1alpha1
kind: TrustPolicy
metadata: {name: demo, namespace: meshroot-system}
spec:
  virtualMeshRef: {name: demo, namespace: meshroot-system}
  root: {key: ECDSA-P256}
  adopt: Always
  restart: Automatic
";

const HOME: &str = r"
apiVersion: meshroot.dev/v1alpha1
kind: TrustPolicy
metadata: {name: home, namespace: meshroot-system}
spec:
  virtualMeshRef: {name: home, namespace: meshroot-system}
  adopt: Always
  restart: Automatic
---
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: VirtualMesh
metadata: {name: home, namespace: meshroot-system}
spec:
  certificateAuthority: {provided: {certificate: {name: east-root, namespace: meshroot-system}}}
  meshes:
  - {name: istio-istio-system-east, namespace: meshroot-cluster-east}
";
