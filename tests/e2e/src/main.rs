//! The end-to-end run: a hub and two clusters, real API servers, real istiods, and what users type.

mod leaks;
mod progress;
mod rights;
mod scenario;

use clap::Parser;
use meshroot_testkit::fleet::HubApi;

/// Run the main scenario: a hub and two clusters, from nothing to trust, renewal, approval and denial
#[derive(Parser)]
#[command(name = "meshroot-e2e")]
struct Options {
    /// Serve the hub's API with the embedded server (`meshroot serve --api-only`); the clusters stay real
    #[arg(long)]
    embedded_hub: bool,
    /// Keep everything running at the end, to look at it, until Ctrl-C
    #[arg(long)]
    hold: bool,
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    meshroot_testkit::install_crypto_provider();
    let options = Options::parse();
    let hub = if options.embedded_hub { HubApi::Embedded } else { HubApi::KubeApiserver };
    let mut progress = progress::Progress::start();
    let outcome = scenario::run(&mut progress, hub, options.hold).await;
    progress.verdict(hub, &outcome);
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}
