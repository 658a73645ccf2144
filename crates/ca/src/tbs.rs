//! The to-be-signed bytes of a CA certificate (RFC 5280 section 4.1.2), built field by field.

use der::asn1::OctetString;
use jiff::Timestamp;
use meshroot_pki::frame::{CertificateFrame, extension, subject_alternative_names};
use meshroot_pki::{Host, oid};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages};

/// Everything that differs between two CA certificates.
pub(crate) struct Fields<'a> {
    pub(crate) serial: &'a [u8],
    pub(crate) algorithm: AlgorithmIdentifierOwned,
    /// DER of the names and of the SubjectPublicKeyInfo: taken over byte by byte, since some verifiers
    /// (Go's) compare names as bytes.
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    pub(crate) public_key: &'a [u8],
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
    /// `None` for a root: no limit.
    pub(crate) path_len: Option<u8>,
    pub(crate) hosts: &'a [Host],
    pub(crate) subject_key_identifier: &'a [u8],
    pub(crate) authority_key_identifier: &'a [u8],
}

/// DER of the TBSCertificate. The same fields always give the same bytes.
pub(crate) fn encode(fields: &Fields<'_>) -> der::Result<Vec<u8>> {
    CertificateFrame {
        serial: fields.serial,
        algorithm: fields.algorithm.clone(),
        issuer: fields.issuer,
        subject: fields.subject,
        public_key: fields.public_key,
        not_before: fields.not_before,
        not_after: fields.not_after,
        extensions: extensions(fields)?,
    }
    .to_be_signed()
}

fn extensions(fields: &Fields<'_>) -> der::Result<Vec<Extension>> {
    let constraints = BasicConstraints { ca: true, path_len_constraint: fields.path_len };
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    let authority = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(fields.authority_key_identifier)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    let subject = OctetString::new(fields.subject_key_identifier)?;
    let mut extensions = vec![
        extension(oid::BASIC_CONSTRAINTS, true, &constraints)?,
        extension(oid::KEY_USAGE, true, &usage)?,
        extension(oid::SUBJECT_KEY_IDENTIFIER, false, &subject)?,
        extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
    ];
    if !fields.hosts.is_empty() {
        extensions.push(subject_alternative_names(fields.hosts, false)?);
    }
    Ok(extensions)
}
