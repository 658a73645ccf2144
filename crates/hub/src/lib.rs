//! The hub: validates virtual meshes, asks for approval, records, signs, distributes.
//!
//! One process in the management cluster leads, by a Lease; only the leader writes. Each controller reads a
//! snapshot, lets `meshroot-core` decide, and makes one write.

mod authority;
mod budgets;
mod controllers;
mod crowded;
mod error;
mod hub;
mod identities;
mod key_index;
mod ledger;
mod metrics;
mod modes;
mod options;
mod revocations;
mod rotation;
mod standings;
mod wiring;
mod written;

pub use options::{Options, blocked_keys};

use std::sync::Arc;

use futures::future::BoxFuture;
use kube::Client;
use meshroot_api::metrics::component;
use meshroot_api::names::HUB_LEASE;
use meshroot_runtime::process::service::{Election, Service};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;

use crate::hub::Hub;

const COMPONENT: &str = component::HUB;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs until SIGTERM or SIGINT, then ends work in progress and releases the lease.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let service = Service::start(COMPONENT, VERSION, &options.process).await?;
    let (address, namespace) = (service.address, &options.namespace);
    tracing::info!(%address, namespace, version = VERSION, "hub started");
    work(service.client.clone(), &options, &service.telemetry, &service.shutdown).await?;
    service.stop().await?;
    tracing::info!("hub stopped");
    Ok(())
}

/// The hub within another process: works as `client` until the shutdown, then ends work in progress and releases the
/// lease. Logging, the endpoint of `telemetry` and signals are the caller's; of `options.process` only the identity
/// counts. Boxed, so that it is compiled here and not once more wherever it is awaited.
pub fn work<'a>(
    client: Client,
    options: &'a Options,
    telemetry: &'a Telemetry,
    shutdown: &'a Shutdown,
) -> BoxFuture<'a, anyhow::Result<()>> {
    Box::pin(async move {
        let lease = options.process.lease(&options.namespace, HUB_LEASE, options.lease_duration);
        let election = Election::enter(client.clone(), lease, telemetry);
        let hub = Arc::new(Hub::new(client, options, election.leadership(), telemetry, shutdown));
        wiring::controllers(&hub, options.process.resync_period, telemetry)
            .lead(election, shutdown)
            .await?;
        Ok(())
    })
}
