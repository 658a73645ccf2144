//! `cargo xtask e2e`: the built binaries against real control planes.

use anyhow::Result;

use crate::{cargo, tools, workspace};

/// Build the real parts and the binaries, then run the end-to-end scenario twice: with the hub's API on kube-apiserver,
/// and on the embedded server
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Use optimized binaries
    #[arg(long)]
    release: bool,
    /// Run it once only, with the hub's API on this server
    #[arg(long, value_enum, value_name = "SERVER")]
    hub: Option<Hub>,
    /// What is done: main, rotation, or takeover
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<String>,
    /// Passed on to the scenario
    #[arg(last = true, value_name = "ARGUMENTS")]
    more: Vec<String>,
}

impl Arguments {
    /// A short soak with the seed that it has by default.
    pub(crate) fn soak() -> Self {
        Self { more: ["--soak", "5"].map(str::to_owned).into(), ..Self::default() }
    }

    /// One of the other scenarios.
    pub(crate) fn scenario(name: &str) -> Self {
        Self { scenario: Some(name.to_owned()), ..Self::default() }
    }
}

/// What serves the hub's API.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Hub {
    /// The real kube-apiserver
    KubeApiserver,
    /// The embedded server
    Embedded,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    tools::run(&tools::Arguments::default())?;
    build_binaries(arguments.release)?;
    for hub in [Hub::KubeApiserver, Hub::Embedded] {
        if arguments.hub.is_none_or(|asked| asked == hub) {
            scenario(arguments, hub)?;
        }
    }
    Ok(())
}

fn scenario(arguments: &Arguments, hub: Hub) -> Result<()> {
    let mut command = cargo::command(["run", "--package", "meshroot-e2e", "--"]);
    command.env("MESHROOT_BIN", workspace::binaries(arguments.release));
    if hub == Hub::Embedded {
        command.arg("--embedded-hub");
    }
    if let Some(scenario) = &arguments.scenario {
        command.args(["--scenario", scenario]);
    }
    cargo::run(command.args(&arguments.more))
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
