//! `cargo xtask generate`: the files that follow from the code.

mod command_line;
mod help;

use anyhow::Result;

use crate::cargo;

/// Write the files that follow from the code (CRDs, roles, API reference, command line)
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Write nothing; fail where a file differs from what would be written
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut command = cargo::command(["run", "--package", "meshroot-manifests"]);
    command.args(["--example", "generate", "--"]);
    if arguments.check {
        command.arg("--check");
    }
    cargo::run(&mut command)?;
    command_line::run(arguments.check)
}
