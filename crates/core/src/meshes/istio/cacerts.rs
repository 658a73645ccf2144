//! Secret `cacerts`, which istiod reads its CA from: what each key holds, and what is said of one that is not ours.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use meshroot_api::Reason;
use meshroot_pki::{
    Certificate, CertificateError, PathOptions, Purpose, build_path, parse_bundle,
    read_certificates,
};

use crate::mesh::Own;
use crate::meshes::ControlPlane;
use crate::refusal::Refusal;

/// Name of the Secret.
pub const SECRET: &str = "cacerts";
/// Name of the Secret that istiod keeps a CA in that it made for itself, under the keys [`CERTIFICATE`], [`PRIVATE_KEY`]
/// and [`ROOTS`].
pub const SELF_SIGNED: &str = "istio-ca-secret";
/// Key: the intermediate.
pub const CERTIFICATE: &str = "ca-cert.pem";
/// Key: its private key.
pub const PRIVATE_KEY: &str = "ca-key.pem";
/// Key: the intermediate, then each certificate up to the root, without the root.
pub const CHAIN: &str = "cert-chain.pem";
/// Key: the trust anchors, the signing root first.
pub const ROOTS: &str = "root-cert.pem";
/// Key, not always there: certificate revocation lists (istiod 1.27 and later).
pub const REVOCATION_LISTS: &str = "ca-crl.pem";

/// What the Secret holds.
pub type Data = BTreeMap<String, ByteString>;

/// The keys that istiod reads its CA from.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// The intermediate; what follows it there belongs to the chain where that has no key of its own.
    pub certificate: &'static str,
    /// Its private key.
    pub private_key: &'static str,
    /// What is sent with each certificate of a workload.
    pub chain: Option<&'static str>,
    /// The trust anchors.
    pub roots: &'static str,
}

/// As istiod itself writes and documents it.
pub const PLUG_IN: Layout =
    Layout { certificate: CERTIFICATE, private_key: PRIVATE_KEY, chain: Some(CHAIN), roots: ROOTS };

/// As in Secrets of type `kubernetes.io/tls`; the type itself does not matter to istiod.
pub const TLS: Layout =
    Layout { certificate: "tls.crt", private_key: "tls.key", chain: None, roots: "ca.crt" };

/// Which keys istiod takes: since 1.15 those of [`TLS`] where there is a `tls.crt`, whatever is beside it. `None` where
/// it finds no CA and makes one of its own.
pub fn layout(data: &Data) -> Option<Layout> {
    let has = |key: &&str| data.contains_key(*key);
    if has(&TLS.certificate) {
        return Some(TLS);
    }
    PLUG_IN.keys().iter().any(has).then_some(PLUG_IN)
}

impl Layout {
    /// All keys.
    pub fn keys(&self) -> Vec<&'static str> {
        let all = [Some(self.certificate), Some(self.private_key), self.chain, Some(self.roots)];
        all.into_iter().flatten().collect()
    }

    /// The keys that are missing: since 1.27 istiod does not start where there is one of them and not all.
    pub fn missing(&self, data: &Data) -> Vec<&'static str> {
        self.keys().into_iter().filter(|key| !data.contains_key(*key)).collect()
    }
}

/// The CA that istiod uses of a Secret; `None` where it cannot.
pub fn own(data: &Data) -> Option<Own> {
    let layout = layout(data)?;
    if !layout.missing(data).is_empty() {
        return None;
    }
    let at = |key: &str| read(&data.get(key)?.0).ok();
    let certificate = at(layout.certificate)?.into_iter().next()?;
    let chain = at(layout.chain.unwrap_or(layout.certificate))?;
    Some(Own { certificate, chain, anchors: at(layout.roots)? })
}

/// The CA that istiod made for itself and kept; `None` where it cannot be read.
pub fn self_signed(data: &Data) -> Option<Own> {
    data.get(PRIVATE_KEY)?;
    let at = |key: &str| read(&data.get(key)?.0).ok();
    let certificate = at(CERTIFICATE)?.into_iter().next()?;
    let anchors = at(ROOTS).unwrap_or_else(|| vec![certificate.clone()]);
    Some(Own { certificate, chain: Vec::new(), anchors })
}

/// Certificates as istiod reads them: text around the blocks is passed over, and DER is not read.
pub fn read(bytes: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    parse_bundle(bytes).or_else(|strict| match bytes.first() {
        Some(0x30) => Err(strict),
        _ => read_certificates(bytes),
    })
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
        "Secret {}/{SECRET} was written by somebody else and holds {}; set spec.adopt: Always in the TrustPolicy \
         to replace it in steps (a copy is kept), or delete it",
        place.namespace,
        content(data, roots, now)
    );
    Refusal::new(Reason::ForeignSecret, message)
}

fn content(data: &Data, roots: &[Certificate], now: Timestamp) -> String {
    let Some(layout) = layout(data) else {
        return "no Istio CA".to_owned();
    };
    let missing = layout.missing(data);
    let incomplete = match missing.as_slice() {
        [] => String::new(),
        missing => {
            format!("; {} is missing, without which istiod does not start", missing.join(", "))
        }
    };
    let own = match data.get(layout.certificate).map(|bytes| read(&bytes.0)) {
        Some(Ok(own)) => own,
        Some(Err(error)) => {
            return format!(
                "a CA that istiod cannot load: {}: {error}{incomplete}",
                layout.certificate
            );
        }
        None => return format!("a part of an Istio CA{incomplete}"),
    };
    format!("{}{incomplete}", authority(&layout, &own, data, roots, now))
}

/// Whose CA it is, and what adopting it would change.
fn authority(
    layout: &Layout,
    own: &[Certificate],
    data: &Data,
    roots: &[Certificate],
    now: Timestamp,
) -> String {
    let certificate = &own[0];
    let chain = layout.chain.and_then(|key| read(&data.get(key)?.0).ok());
    let chain = chain.unwrap_or_else(|| own.to_vec());
    let path = build_path(certificate, &chain, roots, &PathOptions::new(now, Purpose::Any));
    let verdict = match path {
        Ok(_) => "chains to this virtual mesh's root; adopting it changes the intermediate only",
        Err(_) => {
            "does not chain to this virtual mesh's root; adopting it changes the mesh's root, which needs a restart of istiod"
        }
    };
    let kind = if certificate.is_ca() { "CA" } else { "non-CA certificate" };
    let (subject, end) = (certificate.subject(), certificate.not_after());
    let place = match layout.chain {
        Some(_) => "",
        None => ", in tls.crt, which istiod takes before ca-cert.pem",
    };
    format!("{kind} {subject} (valid until {end}{place}), which {verdict}")
}
