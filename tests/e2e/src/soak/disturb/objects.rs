//! Objects that are deleted or spoiled behind the back of hub and agents.

use std::fmt::Debug;

use anyhow::{Context as _, Result};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use meshroot_api::names::{RequestName, root_secret};
use meshroot_api::{Mesh, MeshTrust, VirtualMeshCertificateSigningRequest as Request};
use meshroot_testkit::fleet::{
    AGENT_NAMESPACE, MESH_NAMESPACE, SYSTEM_NAMESPACE, cluster_namespace, mesh_name,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::soak::wanted::DEMO;
use crate::soak::watch::SPOILED;
use crate::soak::world::World;

const CACERTS: &str = "cacerts";

/// The key of the certificate in use, of which renewals are made.
pub(crate) async fn lose_key(world: &World, cluster: &'static str) -> Result<()> {
    let trusts: Api<MeshTrust> = Api::namespaced(world.hub.clone(), &cluster_namespace(cluster));
    let status = trusts.get_opt(&mesh_name(cluster)).await?.and_then(|trust| trust.status);
    let installed = status.and_then(|status| status.installed);
    let Some(name) = installed.and_then(|name| RequestName::parse(&name)) else { return Ok(()) };
    let keys: Api<Secret> = Api::namespaced(world.cluster(cluster)?, AGENT_NAMESPACE);
    delete(&keys, &name.key_secret()).await?;
    world.keyless().insert(cluster);
    Ok(())
}

pub(crate) async fn delete_cacerts(world: &World, cluster: &str) -> Result<()> {
    delete(&cacerts(world, cluster)?, CACERTS).await
}

/// Somebody else's words in place of the certificate, and a mark by which the watcher knows whose they are.
pub(crate) async fn spoil_cacerts(world: &World, cluster: &str) -> Result<()> {
    let rubbish = ByteString(b"rubbish\n".to_vec());
    let patch = json!({
        "metadata": { "annotations": { SPOILED: "true" } },
        "data": { "ca-cert.pem": rubbish },
    });
    let patch = Patch::Merge(&patch);
    let spoiled = cacerts(world, cluster)?.patch(CACERTS, &PatchParams::default(), &patch).await;
    unless_gone(spoiled.map(drop)).context("spoiling cacerts")
}

fn cacerts(world: &World, cluster: &str) -> Result<Api<Secret>> {
    Ok(Api::namespaced(world.cluster(cluster)?, MESH_NAMESPACE))
}

/// The newest of a mesh, wherever it stands.
pub(crate) async fn delete_request(world: &World, cluster: &str) -> Result<()> {
    let requests: Api<Request> = Api::namespaced(world.hub.clone(), &cluster_namespace(cluster));
    let all = requests.list(&ListParams::default()).await?;
    let newest = all.items.iter().max_by_key(|request| {
        (request.metadata.creation_timestamp.as_ref().map(|time| time.0), generation(request))
    });
    match newest.and_then(|request| request.metadata.name.as_deref()) {
        Some(name) => delete(&requests, name).await,
        None => Ok(()),
    }
}

fn generation(request: &Request) -> Option<u32> {
    Some(RequestName::parse(request.metadata.name.as_deref()?)?.generation)
}

pub(crate) async fn delete_mesh(world: &World, cluster: &str) -> Result<()> {
    let meshes: Api<Mesh> = Api::namespaced(world.hub.clone(), &cluster_namespace(cluster));
    delete(&meshes, &mesh_name(cluster)).await
}

/// The root Secret while it is away; `None` where there was none yet.
pub(crate) struct RootKept(Option<Secret>);

impl RootKept {
    pub(crate) async fn take(world: &World) -> Result<Self> {
        let api = Self::api(world);
        let kept = api.get_opt(&root_secret(DEMO)).await?;
        if kept.is_some() {
            delete(&api, &root_secret(DEMO)).await?;
        }
        Ok(Self(kept))
    }

    /// With another one in its place, which the hub would have made, this fails.
    pub(crate) async fn put_back(self, world: &World) -> Result<()> {
        let Some(mut secret) = self.0 else { return Ok(()) };
        secret.metadata.resource_version = None;
        secret.metadata.uid = None;
        secret.metadata.creation_timestamp = None;
        secret.metadata.managed_fields = None;
        let put = Self::api(world).create(&PostParams::default(), &secret).await;
        put.map(drop).context("putting the root back")
    }

    fn api(world: &World) -> Api<Secret> {
        Api::namespaced(world.hub.clone(), SYSTEM_NAMESPACE)
    }
}

/// What is gone already is as wanted.
async fn delete<K>(api: &Api<K>, name: &str) -> Result<()>
where
    K: Clone + Debug + DeserializeOwned,
{
    let deleted = api.delete(name, &DeleteParams::default()).await;
    unless_gone(deleted.map(drop)).with_context(|| format!("deleting {name}"))
}

fn unless_gone(outcome: kube::Result<()>) -> Result<()> {
    match outcome {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        outcome => Ok(outcome?),
    }
}
