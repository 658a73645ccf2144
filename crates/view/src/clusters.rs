//! Workload clusters that take part, and whose agent was heard when.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use meshroot_api::names::{cluster_namespace, cluster_of_namespace};
use meshroot_api::{KubernetesCluster, Mesh};
use serde::Serialize;

use crate::{Table, age};

/// One cluster.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    name: String,
    joined: Option<Timestamp>,
    meshes: usize,
    last_heard: Option<Timestamp>,
    agent: Option<String>,
    state: &'static str,
}

/// One row for each of `clusters`; `meshes` are those of the whole hub, `leases` the heartbeats of agents.
pub fn rows(
    clusters: Vec<KubernetesCluster>,
    meshes: &[Mesh],
    leases: &[Lease],
    now: Timestamp,
) -> Vec<Row> {
    let row = |cluster: KubernetesCluster| {
        let name = cluster.metadata.name.unwrap_or_default();
        let namespace = cluster_namespace(&name);
        let of_cluster = |mesh: &&Mesh| mesh.metadata.namespace.as_deref() == Some(&namespace);
        let joined = cluster.metadata.creation_timestamp.map(|time| time.0);
        let meshes = meshes.iter().filter(of_cluster).count();
        let lease = heartbeat(leases, &name);
        row(name, joined, meshes, lease, now)
    };
    clusters.into_iter().map(row).collect()
}

/// The table of them.
pub fn table(rows: &[Row], now: Timestamp) -> Table {
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

/// The Lease of a cluster's agents.
pub(crate) fn heartbeat<'a>(leases: &'a [Lease], cluster: &str) -> Option<&'a LeaseSpec> {
    let of_cluster = |lease: &&Lease| {
        lease.metadata.namespace.as_deref().and_then(cluster_of_namespace) == Some(cluster)
    };
    leases.iter().find(of_cluster)?.spec.as_ref()
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

/// An agent renews its Lease every few seconds; after this long it is not there.
pub(crate) const HEARD_WITHIN: SignedDuration = SignedDuration::from_secs(90);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(name: &str, joined: Option<&str>) -> KubernetesCluster {
        let metadata = json!({ "name": name, "creationTimestamp": joined });
        let object = json!({
            "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "KubernetesCluster",
            "metadata": metadata, "spec": {},
        });
        serde_json::from_value(object).unwrap()
    }

    fn lease(cluster: &str, renewed: &str) -> Lease {
        let object = json!({
            "metadata": { "name": "meshroot-agent", "namespace": cluster_namespace(cluster) },
            "spec": { "renewTime": renewed, "holderIdentity": "meshroot-agent-7c9" },
        });
        serde_json::from_value(object).unwrap()
    }

    fn mesh(cluster: &str, name: &str) -> Mesh {
        let object = json!({
            "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "Mesh",
            "metadata": { "name": name, "namespace": cluster_namespace(cluster) }, "spec": {},
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_cluster_is_ok_while_its_agent_was_heard_within_90_seconds() {
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let joined = Some("2026-11-20T08:00:00Z");
        let clusters =
            vec![cluster("east", joined), cluster("west", joined), cluster("north", None)];
        let meshes = [mesh("east", "a"), mesh("west", "a"), mesh("west", "b")];
        let leases = [
            lease("east", "2026-11-24T07:58:30.000000Z"),
            lease("west", "2026-11-24T07:58:29.000000Z"),
        ];
        let table = table(&rows(clusters, &meshes, &leases, now), now);
        assert_eq!(table.titles(), ["NAME", "JOINED", "MESHES", "LAST HEARD", "AGENT", "STATE"]);
        assert_eq!(
            table.rows(),
            [
                ["east", "4d", "1", "90s ago", "meshroot-agent-7c9", "ok"],
                ["west", "4d", "2", "91s ago", "meshroot-agent-7c9", "silent"],
                ["north", "", "0", "never", "", "never heard"],
            ]
        );
    }
}
