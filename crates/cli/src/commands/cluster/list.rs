//! `meshroot cluster list`.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::ListParams;
use meshroot_api::names::{AGENT_LEASE, SYSTEM_NAMESPACE};
use meshroot_api::{KubernetesCluster, Mesh};
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::process::clock;
use meshroot_view::clusters::{self, Row};

use crate::failure::Failure;
use crate::output::list;
use crate::session::Session;
use crate::terminal::Terminal;

/// Nothing but the global options.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {}

/// Lists them.
pub(super) async fn run(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let now = clock::now();
    let rows = gather(session, now).await?;
    let format = session.global.output;
    if !format.is_table() {
        let items = rows.iter().filter_map(|row| serde_json::to_value(row).ok()).collect();
        return terminal.print(&format.text(&list(items))?);
    }
    if rows.is_empty() {
        eprintln!("no cluster has joined; join one with: meshroot cluster join NAME");
        return Ok(());
    }
    terminal.table(&clusters::table(&rows, now))
}

async fn gather(session: &Session, now: Timestamp) -> Result<Vec<Row>, Failure> {
    let client = &session.client;
    let clusters: Api<KubernetesCluster> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let clusters = retried(async || clusters.list(&ListParams::default()).await)
        .await
        .map_err(|error| Failure::api("list the clusters of the hub", &error))?;
    let leases: Api<Lease> = Api::all(client.clone());
    let named = ListParams::default().fields(&format!("metadata.name={AGENT_LEASE}"));
    let leases = retried(async || leases.list(&named).await)
        .await
        .map_err(|error| Failure::api("list the heartbeats (Leases) of agents", &error))?;
    let meshes: Api<Mesh> = Api::all(client.clone());
    let meshes = retried(async || meshes.list(&ListParams::default()).await)
        .await
        .map_err(|error| Failure::api("list meshes in all namespaces", &error))?;
    Ok(clusters::rows(clusters.items, &meshes.items, &leases.items, now))
}

const AFTER_HELP: &str = "\
Examples:
  meshroot cluster list --context hub";
