//! Requests of this cluster: a key first, then the certificate signing request.

use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use meshroot_api::names::RequestName;
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_api::{Bytes, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::identity;
use meshroot_pki::{CertificateRequest, PrivateKey};
use meshroot_runtime::kube::write::replace;
use meshroot_runtime::process::crash;
use meshroot_runtime::process::queue::Outcome;

use crate::agent::Agent;
use crate::error::AgentError;

/// Answers a request that the hub (or `meshroot renew`) made with a key and a PKCS#10 request.
pub(crate) async fn reconcile(agent: Arc<Agent>, name: String) -> Result<Outcome, AgentError> {
    // Requests of the original system are answered by the agent that made them.
    let Some(parsed) = RequestName::parse(&name) else { return Ok(Outcome::Done) };
    agent.mesh_queue.add(parsed.mesh.clone());
    let Some(request) = agent.request(&parsed) else { return Ok(Outcome::Done) };
    let waits = request.spec.csr_data.0.is_empty() && request.metadata.deletion_timestamp.is_none();
    if !waits || agent.mesh(&parsed.mesh).is_none() {
        return Ok(Outcome::Done);
    }
    // Read anew: the hub writes MeshTrust before it asks, but two watches bring the two in any order, and a key of the
    // old type would answer a request for the new one.
    let trusts: Api<MeshTrust> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    let trust = trusts
        .get_opt(&parsed.mesh)
        .await
        .map_err(AgentError::read(format!("MeshTrust {}", parsed.mesh)))?;
    let Some(trust) = trust else { return Ok(Outcome::RequeueAfter(Duration::from_secs(2))) };
    agent.check_leads()?;
    let key = agent.keys.ensure(&parsed, trust.spec.key, &request.spec).await?;
    let csr = certificate_request(&parsed, &request.spec, &key.private_key)?;
    agent.check_leads()?;
    submit(&agent, &request, &csr).await?;
    crash::point("agent-after-csr");
    tracing::info!(request = name, csr_sha256 = %csr.fingerprint(), key = %key.private_key.public_key().kind_name(), "{}", Reason::Requested);
    Ok(Outcome::Done)
}

async fn submit(
    agent: &Agent,
    request: &Request,
    csr: &CertificateRequest,
) -> Result<(), AgentError> {
    let api: Api<Request> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    let mut next = request.clone();
    next.spec.csr_data = Bytes::from(csr.to_pem());
    next.status = None;
    crash::point("agent-before-csr");
    replace(&api, &next).await?;
    Ok(())
}

/// The PKCS#10 request for a spec.
pub(super) fn certificate_request(
    name: &RequestName,
    spec: &RequestSpec,
    key: &PrivateKey,
) -> Result<CertificateRequest, AgentError> {
    let (subject, hosts) = identity::certified_names(name, spec)?;
    Ok(CertificateRequest::create(key, &subject, &hosts)?)
}
