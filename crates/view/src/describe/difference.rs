//! What a new certificate changes against the one in use.

use std::collections::BTreeSet;

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_pki::{Certificate, Fingerprint, parse_bundle};

/// What a certificate says, or will say as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) subject: Option<String>,
    pub(super) hosts: BTreeSet<String>,
    pub(super) key_kind: Option<String>,
    pub(super) key: Option<Fingerprint>,
    pub(super) issuer: Option<String>,
    pub(super) issuer_key: Option<Vec<u8>>,
    pub(super) authority: Option<String>,
    pub(super) lifetime_hours: Option<i64>,
    pub(super) roots: Option<BTreeSet<Fingerprint>>,
}

impl Profile {
    /// Of a certificate with the roots that came with it.
    pub(super) fn issued(certificate: &Certificate, roots: &[Certificate]) -> Self {
        Self {
            subject: Some(certificate.subject().to_string()),
            hosts: certificate.hosts().iter().map(ToString::to_string).collect(),
            key_kind: Some(certificate.public_key().kind_name()),
            key: Some(certificate.public_key().fingerprint()),
            issuer: Some(certificate.issuer().to_string()),
            issuer_key: certificate.authority_key_identifier(),
            authority: Some(crate::certificates::facts::authority(certificate)),
            lifetime_hours: Some(
                certificate.not_after().duration_since(certificate.not_before()).as_hours(),
            ),
            roots: Some(roots.iter().map(Certificate::fingerprint).collect()),
        }
    }
}

/// The certificate and roots that answer a request; `None` while there are none that can be read.
pub(super) fn answer(request: &Request) -> Option<(Certificate, Vec<Certificate>)> {
    let response = request.status_or_default().response;
    let chain = parse_bundle(&response.ca_certificate.0).ok()?;
    let roots = parse_bundle(&response.root_certificate.0).unwrap_or_default();
    Some((chain.into_iter().next()?, roots))
}

/// One line for each thing that changes; what is not known yet is not compared.
pub(super) fn between(before: &Profile, after: &Profile) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    changed(&mut lines, "Subject", before.subject.as_ref(), after.subject.as_ref());
    for gone in before.hosts.difference(&after.hosts) {
        lines.push(("Name gone", gone.clone()));
    }
    for new in after.hosts.difference(&before.hosts) {
        lines.push(("Name new", new.clone()));
    }
    changed(&mut lines, "Kind of key", before.key_kind.as_ref(), after.key_kind.as_ref());
    if before.key.is_some() && before.key == after.key {
        lines.push(("Key", "THE SAME: a renewal must bring a new key".to_owned()));
    }
    changed(&mut lines, "Issuer", before.issuer.as_ref(), after.issuer.as_ref());
    if before.issuer == after.issuer
        && differ(before.issuer_key.as_ref(), after.issuer_key.as_ref())
    {
        lines.push(("Issuer", "the same name with ANOTHER KEY".to_owned()));
    }
    changed(&mut lines, "Authority", before.authority.as_ref(), after.authority.as_ref());
    let hours = |hours: i64| format!("{hours} h");
    changed(
        &mut lines,
        "Lifetime",
        before.lifetime_hours.map(hours).as_ref(),
        after.lifetime_hours.map(hours).as_ref(),
    );
    if let (Some(before), Some(after)) = (&before.roots, &after.roots) {
        before.difference(after).for_each(|root| lines.push(("Root gone", root.to_string())));
        after.difference(before).for_each(|root| lines.push(("Root new", root.to_string())));
    }
    lines
}

fn changed(
    lines: &mut Vec<(&'static str, String)>,
    what: &'static str,
    before: Option<&String>,
    after: Option<&String>,
) {
    if let (Some(before), Some(after)) = (before, after)
        && before != after
    {
        lines.push((what, format!("{before} → {after}")));
    }
}

fn differ<T: PartialEq>(before: Option<&T>, after: Option<&T>) -> bool {
    matches!((before, after), (Some(before), Some(after)) if before != after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        Profile {
            subject: Some("CN=a 1".to_owned()),
            hosts: ["spiffe://x/a".to_owned()].into(),
            key_kind: Some("ECDSA-P256".to_owned()),
            key: Some(Fingerprint::of(b"1")),
            issuer: Some("CN=root".to_owned()),
            issuer_key: Some(vec![1]),
            authority: Some("CA, path length 0".to_owned()),
            lifetime_hours: Some(2_160),
            roots: Some([Fingerprint::of(b"root")].into()),
        }
    }

    fn named(before: &Profile, after: &Profile) -> Vec<&'static str> {
        between(before, after).into_iter().map(|(what, _)| what).collect()
    }

    #[test]
    fn a_plain_renewal_changes_the_key_and_that_is_nothing_to_report() {
        let after = Profile { key: Some(Fingerprint::of(b"2")), ..profile() };
        assert_eq!(between(&profile(), &after), []);
    }

    #[test]
    fn a_key_that_stays_is_reported() {
        assert_eq!(named(&profile(), &profile()), ["Key"]);
    }

    #[test]
    fn each_change_is_one_line() {
        let fresh = Profile { key: Some(Fingerprint::of(b"2")), ..profile() };
        let cases = [
            (
                Profile { hosts: ["spiffe://y/a".to_owned()].into(), ..fresh.clone() },
                vec!["Name gone", "Name new"],
            ),
            (
                Profile { key_kind: Some("RSA-4096".to_owned()), ..fresh.clone() },
                vec!["Kind of key"],
            ),
            (Profile { issuer: Some("CN=root 2".to_owned()), ..fresh.clone() }, vec!["Issuer"]),
            (Profile { issuer_key: Some(vec![2]), ..fresh.clone() }, vec!["Issuer"]),
            (Profile { lifetime_hours: Some(24), ..fresh.clone() }, vec!["Lifetime"]),
            (
                Profile { roots: Some([Fingerprint::of(b"new")].into()), ..fresh.clone() },
                vec!["Root gone", "Root new"],
            ),
        ];
        for (after, what) in cases {
            assert_eq!(named(&profile(), &after), what);
        }
    }

    #[test]
    fn what_is_not_known_yet_is_not_compared() {
        let planned = Profile { hosts: profile().hosts, ..Profile::default() };
        assert_eq!(between(&profile(), &planned), []);
    }
}
