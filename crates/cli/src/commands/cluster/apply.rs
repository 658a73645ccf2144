//! Create-or-update of manifests, repeated at will.

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, Client};
use meshroot_runtime::kube::write::FIELD_MANAGER;
use serde_json::Value;

use crate::failure::Failure;
use crate::patience::patiently;

/// What applying an object did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands) enum Deed {
    Created,
    Changed,
    Unchanged,
}

impl Deed {
    /// The word for it; `dry` where it was not done.
    pub(in crate::commands) fn word(self, dry: bool) -> &'static str {
        match (self, dry) {
            (Self::Created, false) => "created",
            (Self::Changed, false) => "changed",
            (Self::Created, true) => "would create",
            // Without asking the server nobody knows whether anything would change.
            (Self::Changed, true) => "would apply",
            (Self::Unchanged, _) => "unchanged",
        }
    }
}

/// Kind and name of a manifest: `Role meshroot-cluster-east/meshroot-agent`.
pub(in crate::commands) fn title(manifest: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &manifest["metadata"];
    match metadata["namespace"].as_str() {
        Some(namespace) => {
            format!("{} {namespace}/{}", text(&manifest["kind"]), text(&metadata["name"]))
        }
        None => format!("{} {}", text(&manifest["kind"]), text(&metadata["name"])),
    }
}

/// Applies one manifest (server-side, so that fields which others own stay theirs).
///
/// `dry` reads only. The words of the server about a Secret are not repeated.
pub(in crate::commands) async fn apply(
    client: &Client,
    manifest: &Value,
    dry: bool,
) -> Result<Deed, Failure> {
    let title = title(manifest);
    let refused = |error: &kube::Error| {
        let doing = format!("apply {title}");
        if manifest["kind"] == "Secret" {
            Failure::api_about_secret(&doing, error)
        } else {
            Failure::api(&doing, error)
        }
    };
    let (api, name) = api(client, manifest)?;
    let before = match patiently(async || api.get_opt(&name).await).await {
        Ok(before) => before,
        Err(error) => return Err(refused(&error)),
    };
    if dry {
        return Ok(if before.is_some() { Deed::Changed } else { Deed::Created });
    }
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let after = patiently(async || api.patch(&name, &parameters, &Patch::Apply(manifest)).await)
        .await
        .map_err(|error| refused(&error))?;
    Ok(match before {
        None => Deed::Created,
        Some(before) if before.metadata.resource_version == after.metadata.resource_version => {
            Deed::Unchanged
        }
        Some(_) => Deed::Changed,
    })
}

/// The API and the name of a manifest.
fn api(client: &Client, manifest: &Value) -> Result<(Api<DynamicObject>, String), Failure> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let version = text(&manifest["apiVersion"]);
    let (group, version) = version.split_once('/').unwrap_or(("", &version));
    let kind = text(&manifest["kind"]);
    let name = text(&manifest["metadata"]["name"]);
    if kind.is_empty() || name.is_empty() {
        return Err(Failure::no("a manifest has no kind or no name"));
    }
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
    let api = match manifest["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    Ok((api, name))
}
