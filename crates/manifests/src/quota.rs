//! How much a cluster may hold on the hub.

use serde_json::{Map, Value, json};

use crate::{label, metadata};
use meshroot_api::names::{AGENT_QUOTA, CLUSTER_LABEL, cluster_namespace};

/// Objects that a cluster may have on the hub, by the name that a quota counts them under. An honest cluster is far from
/// each: it has a Mesh for each control plane, one or two requests for each mesh (what is superseded is deleted), and a
/// record for each certificate that it ever had. Only the first two and the Leases are the agent's to create, but what
/// the hub creates for a cluster follows from what its agent asks for.
///
/// Events are not among them: no quota of Kubernetes counts them, and they go by themselves after an hour.
pub const CLUSTER_LIMITS: &[(&str, u64)] = &[
    ("count/meshes.discovery.zephyr.solo.io", 100),
    ("count/virtualmeshcertificatesigningrequests.security.zephyr.solo.io", 400),
    ("count/meshtrusts.meshroot.dev", 200),
    ("count/issuancerecords.meshroot.dev", 20_000),
    ("count/leases.coordination.k8s.io", 10),
];

/// The ResourceQuota of a cluster's namespace on the hub. It is created where it is missing and never changed
/// afterwards: the limits are the operator's from then on.
pub fn cluster_quota(cluster: &str) -> Value {
    let hard =
        CLUSTER_LIMITS.iter().map(|(name, most)| ((*name).to_owned(), json!(most.to_string())));
    let quota = json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": metadata(AGENT_QUOTA, Some(&cluster_namespace(cluster))),
        "spec": { "hard": hard.collect::<Map<_, _>>() },
    });
    label(quota, CLUSTER_LABEL, cluster)
}
