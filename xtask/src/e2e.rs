//! `cargo xtask e2e`: the built binaries against real control planes.

use anyhow::Result;

use crate::{cargo, tools, workspace};

/// Build the real parts and the binaries, then run the end-to-end scenarios
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Use optimized binaries
    #[arg(long)]
    release: bool,
    /// Passed on to the scenarios
    #[arg(last = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::run(&tools::Arguments::default())?;
    build_binaries(arguments.release)?;
    let mut command = cargo::command(["run", "--package", "meshroot-testkit", "--bin"]);
    command.arg("meshroot-e2e");
    command.env("MESHROOT_BIN", workspace::binaries(arguments.release));
    cargo::run(command.arg("--").args(&arguments.arguments))
}

/// Builds the three binaries that users get.
pub(crate) fn build_binaries(release: bool) -> Result<()> {
    let mut command = cargo::command(["build", "--bins"]);
    for package in ["meshroot-hub", "meshroot-agent", "meshroot-cli"] {
        command.args(["--package", package]);
    }
    if release {
        command.arg("--release");
    }
    cargo::run(&mut command)
}
