//! Renewals: the next request from what is kept beside the key, and what may be forgotten afterwards.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use meshroot_api::names::{self, RequestName};
use meshroot_api::{Bytes, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::{Refusal, renewal};
use meshroot_runtime::kube::write::{create_if_absent, delete};
use meshroot_runtime::process::crash;

use super::request::certificate_request;
use crate::agent::Agent;
use crate::error::AgentError;

/// Makes the request that renews `in_use`, key first, unless it is under way.
pub(crate) async fn begin(
    agent: &Agent,
    trust: &MeshTrust,
    in_use: &RequestName,
) -> Result<(), AgentError> {
    if current(trust).is_some_and(|current| current.virtual_mesh != in_use.virtual_mesh) {
        // The mesh has moved: its new virtual mesh has asked already.
        return Ok(());
    }
    let mut next = in_use.next();
    while let Some(request) = agent.request(&next) {
        if !is_dead(&request) {
            return Ok(());
        }
        next = next.next();
    }
    let Some(kept) = agent.keys.find(in_use).await? else {
        let message = format!(
            "the key Secret {} is gone, and with it what a renewal is made from; run `meshroot renew`",
            in_use.key_secret()
        );
        return Err(Refusal::new(Reason::ResponseInvalid, message).into());
    };
    agent.check_leads()?;
    let key = agent.keys.ensure(&next, trust.spec.key, &kept.spec).await?;
    let csr = certificate_request(&next, &kept.spec, &key.private_key)?;
    let mut spec = kept.spec;
    spec.csr_data = Bytes::from(csr.to_pem());
    let mut request = Request::new(&next.to_string(), spec);
    request.metadata = ObjectMeta {
        name: Some(next.to_string()),
        namespace: Some(agent.namespace.clone()),
        labels: Some(names::labels_of_mesh(&next.mesh)),
        ..ObjectMeta::default()
    };
    agent.check_leads()?;
    crash::point("agent-before-renewal");
    create_if_absent(&Api::namespaced(agent.hub.clone(), &agent.namespace), &request).await?;
    crash::point("agent-after-renewal");
    tracing::info!(request = %next, renews = %in_use, "{}", Reason::Requested);
    Ok(())
}

/// Whether the mesh is still in the virtual mesh of `in_use`. Asked of the API: a local copy that lags behind a move
/// would have the new virtual mesh's request taken for a superseded one.
async fn is_current(
    agent: &Agent,
    trust: &MeshTrust,
    in_use: &RequestName,
) -> Result<bool, AgentError> {
    let api: Api<MeshTrust> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    let name = trust.metadata.name.as_deref().unwrap_or_default();
    let now = api.get_opt(name).await.map_err(AgentError::read(format!("MeshTrust {name}")))?;
    Ok(now
        .as_ref()
        .and_then(current)
        .is_some_and(|current| current.virtual_mesh == in_use.virtual_mesh))
}

/// The request whose certificate is to be in use.
fn current(trust: &MeshTrust) -> Option<RequestName> {
    RequestName::parse(&trust.spec.request)
}

/// A request whose number or key is taken can never be answered, and nobody decided against it: the next number is
/// tried. After a denial nothing is.
fn is_dead(request: &Request) -> bool {
    let message = request.status_or_default().computed_status.message;
    let reason = Reason::split(&message).map(|(reason, _)| reason);
    matches!(reason, Some(Reason::RecordMismatch | Reason::KeyReused))
}

/// Deletes older requests and their keys, now that `in_use` was seen in use. The request first: a key without a
/// request is found again by its label.
pub(crate) async fn forget_superseded(
    agent: &Agent,
    trust: &MeshTrust,
    in_use: &RequestName,
) -> Result<(), AgentError> {
    let api: Api<Request> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    let known: Vec<RequestName> = agent
        .requests
        .store()
        .state()
        .iter()
        .filter_map(|request| RequestName::parse(request.metadata.name.as_deref()?))
        .collect();
    let keys = agent.keys.requests(&in_use.mesh).await?;
    let (known, keys) = (renewal::superseded(in_use, &known), renewal::superseded(in_use, &keys));
    if (known.is_empty() && keys.is_empty()) || !is_current(agent, trust, in_use).await? {
        return Ok(());
    }
    for old in known {
        if let Some(request) = agent.request(old) {
            agent.check_leads()?;
            delete(&api, request.as_ref()).await?;
            crash::point("agent-after-forget-request");
        }
    }
    for old in keys {
        agent.check_leads()?;
        agent.keys.delete(old).await?;
    }
    Ok(())
}
