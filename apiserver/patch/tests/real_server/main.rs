//! Every write is made on a real kube-apiserver and through this crate: objects, `managedFields` and messages agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod config_map;
mod custom;
mod deployment;
mod openapi;
mod play;
mod random;
mod rig;
mod strategic;

use rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn config_maps_are_written_as_the_real_server_writes_them() {
    let rig = Rig::new("merge-config-map").await;
    config_map::run(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_resources_are_written_as_the_real_server_writes_them() {
    let rig = Rig::new("merge-custom").await;
    custom::run(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_are_written_as_the_real_server_writes_them() {
    let rig = Rig::new("merge-deployment").await;
    deployment::run(&rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strategic_merge_patches_agree_with_the_real_server() {
    let rig = Rig::new("merge-strategic").await;
    strategic::run(&rig).await;
}
