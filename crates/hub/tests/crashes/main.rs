//! What a crash at any instant, a stolen lease or a killed leader leaves behind: one certificate for each request.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod leases;
mod ledger;
mod points;

use anyhow::Result;
use meshroot_testkit::Fleet;

use common::Scene;

/// A hub and a cluster with a namespace for each case's control plane; hub and agent run.
async fn prepare() -> Result<Scene> {
    let mut fleet = Fleet::prepare(&["east"]).await?;
    let namespaces: Vec<&str> = points::ALL.iter().map(|point| points::mesh_of(point)).collect();
    common::join_namespaces(&fleet, &namespaces).await?;
    fleet.start_hub(&[]).await?;
    fleet.start_agent("east", &[]).await?;
    Scene::new(fleet).await
}

fn run(test: impl AsyncFnOnce(&'static Scene) -> Result<()>) {
    common::run(prepare, test);
}
