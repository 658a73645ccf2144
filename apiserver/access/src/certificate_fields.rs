//! Certificates of X.509, field by field (RFC 5280, section 4.1).

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use der::asn1::{
    Any, BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, UintRef, UtcTime,
    Utf8StringRef,
};
use der::{Decode, Encode, Sequence};
use jiff::Timestamp;
use x509_cert::Version;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::{Time, Validity};

use crate::{AuthorityError, P256Key};

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// What a certificate says, its key excepted.
pub(crate) struct CertificateFields {
    pub(crate) issuer: RdnSequence,
    pub(crate) subject: RdnSequence,
    pub(crate) begin: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct TbsCertificate<'a> {
    #[asn1(context_specific = "0")]
    version: Version,
    serial_number: UintRef<'a>,
    signature: AlgorithmIdentifierOwned,
    issuer: RdnSequence,
    validity: Validity,
    subject: RdnSequence,
    subject_public_key_info: Any,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct SignedCertificate {
    tbs: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl CertificateFields {
    /// DER of the certificate for a key, signed with another or with itself. `what`: which one, for errors.
    pub(crate) fn signed(
        self,
        what: &'static str,
        key: &P256Key,
        signer: &P256Key,
    ) -> Result<Vec<u8>, AuthorityError> {
        let not_made = |source| AuthorityError::NotMade { what, source };
        let tbs = self.into_signed_part(&key.public_key_info()?, key.public_point());
        let tbs = tbs.map_err(not_made)?;
        let signature = signer.sign(&tbs)?;
        assembled(&tbs, &signature).map_err(not_made)
    }

    fn into_signed_part(self, key: &[u8], point: &[u8]) -> der::Result<Vec<u8>> {
        // Twenty bytes, positive (RFC 5280, section 4.1.2.2).
        let mut serial = short_hash(point);
        serial[0] &= 0x7f;
        TbsCertificate {
            version: Version::V3,
            serial_number: UintRef::new(&serial)?,
            signature: algorithm(),
            issuer: self.issuer,
            validity: Validity::new(time(self.begin)?, time(self.end)?),
            subject: self.subject,
            subject_public_key_info: Any::from_der(key)?,
            extensions: self.extensions,
        }
        .to_der()
    }
}

fn assembled(tbs: &[u8], signature: &[u8]) -> der::Result<Vec<u8>> {
    let signature = BitString::from_bytes(signature)?;
    SignedCertificate { tbs: Any::from_der(tbs)?, signature_algorithm: algorithm(), signature }
        .to_der()
}

fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None }
}

/// The first twenty bytes of the SHA-256 hash.
pub(crate) fn short_hash(bytes: &[u8]) -> [u8; 20] {
    let mut short = [0; 20];
    short.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..20]);
    short
}

/// A name of these attributes, in this order.
pub(crate) fn name(attributes: &[(ObjectIdentifier, &str)]) -> der::Result<RdnSequence> {
    let mut name = RdnSequence::default();
    for (oid, text) in attributes {
        let value = Any::encode_from(&Utf8StringRef::new(text)?)?;
        let attribute = AttributeTypeAndValue { oid: *oid, value };
        name.push(RelativeDistinguishedName::try_from(vec![attribute])?);
    }
    Ok(name)
}

pub(crate) fn extension(
    oid: ObjectIdentifier,
    critical: bool,
    value: &impl Encode,
) -> der::Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// A DNS name or an address, as a certificate names it.
pub(crate) fn alternative_name(host: &str) -> Result<GeneralName, AuthorityError> {
    let wrong = || AuthorityError::Host { host: host.to_owned() };
    if let Ok(address) = host.parse::<IpAddr>() {
        let bytes = match address {
            IpAddr::V4(address) => OctetString::new(address.octets()),
            IpAddr::V6(address) => OctetString::new(address.octets()),
        };
        return Ok(GeneralName::IpAddress(bytes.map_err(|_| wrong())?));
    }
    let letter =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_' | '*');
    if host.is_empty() || !host.chars().all(letter) {
        return Err(wrong());
    }
    Ok(GeneralName::DnsName(Ia5String::new(host).map_err(|_| wrong())?))
}

/// UTCTime up to 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5), both in whole seconds; not before 1970.
fn time(at: Timestamp) -> der::Result<Time> {
    let since_epoch = Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default());
    match UtcTime::from_unix_duration(since_epoch) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(since_epoch)?)),
    }
}
