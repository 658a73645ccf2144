//! What an agent may do for an Istio.

use meshroot_api::names::AGENT_SERVICE_ACCOUNT;

use super::cacerts::{SECRET, SELF_SIGNED};
use crate::meshes::{Right, Rights};

/// The ConfigMap in every namespace that istiod publishes its trust anchors in.
pub const PUBLISHED_ANCHORS: &str = "istio-ca-root-cert";

pub(super) const RIGHTS: Rights = Rights {
    own_namespace: &[
        Right { group: "", resource: "configmaps", names: &[PUBLISHED_ANCHORS], verbs: &["get"] },
        // To ask the mesh's CA for a workload certificate of its own: proof of what the mesh has loaded.
        Right {
            group: "",
            resource: "serviceaccounts/token",
            names: &[AGENT_SERVICE_ACCOUNT],
            verbs: &["create"],
        },
    ],
    mesh_namespace: &[
        // No name can be given for `create`: a backup's is not known beforehand.
        Right { group: "", resource: "secrets", names: &[], verbs: &["create"] },
        Right {
            group: "",
            resource: "secrets",
            names: &[SECRET],
            verbs: &["get", "update", "patch", "delete"],
        },
        // A mesh that signs by itself goes on with that CA, from `cacerts`, until its workloads trust both.
        Right { group: "", resource: "secrets", names: &[SELF_SIGNED], verbs: &["get"] },
        // `istio` and `istio-<revision>`; no list, so only what is known by name.
        Right { group: "", resource: "configmaps", names: &[], verbs: &["get"] },
    ],
};
