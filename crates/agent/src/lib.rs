//! The agent: makes keys and requests, installs what verifies, reports what the mesh loaded.
//!
//! One process in each workload cluster, with two connections: its own cluster, and the hub with a token of that
//! cluster's ServiceAccount there. Private keys are made here, kept in a Secret here, and sent nowhere. This
//! crate does not depend on the issuing engine: an agent cannot sign.

mod agent;
mod controllers;
mod credentials;
mod error;
mod keys;
mod meshes;
mod metrics;
mod options;
mod wiring;

pub use options::{IstiodAddress, Options};

use std::sync::Arc;

use anyhow::Context as _;
use kube::Client;
use meshroot_api::names;
use meshroot_runtime::kube::connect::{connect, connect_with_token, install_crypto_provider};
use meshroot_runtime::kube::lease;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::{self, Telemetry};

use crate::agent::Agent;
use crate::credentials::Credentials;

const COMPONENT: &str = "meshroot-agent";

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
    let local = connect(&process.target(), COMPONENT).await?;
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "agent started");
    work(local, &options, &telemetry, &shutdown).await?;
    serving.await?;
    tracing::info!("agent stopped");
    Ok(())
}

/// The agent within another process: works as `local` in its cluster until the shutdown, then ends work in progress
/// and releases the lease. Logging, the endpoint of `telemetry` and signals are the caller's; of `options.process`
/// only the identity counts.
pub async fn work(
    local: Client,
    options: &Options,
    telemetry: &Telemetry,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let Some(credentials) = Credentials::wait(&local, options, telemetry, shutdown).await? else {
        return Ok(());
    };
    let hub = connect_with_token(
        &credentials.server,
        &credentials.ca_pem,
        credentials.token.clone(),
        COMPONENT,
    )?;
    let namespace = names::cluster_namespace(&credentials.cluster);
    // Leadership among the agents of this cluster and their heartbeat in one: `meshroot cluster list` reads it.
    let settings = options.process.lease(&namespace, names::AGENT_LEASE, options.lease_duration);
    let drained = Shutdown::manual();
    let (leadership, election) = lease::elect(hub.clone(), settings, drained.clone());
    tracing::info!(
        cluster = credentials.cluster,
        hub = credentials.server,
        "credentials for the hub found"
    );
    let renewing =
        tokio::spawn(credentials.clone().keep_fresh(hub.clone(), local.clone(), shutdown.clone()));
    let agent =
        Arc::new(Agent::new(hub, local, &credentials, options, leadership, telemetry, shutdown));
    wiring::work(agent, telemetry, shutdown).await;
    drained.trigger();
    election.await?;
    renewing.abort();
    Ok(())
}
