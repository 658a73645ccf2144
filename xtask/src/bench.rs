//! `cargo xtask bench`: how fast issuance is, alone and through a real control plane.

use anyhow::Result;

use crate::{cargo, e2e, tools, workspace};

/// Build optimized binaries and measure issuance
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Passed on to the benchmark through a control plane
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl Arguments {
    /// Each measure once, and short.
    pub(crate) fn quick() -> Self {
        Self { arguments: vec!["--quick".to_owned()] }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::run(&tools::Arguments::default())?;
    e2e::build_binaries(true)?;
    cargo::run(&mut cargo::command(["bench", "--package", "meshroot-ca"]))?;
    let mut command = cargo::command(["run", "--release", "--package", "meshroot-bench"]);
    command.env("MESHROOT_BIN", workspace::binaries(true));
    cargo::run(command.arg("--").args(&arguments.arguments))
}
