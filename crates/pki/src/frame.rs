//! The frames of a certificate (RFC 5280 section 4.1) and of a revocation list (section 5.1): fields in their order, and a
//! signature around them.

use std::time::Duration;

use const_oid::ObjectIdentifier;
use der::asn1::{Any, BitString, GeneralizedTime, OctetString, Uint, UintRef, UtcTime};
use der::{Decode, Encode, Sequence};
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Version;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber};
use x509_cert::time::{Time, Validity};

use crate::{Certificate, Host, Revoked, general_name, oid};

/// What stands in a certificate. What it may say is the business of whoever signs it.
pub struct CertificateFrame<'a> {
    /// A positive number, big-endian.
    pub serial: &'a [u8],
    /// How it is going to be signed.
    pub algorithm: AlgorithmIdentifierOwned,
    /// DER of the issuer's name. Names and the key are taken over byte by byte, since some verifiers (Go's) compare
    /// names as bytes.
    pub issuer: &'a [u8],
    /// DER of the subject's name.
    pub subject: &'a [u8],
    /// DER of the SubjectPublicKeyInfo.
    pub public_key: &'a [u8],
    /// Begin of the validity, in whole seconds.
    pub not_before: Timestamp,
    /// End of the validity, in whole seconds.
    pub not_after: Timestamp,
    /// The extensions, in this order.
    pub extensions: Vec<Extension>,
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
struct Signed {
    tbs: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl CertificateFrame<'_> {
    /// DER of the TBSCertificate, version 3. The same fields always give the same bytes.
    ///
    /// # Errors
    /// A field is not the DER that it must be, or a time is before 1970.
    pub fn to_be_signed(self) -> der::Result<Vec<u8>> {
        TbsCertificate {
            version: Version::V3,
            serial_number: UintRef::new(self.serial)?,
            signature: self.algorithm,
            issuer: Any::from_der(self.issuer)?,
            validity: Validity::new(time(self.not_before)?, time(self.not_after)?),
            subject: Any::from_der(self.subject)?,
            subject_public_key_info: Any::from_der(self.public_key)?,
            extensions: self.extensions,
        }
        .to_der()
    }
}

/// What stands in a revocation list that is complete for one issuer. What is on it is the business of whoever signs it.
pub struct RevocationListFrame<'a> {
    /// How it is going to be signed.
    pub algorithm: AlgorithmIdentifierOwned,
    /// Whose list it is: its subject, byte by byte, and its key identifier.
    pub issuer: &'a Certificate,
    /// Greater than that of every list of this issuer before it (section 5.2.3).
    pub number: u64,
    /// When it is made, in whole seconds.
    pub this_update: Timestamp,
    /// When it is over, in whole seconds.
    pub next_update: Timestamp,
    /// The certificates that are revoked; there may be none.
    pub entries: &'a [Revoked],
}

#[derive(Sequence)]
struct TbsRevocationList {
    version: Version,
    signature: AlgorithmIdentifierOwned,
    issuer: Any,
    this_update: Time,
    next_update: Time,
    /// Absent where there are none: an empty sequence is no DER of it.
    #[asn1(optional = "true")]
    revoked: Option<Vec<Entry>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Entry {
    serial: Uint,
    since: Time,
    #[asn1(optional = "true")]
    extensions: Option<Vec<Extension>>,
}

impl RevocationListFrame<'_> {
    /// DER of the TBSCertList, version 2. The same fields always give the same bytes.
    ///
    /// # Errors
    /// A field is not the DER that it must be, or a time is before 1970.
    pub fn to_be_signed(self) -> der::Result<Vec<u8>> {
        let identifier = self.issuer.subject_key_identifier();
        let identifier =
            identifier.unwrap_or_else(|| self.issuer.public_key().key_identifier().to_vec());
        let authority = AuthorityKeyIdentifier {
            key_identifier: Some(OctetString::new(identifier)?),
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        };
        let entries = self.entries.iter().map(entry).collect::<der::Result<Vec<_>>>()?;
        TbsRevocationList {
            version: Version::V2,
            signature: self.algorithm,
            issuer: Any::from_der(self.issuer.subject().der())?,
            this_update: time(self.this_update)?,
            next_update: time(self.next_update)?,
            revoked: Some(entries).filter(|entries| !entries.is_empty()),
            extensions: vec![
                extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &authority)?,
                extension(oid::CRL_NUMBER, false, &CrlNumber::try_from(self.number)?)?,
            ],
        }
        .to_der()
    }
}

fn entry(revoked: &Revoked) -> der::Result<Entry> {
    let reason = revoked.reason.map(|reason| extension(oid::CRL_REASON, false, &reason));
    Ok(Entry {
        serial: Uint::new(revoked.serial.as_bytes())?,
        since: time(revoked.since)?,
        extensions: reason.transpose()?.map(|reason| vec![reason]),
    })
}

/// DER of the certificate or the list: these very bytes, the algorithm again, the signature.
///
/// # Errors
/// `tbs` is no DER.
pub fn assemble(
    tbs: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    signature: &[u8],
) -> der::Result<Vec<u8>> {
    Signed {
        tbs: Any::from_der(tbs)?,
        signature_algorithm: algorithm.clone(),
        signature: BitString::from_bytes(signature)?,
    }
    .to_der()
}

/// An extension with the DER of `value`.
///
/// # Errors
/// `value` cannot be encoded.
pub fn extension(
    oid: ObjectIdentifier,
    critical: bool,
    value: &impl Encode,
) -> der::Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value.to_der()?)? })
}

/// The extension with subject alternative names, in this order.
///
/// # Errors
/// A name has characters outside ASCII.
pub fn subject_alternative_names(hosts: &[Host], critical: bool) -> der::Result<Extension> {
    Ok(Extension {
        extn_id: oid::SUBJECT_ALT_NAME,
        critical,
        extn_value: OctetString::new(general_name::write(hosts)?)?,
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
