//! `meshroot cluster leave`.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota, ServiceAccount};
use k8s_openapi::api::rbac::v1::RoleBinding;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use meshroot_api::names::{
    AGENT_NAMESPACE, AGENT_SERVICE_ACCOUNT, SYSTEM_NAMESPACE, cluster_namespace, ledger_claim,
};
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::kube::write::delete;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::check_name;
use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

/// Which cluster.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Name of the cluster on the hub
    name: String,
}

/// Takes the agent's credentials on the hub away. Certificates that are in use stay in use.
pub(super) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    check_name(&asked.name)?;
    let home = cluster_namespace(&asked.name);
    let namespaces: Api<Namespace> = Api::all(session.client.clone());
    let found = retried(async || namespaces.get_opt(&home).await)
        .await
        .map_err(|error| Failure::api(&format!("read Namespace {home}"), &error))?;
    if found.is_none() {
        return Err(Failure::no(format!(
            "no cluster {} takes part: the hub has no Namespace {home}",
            asked.name
        ))
        .fix("see who takes part with: meshroot cluster list"));
    }
    let binding = remove::<RoleBinding>(&session.client, &home).await?;
    let account = remove::<ServiceAccount>(&session.client, &home).await?;
    // After the account: nobody is left who renews it, and an agent that is not to be heard is not missed.
    let lease = remove::<Lease>(&session.client, &home).await?;
    // Nobody who it limits is left.
    let quota = remove::<ResourceQuota>(&session.client, &home).await?;
    if !binding && !account {
        terminal.line(format!("cluster {} had no credentials on the hub any more", asked.name))?;
    }
    for (gone, kind) in [
        (binding, "RoleBinding"),
        (account, "ServiceAccount"),
        (lease, "Lease"),
        (quota, "ResourceQuota"),
    ] {
        if gone {
            terminal.line(format!("deleted {kind} {home}/{AGENT_SERVICE_ACCOUNT}"))?;
        }
    }
    terminal.print(&remains(&asked.name, &home))
}

/// Deletes the agent's object of this kind on the hub; `false` where there is none.
pub(super) async fn remove<K>(client: &Client, namespace: &str) -> Result<bool, Failure>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let doing = format!("read {} {namespace}/{AGENT_SERVICE_ACCOUNT}", K::kind(&()));
    match retried(async || api.get_opt(AGENT_SERVICE_ACCOUNT).await)
        .await
        .map_err(|error| Failure::api(&doing, &error))?
    {
        Some(object) => Ok(retried(async || delete(&api, &object).await).await?),
        None => Ok(false),
    }
}

fn remains(cluster: &str, home: &str) -> String {
    let claim = ledger_claim(home);
    format!(
        "\
the agent has no rights on the hub any more, and its tokens end within seconds;
the mesh keeps its certificate until that expires

what stays, and how to remove it:
  requests, ledger, trust state   kubectl delete namespace {home}
  how far the ledger had come     kubectl -n {SYSTEM_NAMESPACE} delete configmap {claim}
  the cluster's entry             kubectl -n {SYSTEM_NAMESPACE} delete kubernetescluster {cluster}
  membership                      take its meshes out of spec.meshes of the VirtualMesh
  the agent, in the cluster       kubectl delete namespace {AGENT_NAMESPACE}   (its keys go with it)
to come back: meshroot cluster join {cluster}
"
    )
}

const AFTER_HELP: &str = "\
Examples:
  meshroot cluster leave east --context hub";
