//! The hub's process.

use clap::Parser;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    meshroot_hub::run(meshroot_hub::Options::parse()).await
}
