//! Create-or-update of manifests, repeated at will.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::runtime::wait::{self, await_condition, conditions};
use kube::{Api, Client};
use serde_json::Value;

use super::call::{CallError, retried};
use super::write::FIELD_MANAGER;

/// What applying an object did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was not there.
    Created,
    /// It was another before.
    Changed,
    /// It was so already.
    Unchanged,
}

/// Why a manifest is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It does not say what it is of.
    #[error("a manifest has no kind or no name")]
    Nameless,
    /// The API refused it or could not be reached.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A kind was defined, but is not served.
    #[error("could not wait until {name} is served: {source}")]
    NotServed {
        /// Name of the definition.
        name: String,
        /// What the wait ended with.
        source: wait::Error,
    },
}

/// Kind and name of a manifest: `Role meshroot-cluster-east/meshroot-agent`.
pub fn title(manifest: &Value) -> String {
    let (kind, name) = (text(&manifest["kind"]), text(&manifest["metadata"]["name"]));
    match manifest["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{kind} {namespace}/{name}"),
        None => format!("{kind} {name}"),
    }
}

/// Applies one manifest (server-side, so that fields which others own stay theirs).
pub async fn apply(client: &Client, manifest: &Value) -> Result<Applied, ApplyError> {
    let (api, name) = api(client, manifest)?;
    let refused = |error| refused(manifest, error);
    let before = retried(async || api.get_opt(&name).await).await.map_err(refused)?;
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(manifest);
    let after =
        retried(async || api.patch(&name, &parameters, &patch).await).await.map_err(refused)?;
    let version = after.metadata.resource_version;
    Ok(match before {
        None => Applied::Created,
        Some(before) if before.metadata.resource_version == version => Applied::Unchanged,
        Some(_) => Applied::Changed,
    })
}

/// Whether an object of the manifest's name is there.
pub async fn exists(client: &Client, manifest: &Value) -> Result<bool, ApplyError> {
    let (api, name) = api(client, manifest)?;
    let found = retried(async || api.get_opt(&name).await).await;
    Ok(found.map_err(|error| refused(manifest, error))?.is_some())
}

/// Applies manifests that do not need each other, several at a time.
pub async fn apply_all(client: &Client, manifests: Vec<Value>) -> Result<(), ApplyError> {
    let all = stream::iter(manifests)
        .map(|manifest| async move { apply(client, &manifest).await.map(drop) });
    all.buffer_unordered(AT_A_TIME).try_collect().await
}

/// Applies namespaces and definitions, then the rest, and returns once every kind that they define is served.
pub async fn install(client: &Client, manifests: Vec<Value>) -> Result<(), ApplyError> {
    let is_kind = |manifest: &Value, kind: &str| manifest["kind"] == kind;
    let (first, rest): (Vec<Value>, Vec<Value>) = manifests.into_iter().partition(|manifest| {
        is_kind(manifest, "Namespace") || is_kind(manifest, "CustomResourceDefinition")
    });
    let definitions = first.iter().filter(|one| is_kind(one, "CustomResourceDefinition"));
    let defined: Vec<String> = definitions.map(|one| text(&one["metadata"]["name"])).collect();
    apply_all(client, first).await?;
    tokio::try_join!(apply_all(client, rest), served(client, defined))?;
    Ok(())
}

async fn served(client: &Client, definitions: Vec<String>) -> Result<(), ApplyError> {
    for name in definitions {
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        await_condition(api, &name, conditions::is_crd_established())
            .await
            .map_err(|source| ApplyError::NotServed { name, source })?;
    }
    Ok(())
}

/// The words of the server about a Secret are not repeated.
fn refused(manifest: &Value, error: kube::Error) -> ApplyError {
    let doing = format!("apply {}", title(manifest));
    ApplyError::Call(if manifest["kind"] == "Secret" {
        CallError::about_secret(doing, &error)
    } else {
        CallError::new(doing, error)
    })
}

/// The API and the name of a manifest.
fn api(client: &Client, manifest: &Value) -> Result<(Api<DynamicObject>, String), ApplyError> {
    let version = text(&manifest["apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let (kind, name) = (text(&manifest["kind"]), text(&manifest["metadata"]["name"]));
    if kind.is_empty() || name.is_empty() {
        return Err(ApplyError::Nameless);
    }
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let api = match manifest["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    Ok((api, name))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

const AT_A_TIME: usize = 8;
