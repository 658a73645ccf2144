//! Restarting a control plane, where the policy allows it.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::{Patch, PatchParams};
use meshroot_api::names;
use meshroot_runtime::kube::write::FIELD_MANAGER;
use serde_json::json;

use super::{ControlPlane, Istio};
use crate::error::AgentError;

impl Istio {
    /// Restarts istiod for what `cause` names as `kubectl rollout restart` does; `false` if that was done before.
    pub(super) async fn roll_out(
        &self,
        place: &ControlPlane,
        cause: &str,
        at: jiff::Timestamp,
    ) -> Result<bool, AgentError> {
        let api: Api<Deployment> = Api::namespaced(self.local.clone(), &place.namespace);
        let what = || format!("Deployment {}/{}", place.namespace, place.deployment);
        let found = api.get(&place.deployment).await.map_err(AgentError::read(what()))?;
        let done = found
            .metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(names::RESTARTED_FOR_ANNOTATION));
        if done.is_some_and(|done| done == cause) {
            return Ok(false);
        }
        let patch = json!({
            "metadata": {
                "resourceVersion": found.metadata.resource_version,
                "annotations": { names::RESTARTED_FOR_ANNOTATION: cause },
            },
            "spec": { "template": { "metadata": { "annotations": { names::RESTARTED_AT_ANNOTATION: at.to_string() } } } },
        });
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        api.patch(&place.deployment, &parameters, &Patch::Merge(&patch))
            .await
            .map_err(AgentError::read(what()))?;
        Ok(true)
    }
}
