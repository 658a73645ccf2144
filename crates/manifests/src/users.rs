//! Roles for people, which an administrator binds.

use serde_json::{Value, json};

use crate::access::{READ, allow, cluster_role};
use crate::label;

const REQUESTS: &str = "security.zephyr.solo.io";
const NETWORKING: &str = "networking.zephyr.solo.io";
const DISCOVERY: &str = "discovery.zephyr.solo.io";
const MESHROOT: &str = "meshroot.dev";

/// ClusterRoles for people: `meshroot-viewer` (part of the cluster's own `view`), `meshroot-operator` and
/// `meshroot-approver`. They are bound to nobody.
pub fn user_roles() -> Vec<Value> {
    let viewer = cluster_role("meshroot-viewer", &viewer_rules());
    vec![
        label(viewer, "rbac.authorization.k8s.io/aggregate-to-view", "true"),
        cluster_role("meshroot-operator", &[viewer_rules(), operator_rules()].concat()),
        cluster_role("meshroot-approver", &[viewer_rules(), approver_rules()].concat()),
    ]
}

fn viewer_rules() -> Vec<Value> {
    vec![
        allow(REQUESTS, &["virtualmeshcertificatesigningrequests"], READ),
        allow(NETWORKING, &["virtualmeshes"], READ),
        allow(DISCOVERY, &["meshes", "kubernetesclusters"], READ),
        allow(
            MESHROOT,
            &[
                "trustpolicies",
                "rootrotations",
                "meshtrusts",
                "issuancerecords",
                "requestapprovals",
            ],
            READ,
        ),
        // When each agent was last heard, and what happened.
        allow("coordination.k8s.io", &["leases"], READ),
        allow("", &["events"], READ),
        allow("events.k8s.io", &["events"], READ),
    ]
}

fn operator_rules() -> Vec<Value> {
    let write = ["create", "update", "patch", "delete"];
    vec![
        allow(NETWORKING, &["virtualmeshes"], &write),
        allow(DISCOVERY, &["meshes", "kubernetesclusters"], &write),
        allow(DISCOVERY, &["meshes"], &["join"]),
        allow(MESHROOT, &["trustpolicies", "rootrotations"], &write),
        // `meshroot renew` creates the next request; the admission policy keeps csrData from it.
        allow(REQUESTS, &["virtualmeshcertificatesigningrequests"], &["create", "delete"]),
    ]
}

fn approver_rules() -> Vec<Value> {
    vec![
        allow(
            REQUESTS,
            &["virtualmeshcertificatesigningrequests/status"],
            &["get", "update", "patch"],
        ),
        allow(MESHROOT, &["requestapprovals"], &["create", "delete"]),
        json!({ "apiGroups": [NETWORKING], "resources": ["virtualmeshes"], "verbs": ["approve"] }),
    ]
}
