//! What Istio accepts and its peers break on: checked before anything is written (Istio 1.27 to 1.31).

use jiff::Timestamp;
use meshroot_pki::{Certificate, PathOptions, Purpose, build_path};

use crate::meshes::Finding;

/// Everything that Istio or a peer of its workloads (Go, OpenSSL, webpki in ztunnel, Envoy) would break on in an
/// intermediate, the chain above it, and the roots. Empty means: write it.
pub fn lint(chain: &[Certificate], roots: &[Certificate], at: Timestamp) -> Vec<Finding> {
    let Some((intermediate, upper)) = chain.split_first() else {
        return vec![finding(
            "chain-empty",
            "cert-chain.pem: the chain holds no certificate: leaves would come without it",
        )];
    };
    let mut findings = Vec::new();
    findings.extend(intermediate_findings(intermediate));
    findings.extend(chain.iter().filter(|one| roots.contains(one)).map(|root| {
        finding(
            "root-in-chain",
            format!(
                "cert-chain.pem: holds the root {}; it belongs into root-cert.pem",
                root.subject()
            ),
        )
    }));
    findings.extend(upper_findings(upper));
    findings.extend(roots.iter().filter_map(root_finding));
    findings.extend(chain.iter().chain(roots).filter(|one| one.constrains_uris()).map(|one| {
        let message = format!(
            "{} constrains URI names: ztunnel and Linkerd (webpki) refuse every SPIFFE ID below it",
            one.subject()
        );
        finding("uri-name-constraint", message)
    }));
    findings.extend(path_finding(intermediate, upper, roots, at));
    if let Some(issuer_end) = upper
        .iter()
        .chain(roots)
        .filter(|ca| ca.subject() == intermediate.issuer())
        .map(Certificate::not_after)
        .max()
        && intermediate.not_after() > issuer_end
    {
        let message = format!(
            "the intermediate ends {}, after its issuer ({issuer_end}): leaves fail at the end",
            intermediate.not_after()
        );
        findings.push(finding("outlives-issuer", message));
    }
    findings
}

/// Mutual TLS: the way up must serve both sides.
fn path_finding(
    intermediate: &Certificate,
    upper: &[Certificate],
    roots: &[Certificate],
    at: Timestamp,
) -> Option<Finding> {
    let judge =
        |purpose| build_path(intermediate, upper, roots, &PathOptions::new(at, purpose)).err();
    let error = [Purpose::Any, Purpose::Server, Purpose::Client].into_iter().find_map(judge)?;
    Some(finding("path", format!("the intermediate does not lead to root-cert.pem: {error}")))
}

fn intermediate_findings(certificate: &Certificate) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |rule, message: &str| findings.push(finding(rule, message));
    if !certificate.is_ca() {
        add(
            "not-a-ca",
            "the intermediate's basicConstraints do not say CA: istiod loads it and every peer refuses its leaves",
        );
    }
    if certificate.key_usage().is_some_and(|usage| !usage.key_cert_sign()) {
        add(
            "no-key-cert-sign",
            "the intermediate's keyUsage lacks keyCertSign: Go and OpenSSL refuse its leaves",
        );
    }
    if certificate.subject().is_empty() {
        add(
            "empty-subject",
            "the intermediate's subject is empty: OpenSSL takes its leaves for self-signed",
        );
    }
    if certificate.extended_key_usage().is_some_and(|usages| !allows_both(&usages)) {
        add(
            "extended-key-usage",
            "the intermediate's extended key usage lacks serverAuth or clientAuth: one side of mutual TLS is refused",
        );
    }
    if let Err(error) = certificate.public_key().check_strength() {
        add(
            "key",
            &format!(
                "the intermediate's key: {error}: ztunnel and Linkerd (webpki) refuse its leaves"
            ),
        );
    }
    findings
}

fn upper_findings(upper: &[Certificate]) -> Vec<Finding> {
    upper
        .iter()
        .filter(|certificate| certificate.path_len() == Some(0))
        .map(|certificate| {
            let message = format!(
                "{} stands above the intermediate with pathLen 0: every peer refuses",
                certificate.subject()
            );
            finding("upper-path-length", message)
        })
        .collect()
}

fn root_finding(root: &Certificate) -> Option<Finding> {
    (root.path_len() == Some(0)).then(|| {
        finding(
            "root-path-length",
            format!("root {} has pathLen 0: Go and OpenSSL refuse all leaves", root.subject()),
        )
    })
}

/// `anyExtendedKeyUsage` is no substitute: webpki wants the purpose itself.
fn allows_both(usages: &[impl ToString]) -> bool {
    let has = |oid: &str| usages.iter().any(|usage| usage.to_string() == oid);
    has(SERVER_AUTH) && has(CLIENT_AUTH)
}

fn finding(rule: &'static str, message: impl Into<String>) -> Finding {
    Finding { rule, message: message.into() }
}

const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
