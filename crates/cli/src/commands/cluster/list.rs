//! `meshroot cluster list`.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use meshroot_api::names::{AGENT_LEASE, SYSTEM_NAMESPACE};
use meshroot_api::{KubernetesCluster, Mesh};
use meshroot_runtime::process::clock;
use meshroot_view::clusters::{self, Row};

use crate::failure::Failure;
use crate::output::list;
use crate::session::{Scope, Session};
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
    let hub = Scope::Namespace(SYSTEM_NAMESPACE.to_owned());
    let all = ListParams::default();
    let clusters: Vec<KubernetesCluster> =
        session.list("list the clusters of the hub", &hub, &all).await?;
    let heartbeats = ListParams::default().fields(&format!("metadata.name={AGENT_LEASE}"));
    let doing = "list the heartbeats (Leases) of agents";
    let leases: Vec<Lease> = session.list(doing, &Scope::All, &heartbeats).await?;
    let meshes: Vec<Mesh> =
        session.list("list meshes in all namespaces", &Scope::All, &all).await?;
    Ok(clusters::rows(clusters, &meshes, &leases, now))
}

const AFTER_HELP: &str = "\
Examples:
  meshroot cluster list --context hub";
