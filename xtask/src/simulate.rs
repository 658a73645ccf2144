//! `cargo xtask simulate`: every state that a rotation of the root can come to.

use anyhow::Result;

use crate::cargo;

/// Search the models of a rotation for two workloads that fail to trust each other
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Three members as well: some minutes, and some gigabytes of memory
    #[arg(long)]
    pub(crate) full: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut command = cargo::command(["run", "--release", "--package", "meshroot-simulate"]);
    if arguments.full {
        command.args(["--", "--full"]);
    }
    cargo::run(&mut command)
}
