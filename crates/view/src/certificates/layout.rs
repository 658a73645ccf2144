//! Secrets that meshes read a CA from, and whether what lies in one fits together.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use meshroot_core::meshes::istio;
use meshroot_pki::{Certificate, PathOptions, PrivateKey, Purpose, build_path, parse_bundle};

/// Which key of a Secret holds what.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// What it is called.
    pub name: &'static str,
    /// The CA's certificate.
    pub certificate: &'static str,
    /// The CA's private key.
    pub private_key: &'static str,
    /// The chain: certificate first, root left out.
    pub chain: Option<&'static str>,
    /// The roots.
    pub roots: Option<&'static str>,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whether it is as it should be.
    pub good: bool,
    /// What is so.
    pub message: String,
}

type Data = BTreeMap<String, ByteString>;

/// The layout of a Secret's data, by the names of its keys.
pub fn of(data: &Data) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| {
        data.contains_key(layout.certificate) && data.contains_key(layout.private_key)
    })
}

/// Whether the private key is that of the certificate, the chain leads to a root, and the mesh and its peers
/// accept it.
pub fn check(layout: &Layout, data: &Data, now: Timestamp) -> Vec<Check> {
    let own = match bundle(data, layout.certificate) {
        Ok(certificates) => certificates,
        Err(check) => return vec![check],
    };
    let mut checks = vec![key_check(layout, data, &own[0])];
    if layout.chain.is_some() && own.len() > 1 {
        checks.push(bad(format!(
            "{} holds {} certificates, exactly one belongs there",
            layout.certificate,
            own.len()
        )));
    }
    let chain =
        match layout.chain.filter(|key| data.contains_key(*key)).map(|key| bundle(data, key)) {
            Some(Ok(chain)) => {
                checks.push(first_check(layout, &chain, &own[0]));
                chain
            }
            Some(Err(check)) => {
                checks.push(check);
                own.clone()
            }
            None => own.clone(),
        };
    match layout.roots.map(|key| bundle(data, key)) {
        Some(Ok(roots)) => checks.extend(chain_checks(layout, &chain, &roots, now)),
        Some(Err(check)) => checks.push(check),
        None => checks.extend(chain_checks(layout, &chain, &chain[chain.len() - 1..], now)),
    }
    checks
}

fn key_check(layout: &Layout, data: &Data, certificate: &Certificate) -> Check {
    let (key, owner) = (layout.private_key, layout.certificate);
    let bytes = data.get(key).map(|bytes| bytes.0.as_slice()).unwrap_or_default();
    match PrivateKey::from_pem(bytes) {
        Ok(private) if private.public_key() == certificate.public_key() => {
            good(format!("{key} is the key of {owner}"))
        }
        Ok(_) => bad(format!("{key} is NOT the key of {owner}: nothing that it signs verifies")),
        Err(error) => bad(format!("{key}: {error}")),
    }
}

fn first_check(layout: &Layout, chain: &[Certificate], own: &Certificate) -> Check {
    let (chain_key, owner) = (layout.chain.unwrap_or_default(), layout.certificate);
    if chain.first() == Some(own) {
        good(format!("{chain_key} begins with {owner}"))
    } else {
        bad(format!(
            "{chain_key} does not begin with {owner}: peers get a chain without the certificate that signed"
        ))
    }
}

fn chain_checks(
    layout: &Layout,
    chain: &[Certificate],
    roots: &[Certificate],
    now: Timestamp,
) -> Vec<Check> {
    let Some((first, rest)) = chain.split_first() else { return Vec::new() };
    let mut checks =
        vec![match build_path(first, rest, roots, &PathOptions::new(now, Purpose::Any)) {
            Ok(path) => {
                let root =
                    path.last().map(|root| root.fingerprint().to_string()).unwrap_or_default();
                good(format!("the chain leads to root {root}"))
            }
            Err(error) => bad(format!("the chain does NOT lead to a root: {error}")),
        }];
    // `kubernetes.io/tls` is for servers too, of which nobody asks that they sign.
    let may_be_leaf = layout.chain.is_none() && !first.is_ca();
    if !roots.contains(first) && !may_be_leaf {
        let findings =
            istio::lint(chain, roots, now).into_iter().filter(|finding| finding.rule != "path");
        checks
            .extend(findings.map(|finding| bad(format!("{}: {}", finding.rule, finding.message))));
    }
    checks
}

fn bundle(data: &Data, key: &str) -> Result<Vec<Certificate>, Check> {
    let bytes = data.get(key).ok_or_else(|| bad(format!("{key} is missing")))?;
    parse_bundle(&bytes.0).map_err(|error| bad(format!("{key}: {error}")))
}

fn good(message: String) -> Check {
    Check { good: true, message }
}

fn bad(message: String) -> Check {
    Check { good: false, message }
}

const LAYOUTS: [Layout; 3] = [
    Layout {
        name: "Istio plug-in CA",
        certificate: "ca-cert.pem",
        private_key: "ca-key.pem",
        chain: Some("cert-chain.pem"),
        roots: Some("root-cert.pem"),
    },
    Layout {
        name: "TLS with ca.crt",
        certificate: "tls.crt",
        private_key: "tls.key",
        chain: None,
        roots: Some("ca.crt"),
    },
    Layout {
        name: "root of a virtual mesh",
        certificate: meshroot_api::names::ROOT_CERTIFICATE_KEY,
        private_key: meshroot_api::names::ROOT_PRIVATE_KEY_KEY,
        chain: None,
        roots: None,
    },
];
