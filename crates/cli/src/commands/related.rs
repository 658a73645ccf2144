//! What belongs to an object, and may be missing or hidden from who looks: then less is told.

use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use meshroot_api::names::RequestName;
use meshroot_api::{RequestApproval, TrustPolicy, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::membership::{Key, policy};
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::kube::write::{Failure as ApiFailure, classify};
use meshroot_view::describe::request::{RequestFile, previous};
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::session::{Scope, Session};

/// A request and what belongs to it.
pub(super) async fn request_file(
    session: &Session,
    request: Request,
) -> Result<RequestFile, Failure> {
    let namespace = request.metadata.namespace.clone().unwrap_or_default();
    let name = request.metadata.name.clone().unwrap_or_default();
    let virtual_mesh = Key::resolve(&request.spec.virtual_mesh_ref, &namespace);
    let (mesh, previous) = match RequestName::parse(&name) {
        Some(own) => {
            let previous = previous(&own, requests(session, &namespace).await?);
            (own.mesh, previous)
        }
        None => (String::new(), None),
    };
    let before = previous.as_ref().and_then(|previous| previous.metadata.name.clone());
    Ok(RequestFile {
        record_before: optional(session, &namespace, &before.unwrap_or_default()).await?,
        virtual_mesh: optional(session, &virtual_mesh.namespace, &virtual_mesh.name).await?,
        previous,
        mesh: optional(session, &namespace, &mesh).await?,
        trust: optional(session, &namespace, &mesh).await?,
        policy: policy_of(session, &virtual_mesh).await?,
        record: optional(session, &namespace, &name).await?,
        approvals: approvals(session, &namespace, &name).await?,
        request,
    })
}

/// The approvals of a request that there are.
async fn approvals(
    session: &Session,
    namespace: &str,
    request: &str,
) -> Result<Vec<RequestApproval>, Failure> {
    let api: Api<RequestApproval> = Api::namespaced(session.client.clone(), namespace);
    match retried(async || api.list(&ListParams::default()).await).await {
        Ok(list) => {
            Ok(list.items.into_iter().filter(|approval| approval.spec.request == request).collect())
        }
        Err(error) if is_hidden(&error) => Ok(Vec::new()),
        Err(error) => {
            Err(Failure::api(&format!("list requestapprovals in namespace {namespace}"), &error))
        }
    }
}

/// The policy that the hub goes by, whatever its name; none where there are two, which the status of the virtual mesh says.
pub(super) async fn policy_of(
    session: &Session,
    virtual_mesh: &Key,
) -> Result<Option<TrustPolicy>, Failure> {
    let api: Api<TrustPolicy> = Api::namespaced(session.client.clone(), &virtual_mesh.namespace);
    match retried(async || api.list(&ListParams::default()).await).await {
        Ok(list) => Ok(policy(list.items, virtual_mesh).unwrap_or_default()),
        Err(error) if is_hidden(&error) => Ok(None),
        Err(error) => {
            let doing = format!("list trustpolicies in namespace {}", virtual_mesh.namespace);
            Err(Failure::api(&doing, &error))
        }
    }
}

/// The requests of a namespace.
pub(super) async fn requests(session: &Session, namespace: &str) -> Result<Vec<Request>, Failure> {
    let doing = format!("list vmcsr in namespace {namespace}");
    let scope = Scope::Namespace(namespace.to_owned());
    session.list(&doing, &scope, &ListParams::default()).await
}

/// Reads an object that may not be there, or that the reader may not see: then less is told.
pub(super) async fn optional<K>(
    session: &Session,
    namespace: &str,
    name: &str,
) -> Result<Option<K>, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    if namespace.is_empty() || name.is_empty() {
        return Ok(None);
    }
    match retried(async || {
        Api::<K>::namespaced(session.client.clone(), namespace).get_opt(name).await
    })
    .await
    {
        Ok(object) => Ok(object),
        Err(error) if is_hidden(&error) => Ok(None),
        Err(error) => {
            Err(Failure::api(&format!("read {} {namespace}/{name}", K::kind(&())), &error))
        }
    }
}

/// Whether something is not there, or not for this user to see.
fn is_hidden(error: &kube::Error) -> bool {
    matches!(classify(error), ApiFailure::Forbidden(_) | ApiFailure::NotFound { .. })
}
