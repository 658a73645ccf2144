//! Secrets that meshes read a CA from, and whether what lies in one fits together.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::ByteString;
use meshroot_api::names::{ROOT_CERTIFICATE_KEY, ROOT_CHAIN_KEY, ROOT_PRIVATE_KEY_KEY};
use meshroot_core::meshes::istio::{self, cacerts};
use meshroot_pki::{
    Certificate, PathOptions, PrivateKey, Purpose, build_path, read_revocation_lists,
};

/// Which key of a Secret holds what.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// What it is called.
    pub name: &'static str,
    /// The CA's certificate.
    pub certificate: &'static str,
    /// The CA's private key.
    pub private_key: &'static str,
    /// The chain, certificate first, where it is not behind the certificate.
    pub chain: Option<&'static str>,
    /// The roots, where they are not the certificate itself.
    pub roots: Option<&'static str>,
    /// Whether istiod is who reads it.
    of_istiod: bool,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What to make of it.
    pub standing: Standing,
    /// What is so.
    pub message: String,
}

/// What to make of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it should be.
    Good,
    /// It works and could be better.
    Warning,
    /// Something breaks.
    Problem,
}

type Data = BTreeMap<String, ByteString>;

/// The layout of the Secret `name`, by the names of its keys.
pub fn of(name: &str, data: &Data) -> Option<&'static Layout> {
    let has = |key: &str| data.contains_key(key);
    if name == cacerts::SECRET || has(cacerts::CERTIFICATE) || has(cacerts::PRIVATE_KEY) {
        let layout = cacerts::layout(data)?;
        return Some(if layout == cacerts::TLS { &ISTIO_TLS } else { &ISTIO });
    }
    let by_keys = [&TLS, &PROVIDED, &ROOT];
    by_keys.into_iter().find(|layout| has(layout.certificate) && has(layout.private_key))
}

/// Whether the private key is that of the certificate, the chain leads to a root, and the mesh and its peers
/// accept it.
pub fn check(layout: &Layout, data: &Data, now: Timestamp) -> Vec<Check> {
    let mut checks = if layout.of_istiod { presence(data) } else { Vec::new() };
    let own = match bundle(data, layout.certificate) {
        Ok(certificates) => certificates,
        Err(check) => return [checks, vec![check]].concat(),
    };
    if data.contains_key(layout.private_key) {
        checks.push(key_check(layout, data, &own[0]));
    }
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
        Some(Ok(roots)) => {
            checks.extend(chain_checks(layout, &own[0], &chain, &roots, now));
            if layout.of_istiod {
                checks.extend(list_checks(data, &chain, &roots, now));
            }
        }
        Some(Err(_))
            if layout.roots.is_some_and(|key| layout.of_istiod && !data.contains_key(key)) => {}
        Some(Err(check)) => checks.push(check),
        None => checks.extend(chain_checks(layout, &own[0], &own[..1], &own, now)),
    }
    checks
}

/// Whether istiod finds all that it reads, and what it passes over.
fn presence(data: &Data) -> Vec<Check> {
    let Some(layout) = cacerts::layout(data) else { return Vec::new() };
    let taken = layout.keys().join(", ");
    let missing = layout.missing(data).into_iter().map(|key| {
        bad(format!(
            "{key} is missing: istiod 1.27 and later starts with all of {taken}, or not at all"
        ))
    });
    let mut checks: Vec<Check> = missing.collect();
    let unread: Vec<_> =
        cacerts::PLUG_IN.keys().into_iter().filter(|key| data.contains_key(*key)).collect();
    if layout == cacerts::TLS && !unread.is_empty() {
        let unread = unread.join(", ");
        checks.push(warning(format!(
            "istiod reads {taken} because tls.crt is there, and not {unread}"
        )));
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
    match chain.iter().position(|one| one == own) {
        Some(0) => good(format!("{chain_key} begins with {owner}")),
        Some(index) => {
            warning(format!("{chain_key} does not begin with {owner}: it is number {}", index + 1))
        }
        None => bad(format!(
            "{chain_key} does not hold {owner}: peers get a chain without the certificate that signed"
        )),
    }
}

/// What is said of the way from `own` to one of the roots.
fn chain_checks(
    layout: &Layout,
    own: &Certificate,
    chain: &[Certificate],
    roots: &[Certificate],
    now: Timestamp,
) -> Vec<Check> {
    let path = build_path(own, chain, roots, &PathOptions::new(now, Purpose::Any));
    let mut checks = match &path {
        Ok(path) => {
            let root = path.last().map(|root| root.fingerprint().to_string()).unwrap_or_default();
            vec![good(format!("the chain leads to root {root}"))]
        }
        Err(error) => vec![bad(format!("the chain does NOT lead to a root: {error}"))],
    };
    // `kubernetes.io/tls` is for servers too, of which nobody asks that they sign.
    let may_be_leaf = layout.chain.is_none() && !layout.of_istiod && !own.is_ca();
    let is_root = layout.roots.is_none() && roots.contains(own);
    if !is_root && !may_be_leaf {
        let candidates = [std::slice::from_ref(own), chain].concat();
        let findings = istio::lint(&candidates, roots, now).into_iter();
        // A missing path was told already.
        let findings = findings.filter(|finding| finding.rule != "path" || path.is_ok());
        checks.extend(findings.map(|it| bad(format!("{}: {}", it.rule, it.message))));
    }
    let advice = path.map(|path| istio::advice(chain, &path)).unwrap_or_default().into_iter();
    checks.extend(advice.map(|it| warning(format!("{}: {}", it.rule, it.message))));
    checks
}

/// An empty file is none to istiod.
fn list_checks(
    data: &Data,
    chain: &[Certificate],
    roots: &[Certificate],
    now: Timestamp,
) -> Vec<Check> {
    let key = cacerts::REVOCATION_LISTS;
    let Some(bytes) = data.get(key).filter(|bytes| !bytes.0.is_empty()) else { return Vec::new() };
    let lists = match read_revocation_lists(&bytes.0) {
        Ok(lists) => lists,
        Err(error) => return vec![bad(format!("{key}: {error}"))],
    };
    let findings = istio::lint_lists(chain, roots, &lists, now);
    if findings.is_empty() {
        return vec![good(format!(
            "{key} holds a list of each certificate of the chain and each root"
        ))];
    }
    findings.iter().map(|it| bad(format!("{}: {}", it.rule, it.message))).collect()
}

fn bundle(data: &Data, key: &str) -> Result<Vec<Certificate>, Check> {
    let bytes = data.get(key).ok_or_else(|| bad(format!("{key} is missing")))?;
    cacerts::read(&bytes.0).map_err(|error| bad(format!("{key}: {error}")))
}

fn good(message: String) -> Check {
    Check { standing: Standing::Good, message }
}

fn warning(message: String) -> Check {
    Check { standing: Standing::Warning, message }
}

fn bad(message: String) -> Check {
    Check { standing: Standing::Problem, message }
}

static ISTIO: Layout = Layout {
    name: "Istio plug-in CA",
    certificate: cacerts::CERTIFICATE,
    private_key: cacerts::PRIVATE_KEY,
    chain: Some(cacerts::CHAIN),
    roots: Some(cacerts::ROOTS),
    of_istiod: true,
};

static ISTIO_TLS: Layout = Layout {
    name: "Istio plug-in CA, as in kubernetes.io/tls",
    certificate: cacerts::TLS.certificate,
    private_key: cacerts::TLS.private_key,
    chain: None,
    roots: Some(cacerts::TLS.roots),
    of_istiod: true,
};

static TLS: Layout = Layout {
    name: "TLS with ca.crt",
    certificate: cacerts::TLS.certificate,
    private_key: cacerts::TLS.private_key,
    chain: None,
    roots: Some(cacerts::TLS.roots),
    of_istiod: false,
};

/// An issuer below a root whose key is elsewhere.
static PROVIDED: Layout = Layout {
    name: "provided issuer of a virtual mesh",
    certificate: ROOT_CHAIN_KEY,
    private_key: ROOT_PRIVATE_KEY_KEY,
    chain: None,
    roots: Some(ROOT_CERTIFICATE_KEY),
    of_istiod: false,
};

static ROOT: Layout = Layout {
    name: "root of a virtual mesh",
    certificate: ROOT_CERTIFICATE_KEY,
    private_key: ROOT_PRIVATE_KEY_KEY,
    chain: None,
    roots: None,
    of_istiod: false,
};
