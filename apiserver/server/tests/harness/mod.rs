//! A server on loopback, and clients that say exactly what a test wants said.

// Each test binary uses its own part of this.
#![allow(dead_code, unreachable_pub, unused_imports)]

pub mod answer;
pub mod bystander;
pub mod connection;
pub mod resident;
pub mod running;

pub use answer::Answer;
pub use bystander::Bystander;
pub use connection::Connection;
pub use running::{Running, Target};

/// The default namespace's ConfigMaps.
pub const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// A ConfigMap with one entry.
pub fn config_map(name: &str, value: &str) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "value": value },
    })
}
