//! Where the control plane of a mesh is.

use k8s_openapi::api::core::v1::ObjectReference;

/// A control plane that runs as a Deployment and reads its CA from a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// Name of its Mesh.
    pub mesh: String,
    /// Its namespace, where the Secret belongs.
    pub namespace: String,
    /// Name of its Deployment.
    pub deployment: String,
    /// Name of the Secret.
    pub secret: &'static str,
    /// Whether the agent was given the right to restart it.
    pub may_restart: bool,
}

impl ControlPlane {
    /// The Deployment, for events.
    pub fn reference(&self) -> ObjectReference {
        ObjectReference {
            api_version: Some("apps/v1".to_owned()),
            kind: Some("Deployment".to_owned()),
            name: Some(self.deployment.clone()),
            namespace: Some(self.namespace.clone()),
            ..ObjectReference::default()
        }
    }

    /// The command that restarts it.
    pub fn restart_command(&self) -> String {
        format!("kubectl -n {} rollout restart deployment/{}", self.namespace, self.deployment)
    }
}
