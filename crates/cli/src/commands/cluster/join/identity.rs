//! Which cluster it is: a name on the hub belongs to one cluster, and a cluster has one name.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{Api, Client, ResourceExt as _};
use meshroot_api::names::{
    AGENT_NAMESPACE, CLUSTER_UID_ANNOTATION, CREDENTIAL_CLUSTER_KEY, HUB_CREDENTIALS_SECRET,
    SYSTEM_NAMESPACE, cluster_namespace,
};
use meshroot_runtime::kube::call::retried;

use crate::failure::Failure;

/// A cluster, and whose place it takes.
pub(super) struct Identity {
    /// Uid of its `kube-system` namespace.
    pub(super) uid: String,
    /// Another cluster has had the name.
    pub(super) replaces_another: bool,
    /// The name under which this cluster has joined before, if it is another one.
    pub(super) former_name: Option<String>,
}

/// Refuses a name that belongs to another cluster, and a cluster that has another name; `replace` allows both.
pub(super) async fn check(
    hub: &Client,
    cluster: &Client,
    name: &str,
    replace: bool,
) -> Result<Identity, Failure> {
    let system = namespace(hub, SYSTEM_NAMESPACE, "on the hub").await?;
    if system.is_none() {
        return Err(Failure::no(format!(
            "the hub is not installed: it has no Namespace {SYSTEM_NAMESPACE}"
        ))
        .fix("meshroot install | kubectl --context HUB apply -f -"));
    }
    let uid = cluster_uid(cluster).await?;
    let home = cluster_namespace(name);
    let known = namespace(hub, &home, "on the hub").await?;
    let known = known.as_ref().and_then(|home| home.annotations().get(CLUSTER_UID_ANNOTATION));
    let another = known.filter(|known| **known != uid);
    if let Some(known) = another.filter(|_| !replace) {
        return Err(Failure::no(format!(
            "the name {name} belongs to another cluster: its kube-system has uid {known}, here it is {uid}"
        ))
        .see(format!("Namespace {home} on the hub, annotation {CLUSTER_UID_ANNOTATION}"))
        .fix("join under another name; or, if that cluster is gone for good, repeat with --replace"));
    }
    let former_name = joined_as(cluster).await?.filter(|former| former != name);
    if let Some(other) = former_name.as_ref().filter(|_| !replace) {
        return Err(Failure::no(format!("this cluster has joined as {other} already"))
            .see(format!(
                "Secret {AGENT_NAMESPACE}/{HUB_CREDENTIALS_SECRET} in the cluster, key {CREDENTIAL_CLUSTER_KEY}"
            ))
            .fix(format!("meshroot cluster join {other}; or, to be {name} from now on, repeat with --replace")));
    }
    Ok(Identity { replaces_another: another.is_some(), uid, former_name })
}

/// Refuses mesh namespaces that are not there: the agent's rights in them could not be given.
pub(super) async fn check_mesh_namespaces(
    cluster: &Client,
    namespaces: &[String],
) -> Result<(), Failure> {
    for name in namespaces {
        if namespace(cluster, name, "in the cluster").await?.is_none() {
            return Err(Failure::no(format!(
                "the cluster has no Namespace {name}, so the agent cannot be given rights in it"
            ))
            .fix(format!(
                "install the mesh first or create the namespace (kubectl create namespace {name}), or say where the \
                     mesh is with --mesh-namespace"
            )));
        }
    }
    Ok(())
}

async fn cluster_uid(cluster: &Client) -> Result<String, Failure> {
    let found = namespace(cluster, "kube-system", "in the cluster").await?;
    found.and_then(|namespace| namespace.metadata.uid).ok_or_else(|| {
        Failure::no("the cluster has no Namespace kube-system, whose uid would tell it from others")
            .fix("check --context: is this a Kubernetes cluster?")
    })
}

async fn namespace(client: &Client, name: &str, place: &str) -> Result<Option<Namespace>, Failure> {
    let api: Api<Namespace> = Api::all(client.clone());
    retried(async || api.get_opt(name).await)
        .await
        .map_err(|error| Failure::api(&format!("read Namespace {name} {place}"), &error))
}

/// The name under which this cluster has joined before.
async fn joined_as(cluster: &Client) -> Result<Option<String>, Failure> {
    let api: Api<Secret> = Api::namespaced(cluster.clone(), AGENT_NAMESPACE);
    let doing = format!("read Secret {AGENT_NAMESPACE}/{HUB_CREDENTIALS_SECRET} in the cluster");
    let found = retried(async || api.get_opt(HUB_CREDENTIALS_SECRET).await).await;
    let secret = found.map_err(|error| Failure::api_about_secret(&doing, &error))?;
    let name = secret.and_then(|secret| secret.data?.remove(CREDENTIAL_CLUSTER_KEY));
    Ok(name.and_then(|name| String::from_utf8(name.0).ok()).filter(|name| !name.is_empty()))
}
