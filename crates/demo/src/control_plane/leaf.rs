//! A workload's certificate as istiod makes it (Istio 1.31): no subject, one name, both sides of TLS.

use der::asn1::OctetString;
use jiff::Timestamp;
use meshroot_pki::frame::{self, CertificateFrame, extension, subject_alternative_names};
use meshroot_pki::{Certificate, DistinguishedName, Host, PrivateKey, PublicKey, oid};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
};

/// What differs between two leaves.
pub(super) struct Leaf<'a> {
    pub(super) key: &'a PublicKey,
    pub(super) host: &'a Host,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

/// Why no leaf came of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum LeafError {
    /// It cannot be encoded.
    #[error("the certificate cannot be encoded: {0}")]
    Encode(#[from] der::Error),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] meshroot_pki::KeyError),
    /// What was made cannot be read back.
    #[error("the certificate cannot be read back: {0}")]
    ReadBack(#[from] meshroot_pki::CertificateError),
    /// No random serial could be drawn.
    #[error("the system's random number generator failed")]
    Random,
    /// Only names of workloads and servers are signed.
    #[error("{0} is not a name for a workload certificate")]
    Host(String),
}

/// Signs it.
pub(super) fn sign(
    leaf: &Leaf<'_>,
    issuer: &Certificate,
    issuer_key: &PrivateKey,
) -> Result<Certificate, LeafError> {
    let algorithm = issuer_key.signature_algorithm();
    let tbs = CertificateFrame {
        serial: &serial()?,
        algorithm: algorithm.clone(),
        issuer: issuer.subject().der(),
        subject: DistinguishedName::empty().der(),
        public_key: leaf.key.spki_der(),
        not_before: leaf.not_before,
        not_after: leaf.not_after,
        extensions: extensions(leaf.host, issuer)?,
    }
    .to_be_signed()?;
    let der = frame::assemble(&tbs, &algorithm, &issuer_key.sign(&tbs)?)?;
    Ok(Certificate::from_der(&der)?)
}

/// 126 random bits under a set one: positive, and of the same length each time.
fn serial() -> Result<[u8; 16], LeafError> {
    let mut serial = [0_u8; 16];
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.secure_random.fill(&mut serial).map_err(|_| LeafError::Random)?;
    serial[0] = serial[0] & 0x3f | 0x40;
    Ok(serial)
}

fn extensions(host: &Host, issuer: &Certificate) -> Result<Vec<Extension>, LeafError> {
    let usage = KeyUsage(KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment);
    let purposes = ExtendedKeyUsage(vec![oid::SERVER_AUTH, oid::CLIENT_AUTH]);
    let authority = AuthorityKeyIdentifier {
        key_identifier: issuer.subject_key_identifier().map(OctetString::new).transpose()?,
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    if let Host::Ip(address) = host {
        return Err(LeafError::Host(address.to_string()));
    }
    Ok(vec![
        extension(oid::KEY_USAGE, true, &usage)?,
        extension(oid::EXTENDED_KEY_USAGE, false, &purposes)?,
        extension(
            oid::BASIC_CONSTRAINTS,
            true,
            &BasicConstraints { ca: false, path_len_constraint: None },
        )?,
        extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
        // Critical because the subject is empty (RFC 5280 section 4.2.1.6).
        subject_alternative_names(std::slice::from_ref(host), true)?,
    ])
}
