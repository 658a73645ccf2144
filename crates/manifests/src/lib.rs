//! The Kubernetes objects that Meshroot installs, as pure functions of a few names.
//!
//! `meshroot install`, `meshroot cluster join` and `cargo xtask generate` all take them from here, so
//! what is documented under `deploy/` is what is installed. Every object carries the label
//! `app.kubernetes.io/managed-by: meshroot`, has its `apiVersion` and `kind`, and may be applied
//! again at any time. Where order matters (a Namespace before what is in it), the list is in order.

mod access;
mod agent;
mod crds;
mod hub;
pub mod monitoring;
mod policies;
mod quota;
mod schema;
mod users;
mod workload;
mod yaml;

pub use agent::{
    AgentCredentials, DEFAULT_MESH_NAMESPACE, Reach, agent_cluster_objects, agent_deployment,
    agent_hub_objects, agent_rbac,
};
pub use crds::{crd_objects, crds};
pub use hub::{
    hub_deployment, hub_objects, hub_prerequisites, hub_rbac, hub_user, root_namespace_rbac,
};
pub use policies::{mutating_policies, policies};
pub use quota::{CLUSTER_LIMITS, cluster_quota};
pub use users::user_roles;
pub use yaml::to_yaml;

use meshroot_api::names::{MANAGED_BY, MANAGED_BY_LABEL, PART_OF_LABEL};
use serde_json::{Map, Value, json};

/// The port that the hub and the agent serve `/healthz`, `/readyz` and `/metrics` on.
pub const HEALTH_PORT: u16 = 8080;

/// A Namespace.
pub fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name, None) })
}

/// Metadata with the label that every object carries.
pub(crate) fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(name));
    if let Some(namespace) = namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    metadata.insert(
        "labels".to_owned(),
        json!({ MANAGED_BY_LABEL: MANAGED_BY, PART_OF_LABEL: MANAGED_BY }),
    );
    Value::Object(metadata)
}

/// Adds one label to an object that [`metadata`] began.
pub(crate) fn label(mut object: Value, key: &str, value: &str) -> Value {
    object["metadata"]["labels"][key] = json!(value);
    object
}

#[cfg(test)]
mod largest;
#[cfg(test)]
mod tests;
