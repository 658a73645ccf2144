//! The agent's process.

use clap::Parser;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    meshroot_runtime::process::clock::be_wrong_as_told()?;
    meshroot_agent::run(meshroot_agent::Options::parse()).await
}
