//! The to-be-signed bytes of a CA certificate (RFC 5280 section 4.1.2), built field by field.

use const_oid::db::rfc5280::{
    ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_BASIC_CONSTRAINTS, ID_CE_KEY_USAGE,
    ID_CE_SUBJECT_ALT_NAME, ID_CE_SUBJECT_KEY_IDENTIFIER,
};
use der::asn1::{Any, BitString, GeneralizedTime, Ia5String, OctetString, UintRef, UtcTime};
use der::{Decode, Encode, Sequence};
use jiff::Timestamp;
use meshroot_pki::Host;
use spki::AlgorithmIdentifierOwned;
use std::net::IpAddr;
use std::time::Duration;
use x509_cert::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, KeyUsages};
use x509_cert::time::{Time, Validity};

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
struct Certificate {
    tbs: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// DER of the TBSCertificate. The same fields always give the same bytes.
pub(crate) fn encode(fields: &Fields<'_>) -> der::Result<Vec<u8>> {
    TbsCertificate {
        version: Version::V3,
        serial_number: UintRef::new(fields.serial)?,
        signature: fields.algorithm.clone(),
        issuer: Any::from_der(fields.issuer)?,
        validity: Validity::new(time(fields.not_before)?, time(fields.not_after)?),
        subject: Any::from_der(fields.subject)?,
        subject_public_key_info: Any::from_der(fields.public_key)?,
        extensions: extensions(fields)?,
    }
    .to_der()
}

/// DER of the certificate: these very bytes, the algorithm again, the signature.
pub(crate) fn assemble(
    tbs: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    signature: &[u8],
) -> der::Result<Vec<u8>> {
    Certificate {
        tbs: Any::from_der(tbs)?,
        signature_algorithm: algorithm.clone(),
        signature: BitString::from_bytes(signature)?,
    }
    .to_der()
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
        extension(ID_CE_BASIC_CONSTRAINTS, true, &constraints)?,
        extension(ID_CE_KEY_USAGE, true, &usage)?,
        extension(ID_CE_SUBJECT_KEY_IDENTIFIER, false, &subject)?,
        extension(ID_CE_AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
    ];
    if !fields.hosts.is_empty() {
        let names = fields.hosts.iter().map(general_name).collect::<der::Result<Vec<_>>>()?;
        extensions.push(extension(ID_CE_SUBJECT_ALT_NAME, false, &names)?);
    }
    Ok(extensions)
}

fn extension(
    oid: der::oid::ObjectIdentifier,
    critical: bool,
    value: &impl Encode,
) -> der::Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value.to_der()?)? })
}

fn general_name(host: &Host) -> der::Result<GeneralName> {
    Ok(match host {
        Host::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
        Host::Uri(uri) => GeneralName::UniformResourceIdentifier(Ia5String::new(uri)?),
        Host::Ip(IpAddr::V4(address)) => {
            GeneralName::IpAddress(OctetString::new(&address.octets()[..])?)
        }
        Host::Ip(IpAddr::V6(address)) => {
            GeneralName::IpAddress(OctetString::new(&address.octets()[..])?)
        }
    })
}

/// UTCTime up to 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5), both in whole seconds.
fn time(at: Timestamp) -> der::Result<Time> {
    let since_epoch =
        Duration::from_secs(u64::try_from(at.as_second()).map_err(|_| der::ErrorKind::DateTime)?);
    match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_epoch)?)),
    }
}
