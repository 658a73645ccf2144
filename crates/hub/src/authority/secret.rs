//! The Secret of a root, read and written.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use meshroot_api::{Reason, names};
use meshroot_ca::Issuer;
use meshroot_core::Refusal;
use meshroot_core::membership::Key;
use meshroot_core::trust::TrustSet;
use meshroot_pki::parse_bundle;

use super::Root;

/// The virtual mesh that a Secret says it is for.
pub(super) fn owner(secret: &Secret) -> Option<&str> {
    let annotations = secret.metadata.annotations.as_ref()?;
    annotations.get(names::VIRTUAL_MESH_ANNOTATION).map(String::as_str)
}

/// Reads who signs and what is trusted.
pub(super) fn read(place: &Key, secret: &Secret, now: Timestamp) -> Result<Root, Refusal> {
    let invalid =
        |what: String| Refusal::new(Reason::RootSecretInvalid, format!("Secret {place}: {what}"));
    let part = |name: &str| {
        secret.data.as_ref().and_then(|data| data.get(name)).map(|bytes| bytes.0.as_slice())
    };
    let needed = |name: &'static str| {
        part(name).ok_or_else(|| invalid(format!("the key {name} is missing; put it back")))
    };
    let roots = needed(names::ROOT_CERTIFICATE_KEY)?;
    let key = needed(names::ROOT_PRIVATE_KEY_KEY)?;
    let issuer = Issuer::load(roots, key, part(names::ROOT_CHAIN_KEY), now)
        .map_err(|error| invalid(error.to_string()))?;
    let roots = parse_bundle(roots).map_err(|error| invalid(error.to_string()))?;
    let trust = TrustSet::new(roots, issuer.root(), now);
    Ok(Root { issuer: Arc::new(issuer), trust })
}

/// The Secret of a root that was made for a virtual mesh.
pub(super) fn of_root(
    place: &Key,
    virtual_mesh: &Key,
    certificate: &str,
    private_key: &str,
) -> Secret {
    let file = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
    let files = [
        file(names::ROOT_CERTIFICATE_KEY, certificate),
        file(names::ROOT_PRIVATE_KEY_KEY, private_key),
    ];
    let annotation = (names::VIRTUAL_MESH_ANNOTATION.to_owned(), virtual_mesh.to_string());
    Secret {
        metadata: ObjectMeta {
            name: Some(place.name.clone()),
            namespace: Some(place.namespace.clone()),
            labels: Some(names::labels()),
            annotations: Some([annotation].into()),
            ..ObjectMeta::default()
        },
        type_: Some(names::ROOT_SECRET_TYPE.to_owned()),
        immutable: Some(true),
        data: Some(files.into()),
        ..Secret::default()
    }
}
