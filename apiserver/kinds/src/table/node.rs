//! Cells of nodes.

use serde_json::Value;

use super::form::or_none;
use super::row::Row;
use crate::reading::Reading;

impl Row<'_> {
    pub(super) fn node(&self) -> Vec<Value> {
        let node = self.object;
        let ready = node
            .entries(&["status", "conditions"])
            .iter()
            .find(|entry| entry.text(&["type"]) == "Ready");
        let mut status = match ready.map(|ready| ready.text(&["status"])) {
            None => "Unknown",
            Some("True") => "Ready",
            Some(_) => "NotReady",
        }
        .to_owned();
        if node.flag(&["spec", "unschedulable"]) {
            status.push_str(",SchedulingDisabled");
        }
        let address = |kind: &str| {
            let addresses = node.entries(&["status", "addresses"]).iter();
            or_none(
                addresses
                    .filter(|entry| entry.text(&["type"]) == kind)
                    .map(|entry| entry.text(&["address"]))
                    .next()
                    .unwrap_or_default(),
            )
        };
        let known = |field: &str| match node.text(&["status", "nodeInfo", field]) {
            "" => "<unknown>".to_owned(),
            text => text.to_owned(),
        };
        let mut kernel = known("kernelVersion");
        let architecture = node.text(&["status", "nodeInfo", "architecture"]);
        if !architecture.is_empty() {
            kernel = format!("{kernel} ({architecture})");
        }
        vec![
            self.name(),
            status.into(),
            node_roles(node).into(),
            self.age(),
            self.cell(&["status", "nodeInfo", "kubeletVersion"]),
            address("InternalIP").into(),
            address("ExternalIP").into(),
            known("osImage").into(),
            kernel.into(),
            known("containerRuntimeVersion").into(),
        ]
    }
}

/// Roles that a node's labels name.
fn node_roles(node: &Value) -> String {
    let mut roles: Vec<&str> = node
        .fields(&["metadata", "labels"])
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role).filter(|role| !role.is_empty()),
            None if key == "kubernetes.io/role" => value.as_str().filter(|role| !role.is_empty()),
            None => None,
        })
        .collect();
    roles.sort_unstable();
    roles.dedup();
    or_none(&roles.join(","))
}
