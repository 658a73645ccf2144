//! `cargo xtask conformance`: the embedded API server answers as the real one.

use anyhow::Result;

use crate::{cargo, tools, workspace};

/// Run the conformance cases against kube-apiserver and the embedded server, and compare
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Write no page; fail where docs/conformance.md differs from what would be written
    #[arg(long)]
    pub(crate) check: bool,
    /// Passed on to the run; `-- --help` lists what there is
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::run(&tools::Arguments::default())?;
    cargo::run(&mut cargo::command(["build", "--package", "apiserver", "--example", "serve"]))?;
    let mut command = cargo::command(["run", "--package", "meshroot-conformance"]);
    command.env("MESHROOT_BIN", workspace::binaries(false)).arg("--");
    if arguments.check {
        command.arg("--check");
    }
    cargo::run(command.args(&arguments.arguments))
}
