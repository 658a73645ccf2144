//! What an agent does in its cluster: adopts or refuses, installs, sees it loaded, renews, forgets; and then rests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../../hub/tests/common/mod.rs"]
mod common;
mod foreign;
mod lifecycle;
mod renewals;
mod undiscovered;

use anyhow::Result;
use meshroot_testkit::Fleet;
use meshroot_testkit::binary::RECONCILIATIONS;
use tokio::sync::RwLock;

use common::Scene;

const NAMESPACES: [&str; 13] = [
    "foreign-other",
    "foreign-ours",
    "foreign-nonsense",
    "foreign-adopted",
    "foreign-steps",
    "foreign-type",
    "foreign-immutable",
    "undiscovered",
    "by-time",
    "request-gone",
    "both-gone",
    "key-type",
    "key-gone",
];

/// A hub and a cluster with an istiod; both processes run.
async fn prepare() -> Result<Scene> {
    let mut fleet = Fleet::prepare(&["east"]).await?;
    common::join_namespaces(&fleet, &NAMESPACES).await?;
    fleet.start_istiod("east").await?;
    fleet.start_hub(&[RECONCILIATIONS]).await?;
    fleet.start_agent("east", &[RECONCILIATIONS]).await?;
    Scene::new(fleet).await
}

/// Held by tests whose meshes change; whoever wants to see nothing change takes it for writing.
static BUSY: RwLock<()> = RwLock::const_new(());

/// Runs a test beside others.
fn run(test: impl AsyncFnOnce(&'static Scene) -> Result<()>) {
    run_freely(async |scene| {
        let _busy = BUSY.read().await;
        test(scene).await
    });
}

/// Runs a test that takes [`BUSY`] by itself.
fn run_freely(test: impl AsyncFnOnce(&'static Scene) -> Result<()>) {
    common::run(prepare, test);
}

/// The request of a mesh in the virtual mesh of its name.
fn request(mesh: &str, generation: u32) -> String {
    format!("{mesh}.{mesh}.{generation}")
}
