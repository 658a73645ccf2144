//! The end-to-end run: a hub and two clusters, real API servers, real istiods, and what users type.

mod leaks;
mod progress;
mod rights;
mod rotation;
mod scenario;
mod sidecars;
mod soak;
mod takeover;
mod workloads;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use meshroot_testkit::fleet::HubApi;

/// Run the main scenario: a hub and two clusters, from nothing to trust, renewal, approval and denial
#[derive(Parser)]
#[command(name = "meshroot-e2e")]
struct Options {
    /// Serve the hub's API with the embedded server (`meshroot serve --api-only`); the clusters stay real
    #[arg(long)]
    embedded_hub: bool,
    /// What is done
    #[arg(long, value_enum, default_value_t = Scenario::Main)]
    scenario: Scenario,
    /// Keep everything running at the end, to look at it, until Ctrl-C
    #[arg(long)]
    hold: bool,
    /// Instead of the scenario: disturb hub, agents and objects at random for so many minutes, and watch that nothing
    /// expires, nothing is signed that nobody approved, and nothing is stranded
    #[arg(long, value_name = "MINUTES")]
    soak: Option<u64>,
    /// What the soak's disturbances are drawn from: the same number gives the same plan
    #[arg(long, default_value_t = 1, requires = "soak")]
    seed: u64,
    /// Where the soak writes the logs of hub and agents at its end
    #[arg(long, value_name = "DIRECTORY", requires = "soak")]
    logs: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Scenario {
    /// From nothing to trust, renewal, approval and denial
    Main,
    /// The root is replaced four times under handshakes, of real sidecars too
    Rotation,
    /// Two istiods with roots of their own join, under handshakes
    Takeover,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    meshroot_testkit::install_crypto_provider();
    let options = Options::parse();
    let hub = if options.embedded_hub { HubApi::Embedded } else { HubApi::KubeApiserver };
    let mut progress = progress::Progress::start();
    let run = match (options.soak, options.scenario) {
        (Some(_), _) => "soak",
        (None, Scenario::Main) => "end-to-end",
        (None, Scenario::Rotation) => "rotation",
        (None, Scenario::Takeover) => "takeover",
    };
    let outcome = match (options.soak, options.scenario) {
        (None, Scenario::Main) => scenario::run(&mut progress, hub, options.hold).await,
        (None, Scenario::Rotation) => rotation::run(&mut progress, hub).await,
        (None, Scenario::Takeover) => takeover::run(&mut progress, hub).await,
        (Some(minutes), _) => {
            let Options { seed, logs, .. } = options;
            let lasts = Duration::from_mins(minutes);
            soak::run(&soak::Soak { lasts, seed, logs }, hub).await
        }
    };
    progress.verdict(run, hub, &outcome);
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}
