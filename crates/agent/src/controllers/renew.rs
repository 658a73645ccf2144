//! Requests of this cluster that are asked for here, and those that are forgotten.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use meshroot_api::names::{self, RequestName};
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_api::{Bytes, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_runtime::kube::write::{create_if_absent, delete};
use meshroot_runtime::process::crash;

use super::request::certificate_request;
use crate::agent::Agent;
use crate::error::AgentError;

/// Makes the request `name`, which renews `in_use` and asks for the same: key first.
pub(super) async fn ask(
    agent: &Agent,
    trust: &MeshTrust,
    name: &RequestName,
    in_use: &RequestName,
    mut spec: RequestSpec,
) -> Result<(), AgentError> {
    agent.check_leads()?;
    let key = agent.keys.ensure(name, trust.spec.key, &spec).await?;
    let csr = certificate_request(name, &spec, &key.private_key)?;
    spec.csr_data = Bytes::from(csr.to_pem());
    let mut request = Request::new(&name.to_string(), spec);
    request.metadata = ObjectMeta {
        name: Some(name.to_string()),
        namespace: Some(agent.namespace.clone()),
        labels: Some(names::labels_of_mesh(&name.mesh)),
        ..ObjectMeta::default()
    };
    agent.check_leads()?;
    agent.asks(&name.mesh);
    crash::point("agent-before-renewal");
    create_if_absent(&Api::namespaced(agent.hub.clone(), &agent.namespace), &request).await?;
    crash::point("agent-after-renewal");
    tracing::info!(request = %name, renews = %in_use, "{}", Reason::Requested);
    Ok(())
}

/// Deletes requests, then keys: a key without a request is found again by its label.
pub(super) async fn forget(
    agent: &Agent,
    requests: &[RequestName],
    keys: &[RequestName],
) -> Result<(), AgentError> {
    let api: Api<Request> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    for name in requests {
        if let Some(request) = agent.request(name) {
            agent.check_leads()?;
            delete(&api, request.as_ref()).await?;
            crash::point("agent-after-forget-request");
        }
    }
    for name in keys {
        agent.check_leads()?;
        agent.keys.delete(name).await?;
    }
    Ok(())
}
