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

use futures::future::BoxFuture;
use kube::Client;
use meshroot_api::metrics::component;
use meshroot_api::names::{AGENT_LEASE, cluster_namespace};
use meshroot_runtime::process::service::{Election, Service};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;

use crate::agent::Agent;
use crate::credentials::Credentials;

const COMPONENT: &str = component::AGENT;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs until SIGTERM or SIGINT, then ends work in progress and releases the lease.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let service = Service::start(COMPONENT, VERSION, &options.process).await?;
    tracing::info!(address = %service.address, version = VERSION, "agent started");
    work(service.client.clone(), &options, &service.telemetry, &service.shutdown).await?;
    service.stop().await?;
    tracing::info!("agent stopped");
    Ok(())
}

/// The agent within another process: works as `local` in its cluster until the shutdown, then ends work in progress
/// and releases the lease. Logging, the endpoint of `telemetry` and signals are the caller's; of `options.process`
/// only the identity counts. Boxed, so that it is compiled here and not once more wherever it is awaited.
pub fn work<'a>(
    local: Client,
    options: &'a Options,
    telemetry: &'a Telemetry,
    shutdown: &'a Shutdown,
) -> BoxFuture<'a, anyhow::Result<()>> {
    Box::pin(async move {
        let Some(credentials) = Credentials::wait(&local, options, telemetry, shutdown).await?
        else {
            return Ok(());
        };
        let hub = credentials.connect()?;
        let cluster = credentials.cluster.clone();
        let renewing =
            tokio::spawn(credentials.keep_fresh(hub.clone(), local.clone(), shutdown.clone()));
        let worked = work_between((hub, local), &cluster, options, telemetry, shutdown).await;
        renewing.abort();
        worked
    })
}

/// The same where the caller has a client for the hub, its first one, and sees to its credentials.
pub fn work_between<'a>(
    (hub, local): (Client, Client),
    cluster: &'a str,
    options: &'a Options,
    telemetry: &'a Telemetry,
    shutdown: &'a Shutdown,
) -> BoxFuture<'a, anyhow::Result<()>> {
    Box::pin(async move {
        // Leadership among the agents of this cluster and their heartbeat in one: `meshroot cluster list` reads it.
        let home = cluster_namespace(cluster);
        let lease = options.process.lease(&home, AGENT_LEASE, options.lease_duration);
        let election = Election::enter(hub.clone(), lease, telemetry);
        let leadership = election.leadership();
        let agent = Agent::new(hub, local, cluster, options, leadership, telemetry, shutdown);
        wiring::controllers(&Arc::new(agent), options.process.resync_period, telemetry)
            .lead(election, shutdown)
            .await?;
        Ok(())
    })
}
