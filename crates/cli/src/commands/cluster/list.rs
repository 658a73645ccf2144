//! `meshroot cluster list`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Api;
use kube::api::ListParams;
use meshroot_api::names::{AGENT_LEASE, SYSTEM_NAMESPACE, cluster_namespace, cluster_of_namespace};
use meshroot_api::{KubernetesCluster, Mesh};
use meshroot_runtime::process::clock;
use serde::Serialize;

use crate::age;
use crate::failure::Failure;
use crate::output::{Table, list};
use crate::patience::patiently;
use crate::session::Session;
use crate::terminal::Terminal;

/// Nothing but the global options.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {}

/// One cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    joined: Option<Timestamp>,
    meshes: usize,
    last_heard: Option<Timestamp>,
    agent: Option<String>,
    state: &'static str,
}

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
        eprintln!("no cluster has joined; let one take part with: meshroot cluster join NAME");
        return Ok(());
    }
    terminal.print(&table(&rows, now).text())
}

async fn gather(session: &Session, now: Timestamp) -> Result<Vec<Row>, Failure> {
    let clusters: Api<KubernetesCluster> =
        Api::namespaced(session.client.clone(), SYSTEM_NAMESPACE);
    let clusters = patiently(async || clusters.list(&ListParams::default()).await).await;
    let clusters =
        clusters.map_err(|error| Failure::api("list the clusters of the hub", &error))?.items;
    let leases = leases(session).await?;
    let meshes: Api<Mesh> = Api::all(session.client.clone());
    let meshes = patiently(async || meshes.list(&ListParams::default()).await).await;
    let meshes =
        meshes.map_err(|error| Failure::api("list meshes in all namespaces", &error))?.items;
    let row = |cluster: KubernetesCluster| {
        let name = cluster.metadata.name.unwrap_or_default();
        let namespace = cluster_namespace(&name);
        let of_cluster = |mesh: &&Mesh| mesh.metadata.namespace.as_deref() == Some(&namespace);
        let joined = cluster.metadata.creation_timestamp.map(|time| time.0);
        row(name.clone(), joined, meshes.iter().filter(of_cluster).count(), leases.get(&name), now)
    };
    Ok(clusters.into_iter().map(row).collect())
}

/// The heartbeats, by cluster.
async fn leases(session: &Session) -> Result<BTreeMap<String, LeaseSpec>, Failure> {
    let api: Api<Lease> = Api::all(session.client.clone());
    let named = ListParams::default().fields(&format!("metadata.name={AGENT_LEASE}"));
    let all = patiently(async || api.list(&named).await)
        .await
        .map_err(|error| Failure::api("list the heartbeats (Leases) of agents", &error))?;
    let of_cluster = |lease: Lease| {
        let cluster = cluster_of_namespace(lease.metadata.namespace.as_deref()?)?.to_owned();
        Some((cluster, lease.spec?))
    };
    Ok(all.items.into_iter().filter_map(of_cluster).collect())
}

fn row(
    name: String,
    joined: Option<Timestamp>,
    meshes: usize,
    lease: Option<&LeaseSpec>,
    now: Timestamp,
) -> Row {
    let last_heard = lease.and_then(|lease| lease.renew_time.as_ref()).map(|time| time.0);
    let state = match last_heard {
        None => "never heard",
        Some(heard) if now.duration_since(heard) <= HEARD_WITHIN => "ok",
        Some(_) => "silent",
    };
    let agent =
        lease.and_then(|lease| lease.holder_identity.clone()).filter(|holder| !holder.is_empty());
    Row { name, joined, meshes, last_heard, agent, state }
}

fn table(rows: &[Row], now: Timestamp) -> Table {
    let mut table = Table::new(&["NAME", "JOINED", "MESHES", "LAST HEARD", "AGENT", "STATE"]);
    for row in rows {
        table.push(vec![
            row.name.clone(),
            row.joined.map(|joined| age::age(joined, now)).unwrap_or_default(),
            row.meshes.to_string(),
            row.last_heard
                .map_or_else(|| "never".to_owned(), |heard| age::age(heard, now) + " ago"),
            row.agent.clone().unwrap_or_default(),
            row.state.to_owned(),
        ]);
    }
    table
}

/// An agent renews its Lease every few seconds; after this long it is not there.
const HEARD_WITHIN: SignedDuration = SignedDuration::from_secs(90);

const AFTER_HELP: &str = "\
Examples:
  meshroot cluster list --context hub";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    use super::*;

    fn lease(renewed: &str) -> LeaseSpec {
        LeaseSpec {
            renew_time: Some(MicroTime(renewed.parse().unwrap())),
            holder_identity: Some("meshroot-agent-7c9".to_owned()),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_cluster_is_ok_while_its_agent_was_heard_within_90_seconds() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let joined = Some("2026-11-20T08:00:00Z".parse().unwrap());
        let rows = [
            row("east".into(), joined, 1, Some(&lease("2026-11-24T07:58:30Z")), now),
            row("west".into(), joined, 2, Some(&lease("2026-11-24T07:58:29Z")), now),
            row("north".into(), None, 0, None, now),
        ];
        insta::assert_snapshot!(table(&rows, now).text(), @r"
        NAME    JOINED   MESHES   LAST HEARD   AGENT                STATE
        east    4d       1        90s ago      meshroot-agent-7c9   ok
        west    4d       2        91s ago      meshroot-agent-7c9   silent
        north   -        0        never        -                    never heard
        ");
    }
}
