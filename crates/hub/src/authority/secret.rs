//! The Secret of a root, read and written.

use std::collections::BTreeMap;
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
use meshroot_pki::{BlockList, Certificate, parse_bundle, to_bundle};

use super::Root;

/// The virtual mesh that a Secret says it is for.
pub(super) fn owner(secret: &Secret) -> Option<&str> {
    let annotations = secret.metadata.annotations.as_ref()?;
    annotations.get(names::VIRTUAL_MESH_ANNOTATION).map(String::as_str)
}

/// The number of the root that the one in this Secret replaces.
pub(super) fn replaces(secret: &Secret) -> Option<u32> {
    let annotations = secret.metadata.annotations.as_ref()?;
    annotations.get(names::REPLACES_ANNOTATION)?.parse().ok()
}

/// The fingerprint of that root.
pub(super) fn replaced_root(secret: &Secret) -> Option<String> {
    secret.metadata.annotations.as_ref()?.get(names::REPLACED_ROOT_ANNOTATION).cloned()
}

/// Where the key of the root is kept, if not here.
pub(super) fn provided(secret: &Secret) -> Option<Key> {
    let place = secret.metadata.annotations.as_ref()?.get(names::PROVIDED_ANNOTATION)?;
    let (namespace, name) = place.split_once('/')?;
    Some(Key::new(namespace, name))
}

/// Writes down which root it replaces.
pub(super) fn note_replaced(secret: &mut Secret, number: u32, root: &Root) {
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.insert(names::REPLACES_ANNOTATION.to_owned(), number.to_string());
    let fingerprint = root.issuer.root().fingerprint().to_string();
    annotations.insert(names::REPLACED_ROOT_ANNOTATION.to_owned(), fingerprint);
}

/// What is kept of a root that a company brings: its certificates, and where its key is.
pub(super) fn of_provided(
    place: &Key,
    virtual_mesh: &Key,
    provided: &Key,
    root: &Root,
    trusted: &str,
) -> Secret {
    let file = |name: &str, text: &str| (name.to_owned(), ByteString(text.as_bytes().to_vec()));
    let mut files = BTreeMap::from([file(names::ROOT_CERTIFICATE_KEY, trusted)]);
    let above = root.issuer.chain();
    if root.issuer.certificate() != root.issuer.root() {
        files.extend([file(names::ROOT_CHAIN_KEY, &to_bundle(above))]);
    }
    let mut secret = kept(place, virtual_mesh, names::ROOT_SECRET_TYPE, files);
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.insert(names::PROVIDED_ANNOTATION.to_owned(), provided.to_string());
    secret
}

/// The certificates that are kept with the key that is provided.
pub(super) fn joined(kept: &Secret, provided: &Secret) -> Secret {
    let mut joined = kept.clone();
    let key = provided.data.as_ref().and_then(|data| data.get(names::ROOT_PRIVATE_KEY_KEY));
    let files = joined.data.get_or_insert_default();
    files.remove(names::ROOT_PRIVATE_KEY_KEY);
    files.extend(key.map(|key| (names::ROOT_PRIVATE_KEY_KEY.to_owned(), key.clone())));
    joined
}

/// Reads who signs and what is trusted.
pub(super) fn read(
    place: &Key,
    secret: &Secret,
    blocked: &BlockList,
    now: Timestamp,
) -> Result<Root, Refusal> {
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
    check_keys(&roots, &issuer, blocked, now).map_err(invalid)?;
    let trust = TrustSet::new(roots, issuer.root(), now);
    Ok(Root { issuer: Arc::new(issuer), trust })
}

/// Whoever has the key of a certificate that signs or is trusted can be anybody in the mesh: what others may have is
/// refused, and not left out, which would take the anchor from those who still need it.
fn check_keys(
    roots: &[Certificate],
    issuer: &Issuer,
    blocked: &BlockList,
    now: Timestamp,
) -> Result<(), String> {
    // One that has ended is not handed on.
    let trusted = roots.iter().filter(|root| root.not_after() >= now);
    let signing = issuer.chain().iter().chain([issuer.certificate()]);
    trusted.chain(signing).try_for_each(|certificate| {
        let key = certificate.public_key();
        let checked =
            key.check_not_on(BlockList::published()).and_then(|()| key.check_not_on(blocked));
        checked.map_err(|error| format!("certificate {}: {error}", certificate.subject()))
    })
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
    kept(place, virtual_mesh, names::ROOT_SECRET_TYPE, files.into())
}

/// A Secret that is never changed, with what was made for a virtual mesh.
pub(super) fn kept(
    place: &Key,
    virtual_mesh: &Key,
    kind: &str,
    files: BTreeMap<String, ByteString>,
) -> Secret {
    let annotation = (names::VIRTUAL_MESH_ANNOTATION.to_owned(), virtual_mesh.to_string());
    Secret {
        metadata: ObjectMeta {
            name: Some(place.name.clone()),
            namespace: Some(place.namespace.clone()),
            labels: Some(names::labels()),
            annotations: Some([annotation].into()),
            ..ObjectMeta::default()
        },
        type_: Some(kind.to_owned()),
        immutable: Some(true),
        data: Some(files),
        ..Secret::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use jiff::SignedDuration;
    use meshroot_ca::{RootSpec, make_root};
    use meshroot_pki::{DistinguishedName, KeyKind};

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn root(name: &str) -> (String, String, BlockList) {
        let spec = RootSpec {
            key: KeyKind::EcdsaP256,
            subject: DistinguishedName::new("Case", "Mesh", name).unwrap(),
            lifetime: SignedDuration::from_hours(48),
        };
        let (certificate, key) = make_root(&spec, now()).unwrap();
        let list = BlockList::parse("lost.txt", &key.public_key().fingerprint().to_string());
        (certificate.to_pem(), key.to_pkcs8_pem().to_string(), list.unwrap())
    }

    fn read_with(roots: &str, key: &str, blocked: &BlockList) -> Result<(), String> {
        let place = Key::new("meshroot-system", "root");
        let secret = of_root(&place, &Key::new("default", "demo"), roots, key);
        read(&place, &secret, blocked, now()).map(|_| ()).map_err(|refusal| refusal.message)
    }

    #[test]
    fn a_root_whose_key_is_blocked_neither_signs_nor_is_trusted() {
        let (signing, key, signing_key) = root("Signing");
        let (other, _, other_key) = root("Other");
        let both = format!("{signing}{other}");
        read_with(&both, &key, &BlockList::default()).unwrap();
        for (blocked, name) in [(&signing_key, "CN=Signing"), (&other_key, "CN=Other")] {
            let said = read_with(&both, &key, blocked).unwrap_err();
            let parts = ["Secret meshroot-system/root", name, "block list lost.txt, line 1"];
            assert!(parts.iter().all(|part| said.contains(part)), "{said}");
        }
    }
}
