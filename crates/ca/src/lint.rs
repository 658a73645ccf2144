//! What an intermediate must look like, whoever built it: the profile of `docs/issuance.md`, rule by rule.

use const_oid::ObjectIdentifier;
use der::Decode;
use meshroot_pki::{Certificate, Host, KeyError, oid};
use x509_cert::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{KeyUsages, SubjectAltName};

use crate::issuer::Issuer;
use crate::order::Order;

/// A rule that a certificate breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LintError {
    /// Not version 3.
    #[error("the version is not 3")]
    Version,
    /// The serial is zero or longer than 20 octets.
    #[error("the serial number {serial} is zero or longer than 20 octets (RFC 5280, 4.1.2.2)")]
    Serial {
        /// What was found.
        serial: String,
    },
    /// The subject is empty.
    #[error("the subject is empty: OpenSSL would take every leaf below it for self-signed")]
    SubjectEmpty,
    /// The issuer's name differs from the issuer's subject, byte for byte.
    #[error("the issuer name is not, byte for byte, the subject of the issuing certificate")]
    IssuerName,
    /// Starts before its issuer.
    #[error("notBefore {asked} is before the issuer's {issuer}")]
    NotBeforePrecedesIssuer {
        /// What the certificate says.
        asked: jiff::Timestamp,
        /// What the issuer says.
        issuer: jiff::Timestamp,
    },
    /// Outlives its issuer.
    #[error("notAfter {asked} is after the issuer's {issuer}")]
    NotAfterExceedsIssuer {
        /// What the certificate says.
        asked: jiff::Timestamp,
        /// What the issuer says.
        issuer: jiff::Timestamp,
    },
    /// Ends before it begins.
    #[error("notAfter is not after notBefore")]
    ValidityEmpty,
    /// Another key than the one ordered.
    #[error("the public key is not the one of the request")]
    PublicKey,
    /// The key is weak.
    #[error(transparent)]
    WeakKey(#[from] KeyError),
    /// Another signature algorithm than the issuer's.
    #[error("the signature algorithm is not the issuer's")]
    Algorithm,
    /// The extensions are not exactly those of the profile, or one has the wrong criticality.
    #[error(
        "extension {oid} is missing, not in the profile, doubled, or has the wrong criticality"
    )]
    Extension {
        /// Which one.
        oid: String,
    },
    /// basicConstraints differ from the profile.
    #[error("basicConstraints are not CA with pathLen {expected}")]
    BasicConstraints {
        /// What the profile says.
        expected: u8,
    },
    /// A longer path than the issuer allows.
    #[error("pathLen {asked} is not below the issuer's {issuer}")]
    PathLenExceedsIssuer {
        /// What the certificate says.
        asked: u8,
        /// What the issuer says.
        issuer: u8,
    },
    /// keyUsage differs from the profile.
    #[error("keyUsage is not exactly keyCertSign and cRLSign")]
    KeyUsage,
    /// Subject alternative names differ from the order.
    #[error("the subject alternative names are not those that were approved")]
    Hosts,
    /// Subject key identifier.
    #[error("the subject key identifier is not that of the public key")]
    SubjectKeyIdentifier,
    /// Authority key identifier.
    #[error("the authority key identifier is not the issuer's subject key identifier")]
    AuthorityKeyIdentifier,
}

/// Object identifier, whether it must be critical, and whether it may be absent, of each extension of the profile.
const EXTENSIONS: [(ObjectIdentifier, bool); 4] = [
    (oid::BASIC_CONSTRAINTS, true),
    (oid::KEY_USAGE, true),
    (oid::SUBJECT_KEY_IDENTIFIER, false),
    (oid::AUTHORITY_KEY_IDENTIFIER, false),
];

/// Checks an intermediate against its order and its issuer; the first broken rule is the error.
pub fn lint(certificate: &Certificate, order: &Order, issuer: &Issuer) -> Result<(), LintError> {
    lint_frame(certificate, issuer)?;
    lint_validity(certificate, issuer.certificate())?;
    lint_key(certificate, order, issuer)?;
    lint_extensions(certificate, order)?;
    lint_constraints(certificate, order, issuer.certificate())
}

fn lint_frame(certificate: &Certificate, issuer: &Issuer) -> Result<(), LintError> {
    if certificate.tbs().version() != Version::V3 {
        return Err(LintError::Version);
    }
    let serial = certificate.serial();
    if serial.is_zero() || is_longer_than_20_octets(serial.as_bytes()) {
        return Err(LintError::Serial { serial: serial.to_string() });
    }
    if certificate.subject().is_empty() {
        return Err(LintError::SubjectEmpty);
    }
    if certificate.issuer().der() != issuer.certificate().subject().der() {
        return Err(LintError::IssuerName);
    }
    Ok(())
}

/// As an INTEGER: a leading one bit takes an octet more.
fn is_longer_than_20_octets(serial: &[u8]) -> bool {
    serial.len() > 20 || (serial.len() == 20 && serial[0] >= 0x80)
}

fn lint_validity(certificate: &Certificate, issuer: &Certificate) -> Result<(), LintError> {
    if certificate.not_after() <= certificate.not_before() {
        return Err(LintError::ValidityEmpty);
    }
    if certificate.not_before() < issuer.not_before() {
        let (asked, issuer) = (certificate.not_before(), issuer.not_before());
        return Err(LintError::NotBeforePrecedesIssuer { asked, issuer });
    }
    if certificate.not_after() > issuer.not_after() {
        let (asked, issuer) = (certificate.not_after(), issuer.not_after());
        return Err(LintError::NotAfterExceedsIssuer { asked, issuer });
    }
    Ok(())
}

fn lint_key(certificate: &Certificate, order: &Order, issuer: &Issuer) -> Result<(), LintError> {
    if certificate.public_key() != &order.public_key {
        return Err(LintError::PublicKey);
    }
    certificate.public_key().check_strength()?;
    if certificate.signature_algorithm() != &issuer.signer().algorithm() {
        return Err(LintError::Algorithm);
    }
    if certificate.subject_key_identifier().as_deref()
        != Some(&order.public_key.key_identifier()[..])
    {
        return Err(LintError::SubjectKeyIdentifier);
    }
    let expected = issuer.certificate().subject_key_identifier();
    let expected =
        expected.unwrap_or_else(|| issuer.certificate().public_key().key_identifier().to_vec());
    if certificate.authority_key_identifier() != Some(expected) {
        return Err(LintError::AuthorityKeyIdentifier);
    }
    Ok(())
}

fn lint_extensions(certificate: &Certificate, order: &Order) -> Result<(), LintError> {
    let found = certificate.tbs().extensions().map(Vec::as_slice).unwrap_or_default();
    let mut expected = EXTENSIONS.to_vec();
    if !order.hosts.is_empty() {
        expected.push((oid::SUBJECT_ALT_NAME, false));
    }
    for extension in found {
        let found = (extension.extn_id, extension.critical);
        let Some(place) = expected.iter().position(|wanted| *wanted == found) else {
            return Err(LintError::Extension { oid: found.0.to_string() });
        };
        expected.remove(place);
    }
    match expected.first() {
        Some((oid, _)) => Err(LintError::Extension { oid: oid.to_string() }),
        None => Ok(()),
    }
}

fn lint_constraints(
    certificate: &Certificate,
    order: &Order,
    issuer: &Certificate,
) -> Result<(), LintError> {
    let expected = order.profile.path_len();
    if !certificate.is_ca() || certificate.path_len() != Some(expected) {
        return Err(LintError::BasicConstraints { expected });
    }
    if let Some(issuer) = issuer.path_len().filter(|limit| expected >= *limit) {
        return Err(LintError::PathLenExceedsIssuer { asked: expected, issuer });
    }
    if certificate
        .key_usage()
        .is_none_or(|usage| usage.0 != KeyUsages::KeyCertSign | KeyUsages::CRLSign)
    {
        return Err(LintError::KeyUsage);
    }
    let sorted = |mut hosts: Vec<Host>| {
        hosts.sort();
        hosts
    };
    // Names of other types are no hosts, but some peer may act on them.
    if alternative_names(certificate) != order.hosts.len()
        || sorted(certificate.hosts()) != sorted(order.hosts.clone())
    {
        return Err(LintError::Hosts);
    }
    Ok(())
}

/// How many subject alternative names there are, of whatever type.
fn alternative_names(certificate: &Certificate) -> usize {
    let extensions = certificate.tbs().extensions().map(Vec::as_slice).unwrap_or_default();
    let read = |extension: &Extension| SubjectAltName::from_der(extension.extn_value.as_bytes());
    let found = extensions.iter().find(|extension| extension.extn_id == oid::SUBJECT_ALT_NAME);
    found.map_or(0, |extension| read(extension).map_or(usize::MAX, |names| names.0.len()))
}
