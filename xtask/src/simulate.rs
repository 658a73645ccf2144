//! `cargo xtask simulate`: every state that a rotation of the root can come to; and ten years of hub and agents.

use anyhow::Result;

use crate::cargo;

/// Search the models of a rotation for two workloads that fail to trust each other
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Three members as well, some minutes and some gigabytes of memory; then ten years of hub and agents on a virtual
    /// clock, ten minutes more
    #[arg(long)]
    pub(crate) full: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut command = cargo::command(["run", "--release", "--package", "meshroot-simulate"]);
    if arguments.full {
        command.args(["--", "--full"]);
    }
    cargo::run(&mut command)?;
    if !arguments.full {
        return Ok(());
    }
    cargo::run(&mut cargo::command(["run", "--release", "--package", "meshroot-years"]))
}
