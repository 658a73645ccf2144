//! The hub: validates virtual meshes, asks for approval, records, signs, distributes.
//!
//! One process in the management cluster leads, by a Lease; only the leader writes. Each controller reads a
//! snapshot, lets `meshroot-core` decide, and makes one write.

mod authority;
mod controllers;
mod error;
mod hub;
mod key_index;
mod ledger;
mod metrics;
mod options;
mod standings;
mod wiring;

pub use options::Options;

use anyhow::Context as _;
use kube::Client;
use meshroot_runtime::kube::connect::{connect, install_crypto_provider};
use meshroot_runtime::kube::lease;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::{self, Telemetry};
use std::sync::Arc;

use crate::hub::Hub;

const COMPONENT: &str = "meshroot-hub";

/// Runs until SIGTERM or SIGINT, then ends work in progress and releases the lease.
pub async fn run(options: Options) -> anyhow::Result<()> {
    install_crypto_provider();
    let process = &options.process;
    telemetry::init(process.log_format.into(), process.log_filter.as_deref())?;
    let shutdown = Shutdown::on_signals()?;
    let telemetry = Telemetry::new(COMPONENT, env!("CARGO_PKG_VERSION"));
    let (address, serving) = telemetry
        .serve(process.listen, shutdown.clone())
        .await
        .with_context(|| format!("cannot listen on {}", process.listen))?;
    let client = connect(&process.target(), COMPONENT).await?;
    tracing::info!(%address, namespace = options.namespace, version = env!("CARGO_PKG_VERSION"), "hub started");
    work(client, &options, &telemetry, &shutdown).await?;
    serving.await?;
    tracing::info!("hub stopped");
    Ok(())
}

/// The hub within another process: works as `client` until the shutdown, then ends work in progress and releases the
/// lease. Logging, the endpoint of `telemetry` and signals are the caller's; of `options.process` only the identity
/// counts.
pub async fn work(
    client: Client,
    options: &Options,
    telemetry: &Telemetry,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let settings = options.process.lease(
        &options.namespace,
        meshroot_api::names::HUB_LEASE,
        options.lease_duration,
    );
    // The lease outlives the work: it is released once nothing writes any more.
    let drained = Shutdown::manual();
    let (leadership, election) = lease::elect(client.clone(), settings, drained.clone());
    let hub = Arc::new(Hub::new(client, options, leadership, telemetry, shutdown));
    wiring::work(hub, telemetry, shutdown).await;
    drained.trigger();
    election.await?;
    Ok(())
}
