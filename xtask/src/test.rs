//! `cargo xtask test`: all tests of the workspace, with real control planes.

use anyhow::Result;

use crate::{cargo, tools};

/// Build what is missing of the real parts, then run all tests of the workspace
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Passed on to `cargo test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::run_or_warn()?;
    let mut command = cargo::command(["test", "--workspace"]);
    cargo::run(command.args(&arguments.arguments))
}
