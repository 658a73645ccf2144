//! What Istio accepts and its peers break on: checked before anything is written (Istio 1.27 to 1.31).

use jiff::Timestamp;
use meshroot_pki::{Certificate, PathError, PathOptions, Purpose, RevocationList, build_path};

use crate::meshes::Finding;

/// Everything that Istio or a peer of its workloads (Go, OpenSSL, webpki in ztunnel, Envoy) would break on in an
/// intermediate, which `chain` begins with, and on its way to one of `roots`. Empty means: write it. What else is in
/// `chain` or `roots` counts only as far as the way is found with it.
pub fn lint(chain: &[Certificate], roots: &[Certificate], at: Timestamp) -> Vec<Finding> {
    let Some((intermediate, upper)) = chain.split_first() else {
        return vec![finding(
            "chain-empty",
            "cert-chain.pem: the chain holds no certificate: leaves would come without it",
        )];
    };
    if roots.contains(intermediate) {
        let message = format!(
            "cert-chain.pem: begins with the root {}, where the intermediate belongs",
            intermediate.subject()
        );
        return vec![finding("root-as-intermediate", message)];
    }
    let mut findings = intermediate_findings(intermediate);
    // Mutual TLS: the way up must serve both sides.
    let judge = |purpose| build_path(intermediate, upper, roots, &PathOptions::new(at, purpose));
    match judge(Purpose::Any) {
        Ok(path) => {
            findings.extend(path_findings(&path));
            let mut for_tls = [Purpose::Server, Purpose::Client].into_iter().map(judge);
            findings.extend(for_tls.find_map(Result::err).as_ref().map(no_path));
        }
        Err(error) => findings.push(no_path(&error)),
    }
    findings
}

/// What may be put in order in `chain`, where peers take it as it is; `path` is the way to the root that was found.
pub fn advice(chain: &[Certificate], path: &[Certificate]) -> Vec<Finding> {
    let Some((root, below)) = path.split_last().filter(|(_, below)| !below.is_empty()) else {
        return Vec::new();
    };
    let mut advice = Vec::new();
    let mut seen: Vec<&Certificate> = Vec::new();
    for one in chain {
        let subject = one.subject();
        if seen.contains(&one) {
            advice.push(finding("repeated", format!("{subject} is in the chain more than once")));
            continue;
        }
        if one == root {
            let message = format!("the chain holds the root {subject}; peers have it already");
            advice.push(finding("root-in-chain", message));
        } else if !path.iter().any(|of_path| is_alternative(one, of_path)) {
            let message = format!("{subject} is not on the way to the root and not needed");
            advice.push(finding("not-on-path", message));
        }
        seen.push(one);
    }
    let in_order: Vec<_> = seen.into_iter().filter(|one| below.contains(one)).collect();
    if !in_order.into_iter().eq(below) {
        let message = "the certificates do not stand in their order, each before its issuer (RFC 5246 section 7.4.2)";
        advice.push(finding("order", message));
    }
    advice
}

/// What istiod or Envoy would break on in the revocation lists beside a chain, where there are any. istiod asks for one of
/// each certificate in `chain`, and passes over what time it is; Envoy asks for those of the roots too, and for none that is
/// over, and without refuses everybody.
pub fn lint_lists(
    chain: &[Certificate],
    roots: &[Certificate],
    lists: &[RevocationList],
    at: Timestamp,
) -> Vec<Finding> {
    if lists.is_empty() {
        return Vec::new();
    }
    let judge = |issuer: &Certificate| {
        let signed =
            |list: &&RevocationList| list.names(issuer) && list.verify_signed_by(issuer).is_ok();
        let ends = lists.iter().filter(signed).map(RevocationList::next_update).max();
        let subject = issuer.subject();
        let is_in_chain = chain.contains(issuer);
        match ends {
            None if is_in_chain => Some(finding(
                "revocation-list-missing",
                format!(
                    "ca-crl.pem holds no list of {subject}: istiod drops the whole update, and does not start with it"
                ),
            )),
            None => Some(finding(
                "revocation-list-missing",
                format!("ca-crl.pem holds no list of {subject}: Envoy refuses every workload"),
            )),
            Some(end) if end <= at => Some(finding(
                "revocation-list-over",
                format!(
                    "the list of {subject} in ca-crl.pem is over since {end}: Envoy refuses what it issued"
                ),
            )),
            Some(_) => None,
        }
    };
    chain.iter().chain(roots).filter_map(judge).collect()
}

/// The same certificate, or another for the same name and key, as a cross-certificate is.
fn is_alternative(one: &Certificate, of_path: &Certificate) -> bool {
    one.subject() == of_path.subject() && one.public_key() == of_path.public_key()
}

fn no_path(error: &PathError) -> Finding {
    finding("path", format!("the intermediate does not lead to root-cert.pem: {error}"))
}

/// Of a way that was found, intermediate first.
fn path_findings(path: &[Certificate]) -> Vec<Finding> {
    let (intermediate, upper) = (&path[0], &path[1..]);
    let constrained = path.iter().filter(|one| one.constrains_uris()).map(|one| {
        let message = format!(
            "{} constrains URI names: ztunnel and Linkerd (webpki) refuse every SPIFFE ID below it",
            one.subject()
        );
        finding("uri-name-constraint", message)
    });
    let first_to_end = upper.iter().min_by_key(|one| one.not_after());
    let outlived = first_to_end.filter(|one| intermediate.not_after() > one.not_after());
    let outlives = outlived.map(|one| {
        let (end, subject, its_end) = (intermediate.not_after(), one.subject(), one.not_after());
        let message = format!(
            "the intermediate ends {end}, after {subject} above it ({its_end}): leaves fail at the end"
        );
        finding("outlives-issuer", message)
    });
    constrained.chain(outlives).collect()
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
