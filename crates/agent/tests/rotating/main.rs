//! An agent that dies after each of its writes while the root is replaced, each way, with a real istiod.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../../hub/tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::watcher;
use meshroot_api::RootRotation;
use meshroot_api::rotation::{RootRotationSpec, Step, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_api::trust::{MeshTrust, Pickup};
use meshroot_pki::{PathOptions, PrivateKey, Purpose, build_path, parse_bundle};
use meshroot_runtime::process::clock;
use meshroot_testkit::crash::{CRASH_VARIABLE, CrashPoint, crashed};
use meshroot_testkit::fleet::{AGENT_NAMESPACE, MESH_NAMESPACE, SYSTEM_NAMESPACE, mesh_name};
use meshroot_testkit::{Binary, Fleet, IstiodOptions, wait};
use serde_json::json;

use common::followed::Followed;
use common::{HOME, LIMIT, Scene, all, create, file, judge, until};

const VIRTUAL_MESH: &str = "demo";
/// How long workloads' certificates live: what takes something away waits twice as long.
const LEAF: Duration = Duration::from_secs(2);
const POINT: &str = "after-write";
/// For a rotation, waits included.
const ROTATION: Duration = Duration::from_mins(3);

async fn prepare() -> Result<Scene> {
    let mut fleet = Fleet::prepare(&["east"]).await?;
    let environment = json!([
        { "name": "ISTIO_MULTIROOT_MESH", "value": "true" },
        { "name": "MAX_WORKLOAD_CERT_TTL", "value": format!("{}s", LEAF.as_secs()) },
    ]);
    let containers = json!([{ "name": "discovery", "env": environment }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    let patch = patch.to_string();
    let words = ["-n", MESH_NAMESPACE, "patch", "deployment", "istiod", "--type=strategic", "-p"];
    fleet.kubectl("east", &[&words[..], &[&patch]].concat(), None)?;
    let options = IstiodOptions {
        cluster_id: "east".to_owned(),
        multi_root: true,
        leaf_lifetime: Some(LEAF),
        ..IstiodOptions::default()
    };
    fleet.start_istiod_with("east", options).await?;
    fleet.start_hub(&[]).await?;
    fleet.start_agent("east", &[]).await?;
    Scene::new(fleet).await
}

#[test]
fn an_agent_that_dies_after_each_write_of_a_rotation_installs_what_verifies_and_no_certificate_twice()
 {
    common::run(prepare, async |scene| {
        let mut fleet = scene.fleet.write().await;
        until("istiod is found", &scene.meshes(), &mesh(), |_| true).await?;
        scene
            .make_virtual_mesh(VIRTUAL_MESH, |spec, _| {
                spec.meshes = vec![ResourceRef::new(mesh(), HOME)];
            })
            .await?;
        judge::installed(scene, MESH_NAMESPACE, &request(1)).await?;
        fleet.cluster_mut("east")?.istiod.as_mut().context("istiod runs")?.restart().await?;
        until("it is loaded", &scene.trusts(), &mesh(), is_loaded).await?;
        let written = Written::follow(scene);
        for (number, strategy) in [(2, Strategy::CrossSigned), (3, Strategy::BundleFirst)] {
            let deaths = rotate(scene, &mut fleet, number, strategy).await?;
            println!("{}: {deaths} deaths", strategy.word());
            ensure!(deaths >= 8, "{deaths} deaths: not after each write");
            fleet.start_agent("east", &[]).await?;
            comes_to_rest(scene, number).await?;
            stop(&mut fleet)?;
            scene.free_lease(HOME, "meshroot-agent").await?;
        }
        written.always_verified()
    });
}

/// A rotation whose agent dies after each write; how often it did.
async fn rotate(
    scene: &Scene,
    fleet: &mut Fleet,
    number: u32,
    strategy: Strategy,
) -> Result<usize> {
    let name = format!("{VIRTUAL_MESH}.{number}");
    let spec = RootRotationSpec {
        virtual_mesh_ref: ResourceRef::new(VIRTUAL_MESH, SYSTEM_NAMESPACE),
        strategy,
        ..RootRotationSpec::default()
    };
    let rotations: Api<RootRotation> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
    stop(fleet)?;
    create(&rotations, RootRotation::new(&name, spec)).await?;
    let is_complete = async || {
        let status = rotations.get(&name).await?.status;
        anyhow::Ok(status.is_some_and(|status| status.step == Step::Complete))
    };
    let (mut deaths, began) = (0, Instant::now());
    while !is_complete().await? {
        ensure!(began.elapsed() < ROTATION, "{name} is not complete after {deaths} deaths");
        scene.free_lease(HOME, "meshroot-agent").await?;
        fleet.start_agent("east", &[(CRASH_VARIABLE, POINT)]).await?;
        let agent = fleet.cluster_mut("east")?.agent.take().context("the agent runs")?;
        let has_died = |agent: &Binary| agent.process().exit_status().is_some();
        let attempt = async || {
            ensure!(
                has_died(&agent) || is_complete().await?,
                "{:?}",
                rotations.get(&name).await?.status
            );
            Ok(())
        };
        wait::until("the agent dies", LIMIT, attempt).await.with_context(|| agent.logs())?;
        if has_died(&agent) {
            crashed(&agent, &CrashPoint::first(POINT), LIMIT).await?;
            deaths += 1;
        }
        agent.kill_hard();
    }
    Ok(deaths)
}

/// Ends the agent, where it runs.
fn stop(fleet: &mut Fleet) -> Result<()> {
    if let Some(agent) = fleet.cluster_mut("east")?.agent.take() {
        agent.kill_hard();
    }
    Ok(())
}

/// One certificate for each root, the newest is in use under its root alone, and of the others neither request nor key is left.
async fn comes_to_rest(scene: &Scene, number: u32) -> Result<()> {
    let newest = request(number);
    judge::installed(scene, MESH_NAMESPACE, &newest).await?;
    let is_at_rest = |trust: &MeshTrust| {
        is_loaded(trust)
            && trust.spec.request == newest
            && trust.spec.chain_certificates.as_deref() == Some("")
    };
    until("the newest is in use", &scene.trusts(), &mesh(), is_at_rest).await?;
    let anchors = async || {
        let secret = scene.secrets(MESH_NAMESPACE).get("cacerts").await?;
        let anchors = parse_bundle(file(&secret, "root-cert.pem")?)?;
        let [root] = anchors.as_slice() else { anyhow::bail!("{} anchors", anchors.len()) };
        let wanted = format!("root {number} ");
        ensure!(root.subject().to_string().contains(&wanted), "it trusts {}", root.subject());
        Ok(())
    };
    wait::until("the newest root is trusted alone", LIMIT, anchors).await?;
    let forgotten = async || {
        let requests = all(&scene.requests()).await?;
        ensure!(requests.len() == 1, "{} requests", requests.len());
        let mut keys = all(&scene.secrets(AGENT_NAMESPACE)).await?;
        keys.retain(|key| key.metadata.name.as_deref().unwrap_or_default().ends_with("-key"));
        ensure!(keys.len() == 1, "{} keys", keys.len());
        Ok(())
    };
    wait::until("what came before is forgotten", LIMIT, forgotten).await?;
    let records = all(&scene.records()).await?;
    ensure!(records.len() == number as usize, "{} certificates", records.len());
    Ok(())
}

/// Each `cacerts` of the mesh that there ever was.
struct Written(Followed<Secret>);

impl Written {
    fn follow(scene: &Scene) -> Self {
        let only = watcher::Config::default().fields("metadata.name=cacerts");
        Self(Followed::new(scene.secrets(MESH_NAMESPACE), only))
    }

    /// Key and certificate are a pair, and what it sends verifies by what the one before trusted, and it.
    fn always_verified(&self) -> Result<()> {
        let seen = self.0.seen();
        // What was there, and three steps each way; one more where anchors and certificate come apart.
        ensure!(seen.len() >= 7, "only {} were seen", seen.len());
        let mut before = None;
        for secret in &seen {
            let chain = parse_bundle(file(secret, "cert-chain.pem")?)?;
            let anchors = parse_bundle(file(secret, "root-cert.pem")?)?;
            let (certificate, above) = chain.split_first().context("a chain")?;
            let key = PrivateKey::from_pem(file(secret, "ca-key.pem")?)?;
            ensure!(key.public_key() == certificate.public_key(), "they are no pair");
            let options = PathOptions::new(clock::now(), Purpose::Any);
            for anchors in before.iter().chain([&anchors]) {
                build_path(certificate, above, anchors, &options)?;
            }
            before = Some(anchors);
        }
        Ok(())
    }
}

fn is_loaded(trust: &MeshTrust) -> bool {
    let status = trust.status.as_ref();
    status.is_some_and(|status| {
        status.pickup == Pickup::Confirmed
            && status.installed.as_ref() == Some(&trust.spec.request)
            && status.observed_generation == trust.metadata.generation
    })
}

fn mesh() -> String {
    mesh_name("east")
}

fn request(generation: u32) -> String {
    format!("{}.{VIRTUAL_MESH}.{generation}", mesh())
}
