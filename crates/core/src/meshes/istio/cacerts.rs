//! Secret `cacerts`, which istiod reads its CA from: what each key holds, and what is said of one that is not ours.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use meshroot_api::Reason;
use meshroot_pki::{Certificate, PathOptions, Purpose, build_path, parse_bundle};

use crate::meshes::ControlPlane;
use crate::refusal::Refusal;

/// Name of the Secret.
pub const SECRET: &str = "cacerts";
/// Key: the intermediate.
pub const CERTIFICATE: &str = "ca-cert.pem";
/// Key: its private key.
pub const PRIVATE_KEY: &str = "ca-key.pem";
/// Key: the intermediate, then each certificate up to the root, without the root.
pub const CHAIN: &str = "cert-chain.pem";
/// Key: the trust anchors, the signing root first.
pub const ROOTS: &str = "root-cert.pem";

/// What the Secret holds.
pub type Data = BTreeMap<String, ByteString>;

/// The certificates under one of its keys; `None` where they cannot be read.
pub fn certificates(data: &Data, key: &str) -> Option<Vec<Certificate>> {
    parse_bundle(&data.get(key)?.0).ok()
}

/// Revisions of Istio in one namespace read the same Secret: they would take it from each other in turn.
pub fn shared(place: &ControlPlane, other: &str) -> Refusal {
    let message = format!(
        "Secret {}/{SECRET} is shared with Mesh {other} and belongs to it; leave Mesh {} out of the virtual mesh: both \
         control planes load the same certificate",
        place.namespace, place.mesh
    );
    Refusal::new(Reason::ForeignSecret, message)
}

/// Says what somebody else's Secret holds, whether it chains to the root, and what adopting would change.
pub fn foreign(
    place: &ControlPlane,
    data: &Data,
    roots: &[Certificate],
    now: Timestamp,
) -> Refusal {
    let message = format!(
        "Secret {}/{SECRET} was written by somebody else and holds {}; set spec.adopt: ALWAYS in the TrustPolicy \
         to replace it (a copy is kept), or delete it",
        place.namespace,
        content(data, roots, now)
    );
    Refusal::new(Reason::ForeignSecret, message)
}

fn content(data: &Data, roots: &[Certificate], now: Timestamp) -> String {
    let own = certificates(data, CERTIFICATE).and_then(|all| all.into_iter().next());
    let Some(certificate) = own else { return "something that is no Istio CA".to_owned() };
    let chain = certificates(data, CHAIN).unwrap_or_default();
    let path = build_path(&certificate, &chain, roots, &PathOptions::new(now, Purpose::Any));
    let verdict = match path {
        Ok(_) => "chains to this virtual mesh's root; adopting it changes the intermediate only",
        Err(_) => {
            "does not chain to this virtual mesh's root; adopting it changes the mesh's root, which needs a restart of istiod"
        }
    };
    let (subject, end) = (certificate.subject(), certificate.not_after());
    format!("CA {subject} (valid until {end}), which {verdict}")
}
