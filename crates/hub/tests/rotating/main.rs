//! Roots that are replaced, seen through the real API: by every way, and whatever crashes on it. The tests answer for the
//! agents, and for the workloads, each of which must verify each all the time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod course;
mod crashes;
mod excluded;
mod gates;
mod losses;
mod many;
mod members;
mod provided;
mod refusals;
mod tainted;
mod ways;

use anyhow::{Result, ensure};
use kube::Api;
use meshroot_api::RootRotation;
use meshroot_api::rotation::{RootRotationSpec, Step, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_testkit::Fleet;
use meshroot_testkit::fleet::{MESH_NAMESPACE, SYSTEM_NAMESPACE};

use common::{HOME, Scene, create, join_east};
use members::Members;

/// A hub that is its own workload cluster. No agent runs.
async fn prepare() -> Result<Scene> {
    let mut fleet = Fleet::prepare(&[]).await?;
    fleet.hub.create_namespace(MESH_NAMESPACE).await?;
    join_east(&fleet, "hub", &[])?;
    fleet.start_hub(&[]).await?;
    Scene::new(fleet).await
}

/// Held by tests that need the hub; whoever ends it takes it for writing.
static RUNNING: tokio::sync::RwLock<()> = tokio::sync::RwLock::const_new(());

/// Runs a test beside others.
fn run(test: impl AsyncFnOnce(&'static Scene) -> Result<()>) {
    common::run(prepare, async |scene| {
        let _runs = RUNNING.read().await;
        test(scene).await
    });
}

/// Runs a test that ends the hub, alone.
fn run_alone(test: impl AsyncFnOnce(&'static Scene, &mut Fleet) -> Result<()>) {
    common::run(prepare, async |scene| {
        let _runs = RUNNING.write().await;
        let mut fleet = scene.fleet.write().await;
        test(scene, &mut fleet).await
    });
}

fn rotations(scene: &Scene) -> Api<RootRotation> {
    Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE)
}

/// A virtual mesh of meshes that are called after it, whose first certificates are in use.
async fn settled<'a>(
    scene: &'a Scene,
    name: &str,
    meshes: &[&str],
    live: bool,
) -> Result<Members<'a>> {
    for mesh in meshes {
        scene.make_mesh(mesh).await?;
    }
    let refs: Vec<ResourceRef> = meshes.iter().map(|mesh| ResourceRef::new(*mesh, HOME)).collect();
    scene.make_virtual_mesh(name, |spec, _| spec.meshes = refs).await?;
    let mut members = Members::new(scene, meshes, live);
    are_ready(scene, name, &mut members).await?;
    Ok(members)
}

/// Lets the members of a virtual mesh live until their first certificates are in use.
async fn are_ready(scene: &Scene, name: &str, members: &mut Members<'_>) -> Result<()> {
    let ready = async || {
        let status = scene.virtual_meshes().get(name).await?.status.unwrap_or_default();
        Ok(status.certificate_status.message.starts_with("Ready: "))
    };
    members.live_until("all have their first certificate", ready).await
}

async fn ask(scene: &Scene, virtual_mesh: &str, number: u32, strategy: Strategy) -> Result<String> {
    let name = format!("{virtual_mesh}.{number}");
    let spec = RootRotationSpec {
        virtual_mesh_ref: ResourceRef::new(virtual_mesh, SYSTEM_NAMESPACE),
        strategy,
        ..RootRotationSpec::default()
    };
    create(&rotations(scene), RootRotation::new(&name, spec)).await?;
    Ok(name)
}

/// Lets the members live until this is said to be waited for.
async fn waits_for(scene: &Scene, members: &mut Members<'_>, name: &str, part: &str) -> Result<()> {
    let is_said = async || {
        let status = rotations(scene).get(name).await?.status.unwrap_or_default();
        Ok(status.waiting_for.contains(part))
    };
    members.live_until(&format!("{name} says {part:?}"), is_said).await
}

/// Lets the members live until a rotation is at this step.
async fn comes_to(scene: &Scene, members: &mut Members<'_>, name: &str, step: Step) -> Result<()> {
    let is_there = async || {
        let rotation = rotations(scene).get(name).await?;
        Ok(rotation.status.is_some_and(|status| status.step == step))
    };
    members.live_until(&format!("{name} is at {}", step.word()), is_there).await
}

/// Every mesh trusts the root of this number alone, has its certificate of it, and sends nothing above that.
async fn all_are_at(scene: &Scene, meshes: &[&str], number: u32) -> Result<()> {
    for mesh in meshes {
        let trust = scene.trusts().get(mesh).await?;
        let anchors = meshroot_pki::parse_bundle(trust.spec.trust_anchors.as_bytes())?;
        let names: Vec<String> = anchors.iter().map(|one| one.subject().to_string()).collect();
        let wanted = format!("root {number} ");
        ensure!(names.len() == 1 && names[0].contains(&wanted), "{mesh} trusts {names:?}");
        ensure!(trust.spec.chain_certificates.as_deref() == Some(""), "{mesh} sends more");
        let request = scene.requests().get(&trust.spec.request).await?;
        let chain =
            meshroot_pki::parse_bundle(&request.status_or_default().response.ca_certificate.0)?;
        ensure!(
            chain[0].issuer().der() == anchors[0].subject().der(),
            "{mesh} is of {}",
            chain[0].issuer()
        );
    }
    Ok(())
}
