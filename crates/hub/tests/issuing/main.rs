//! What a hub makes of roots and of requests, seen through the real API. The tests answer for the agent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod approval_rules;
mod approvals;
mod builtin_roots;
#[path = "../common/mod.rs"]
mod common;
mod moves;
mod original;
mod provided_roots;
mod quotas;
mod refusals;
mod revocation;
mod virtual_meshes;

use anyhow::Result;
use meshroot_api::names::EARLIER_NAMESPACE;
use meshroot_testkit::Fleet;
use meshroot_testkit::fleet::MESH_NAMESPACE;

use common::{Scene, identity, join_east, request_for};

/// A hub that is its own workload cluster, and may look for roots of an earlier installation. No agent runs.
async fn prepare() -> Result<Scene> {
    let mut fleet = Fleet::prepare(&[]).await?;
    fleet.hub.create_namespace(EARLIER_NAMESPACE).await?;
    fleet.hub.create_namespace(MESH_NAMESPACE).await?;
    let manifests = fleet.meshroot(&[
        "install",
        "--image",
        "meshroot:test",
        "--root-namespace",
        EARLIER_NAMESPACE,
    ])?;
    fleet.kubectl("hub", &["apply", "-f", "-"], Some(&manifests))?;
    join_east(&fleet, "hub", &[])?;
    fleet.start_hub(&[]).await?;
    Scene::new(fleet).await
}

fn run(test: impl AsyncFnOnce(&'static Scene) -> Result<()>) {
    common::run(prepare, test);
}

/// The first request of a mesh in the virtual mesh of its name.
fn first(mesh: &str) -> String {
    format!("{mesh}.{mesh}.1")
}

/// Submits what an agent would for the first request of a mesh.
async fn answer(scene: &Scene, mesh: &str) -> Result<()> {
    scene.submit(&first(mesh), request_for(&[&identity(mesh)])?).await
}
