//! A workload's certificate as istiod makes it (Istio 1.31): no subject, one name, both sides of TLS.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_EXT_KEY_USAGE, ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME, ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH,
};
use der::asn1::{Any, BitString, Ia5String, OctetString, UintRef, UtcTime};
use der::{Decode as _, Encode, Sequence};
use jiff::Timestamp;
use meshroot_pki::{Certificate, Host, PrivateKey, PublicKey};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
};
use x509_cert::time::{Time, Validity};

/// What differs between two leaves.
pub(super) struct Leaf<'a> {
    pub(super) key: &'a PublicKey,
    pub(super) host: &'a Host,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

/// RFC 5280 section 4.1.2, with the names and keys that others encoded taken over byte by byte.
#[derive(Sequence)]
struct TbsCertificate<'a> {
    #[asn1(context_specific = "0")]
    version: Version,
    serial_number: UintRef<'a>,
    signature: AlgorithmIdentifierOwned,
    issuer: Any,
    validity: Validity,
    subject: Any,
    subject_public_key_info: Any,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Signed {
    tbs: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
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
    #[error("{0} is no name for a workload certificate")]
    Host(String),
}

/// Signs it.
pub(super) fn sign(
    leaf: &Leaf<'_>,
    issuer: &Certificate,
    issuer_key: &PrivateKey,
) -> Result<Certificate, LeafError> {
    let algorithm = issuer_key.signature_algorithm();
    let tbs = TbsCertificate {
        version: Version::V3,
        serial_number: UintRef::new(&serial()?)?,
        signature: algorithm.clone(),
        issuer: Any::from_der(issuer.subject().der())?,
        validity: Validity::new(time(leaf.not_before)?, time(leaf.not_after)?),
        subject: Any::from_der(&EMPTY_NAME)?,
        subject_public_key_info: Any::from_der(leaf.key.spki_der())?,
        extensions: extensions(leaf.host, issuer)?,
    }
    .to_der()?;
    let signature = BitString::from_bytes(&issuer_key.sign(&tbs)?)?;
    let der =
        Signed { tbs: Any::from_der(&tbs)?, signature_algorithm: algorithm, signature }.to_der()?;
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
    let purposes = ExtendedKeyUsage(vec![ID_KP_SERVER_AUTH, ID_KP_CLIENT_AUTH]);
    let authority = AuthorityKeyIdentifier {
        key_identifier: issuer.subject_key_identifier().map(OctetString::new).transpose()?,
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    let name = match host {
        Host::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
        Host::Uri(uri) => GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?),
        Host::Ip(address) => return Err(LeafError::Host(address.to_string())),
    };
    Ok(vec![
        extension(ID_CE_KEY_USAGE, true, &usage)?,
        extension(ID_CE_EXT_KEY_USAGE, false, &purposes)?,
        extension(
            ID_CE_BASIC_CONSTRAINTS,
            true,
            &BasicConstraints { ca: false, path_len_constraint: None },
        )?,
        extension(ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
        // Critical because the subject is empty (RFC 5280 section 4.2.1.6).
        extension(ID_CE_SUBJECT_ALT_NAME, true, &vec![name])?,
    ])
}

fn extension(oid: ObjectIdentifier, critical: bool, value: &impl Encode) -> der::Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// Leaves end long before 2050, where GeneralizedTime begins.
fn time(at: Timestamp) -> der::Result<Time> {
    let seconds = u64::try_from(at.as_second()).map_err(|_| der::ErrorKind::DateTime)?;
    Ok(Time::UtcTime(UtcTime::from_unix_duration(std::time::Duration::from_secs(seconds))?))
}

/// A SEQUENCE of nothing.
const EMPTY_NAME: [u8; 2] = [0x30, 0x00];
