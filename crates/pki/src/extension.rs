//! The certificate extensions that this crate gives a meaning to, each read once.

use std::collections::HashSet;

use const_oid::ObjectIdentifier;
use der::asn1::{BitString, OctetString};
use der::{Decode, Reader, SliceReader};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, NameConstraints, PolicyMappings,
};

use crate::general_name::{self, GeneralNameError};
use crate::oid;

/// Why the extensions of a certificate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExtensionError {
    /// By its name in RFC 5280.
    Malformed {
        extension: &'static str,
    },
    /// By its object identifier.
    Duplicate {
        extension: String,
    },
    SubjectAltName(GeneralNameError),
}

/// Extensions of one certificate.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<Vec<ObjectIdentifier>>,
    /// DER of the `GeneralNames`; it has been read once without error.
    pub(crate) subject_alt_name: Option<Vec<u8>>,
    pub(crate) subject_key_identifier: Option<Vec<u8>>,
    pub(crate) authority_key_identifier: Option<AuthorityKeyIdentifier>,
    pub(crate) name_constraints: Option<NameConstraints>,
    /// `policyConstraints` or `inhibitAnyPolicy`, critical or not.
    pub(crate) restricts_policies: Option<ObjectIdentifier>,
    /// Critical extensions that some peer does not process, and therefore refuses.
    pub(crate) unprocessed_critical: Vec<ObjectIdentifier>,
}

impl Extensions {
    /// Reads all extensions; each may appear once (RFC 5280 section 4.2).
    pub(crate) fn read(extensions: &[Extension]) -> Result<Self, ExtensionError> {
        let mut seen = HashSet::new();
        let mut read = Self::default();
        for extension in extensions {
            if !seen.insert(extension.extn_id) {
                return Err(ExtensionError::Duplicate { extension: extension.extn_id.to_string() });
            }
            read.take(extension)?;
        }
        Ok(read)
    }

    fn take(&mut self, extension: &Extension) -> Result<(), ExtensionError> {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            oid::BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(decode("basicConstraints", value)?);
            }
            oid::KEY_USAGE => {
                check_key_usage(value)?;
                self.key_usage = Some(decode("keyUsage", value)?);
            }
            oid::EXTENDED_KEY_USAGE => {
                let usage: ExtendedKeyUsage = decode("extKeyUsage", value)?;
                self.extended_key_usage = Some(usage.0);
            }
            oid::NAME_CONSTRAINTS => {
                self.name_constraints = Some(decode("nameConstraints", value)?);
            }
            oid::SUBJECT_ALT_NAME => {
                general_name::read(value).map_err(ExtensionError::SubjectAltName)?;
                self.subject_alt_name = Some(value.to_vec());
            }
            oid::SUBJECT_KEY_IDENTIFIER => {
                let identifier: OctetString = decode("subjectKeyIdentifier", value)?;
                self.subject_key_identifier = Some(identifier.as_bytes().to_vec());
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_identifier = Some(decode("authorityKeyIdentifier", value)?);
            }
            oid::POLICY_CONSTRAINTS | oid::INHIBIT_ANY_POLICY => {
                self.restricts_policies = Some(extension.extn_id);
            }
            other => check_unused(&other, value)?,
        }
        if extension.critical && !is_processed_when_critical(&extension.extn_id) {
            self.unprocessed_critical.push(extension.extn_id);
        }
        Ok(())
    }
}

/// Extensions that say nothing to us must be well formed all the same: Go reads them, and refuses
/// the certificate where it cannot.
fn check_unused(extension: &ObjectIdentifier, value: &[u8]) -> Result<(), ExtensionError> {
    match *extension {
        oid::AUTHORITY_INFORMATION_ACCESS => {
            decode::<AuthorityInfoAccessSyntax>("authorityInfoAccess", value).map(drop)
        }
        oid::CRL_DISTRIBUTION_POINTS => {
            decode::<CrlDistributionPoints>("cRLDistributionPoints", value).map(drop)
        }
        oid::POLICY_MAPPINGS => decode::<PolicyMappings>("policyMappings", value).map(drop),
        oid::NETSCAPE_CERTIFICATE_TYPE => {
            decode::<BitString>("netscape-cert-type", value).map(drop)
        }
        oid::CERTIFICATE_POLICIES => check_policies(value),
        oid::SIGNED_CERTIFICATE_TIMESTAMPS => check_timestamps(value),
        _ => Ok(()),
    }
}

/// RFC 5280 section 4.2.1.3: at least one bit is set; DER: those that are no bits are zero. OpenSSL
/// refuses the one, Go the other.
fn check_key_usage(value: &[u8]) -> Result<(), ExtensionError> {
    let malformed = ExtensionError::Malformed { extension: "keyUsage" };
    let [0x03, length, unused @ 0..=7, bits @ ..] = value else { return Err(malformed) };
    let padding = u8::MAX.checked_shr(u32::from(8 - unused)).unwrap_or(0);
    let is_sound = usize::from(*length) == bits.len() + 1
        && bits.iter().any(|byte| *byte != 0)
        && bits.last().is_some_and(|last| last & padding == 0);
    if is_sound { Ok(()) } else { Err(malformed) }
}

/// RFC 5280 section 4.2.1.4: a policy appears once.
fn check_policies(value: &[u8]) -> Result<(), ExtensionError> {
    let policies: CertificatePolicies = decode("certificatePolicies", value)?;
    let mut seen = HashSet::new();
    let is_new = policies.0.iter().all(|policy| seen.insert(policy.policy_identifier));
    if is_new && !policies.0.is_empty() {
        return Ok(());
    }
    Err(ExtensionError::Malformed { extension: "certificatePolicies" })
}

/// RFC 6962 section 3.3: an OCTET STRING that holds a list, each with its length in two octets.
fn check_timestamps(value: &[u8]) -> Result<(), ExtensionError> {
    let malformed = ExtensionError::Malformed { extension: "signed certificate timestamps" };
    let list: OctetString = decode("signed certificate timestamps", value)?;
    let whole = vector(list.as_bytes()).filter(|(list, rest)| !list.is_empty() && rest.is_empty());
    let (mut entries, _) = whole.ok_or_else(|| malformed.clone())?;
    while !entries.is_empty() {
        let entry = vector(entries).filter(|(entry, _)| !entry.is_empty());
        (_, entries) = entry.ok_or_else(|| malformed.clone())?;
    }
    Ok(())
}

/// A vector with a length of two octets (RFC 8446 section 3.4), and what follows it.
fn vector(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// What rustls-webpki, Go and OpenSSL all process in critical form. Key identifiers are missing:
/// webpki does not know them as critical, and Go refuses a critical one as wrongly marked.
fn is_processed_when_critical(extension: &ObjectIdentifier) -> bool {
    [
        oid::KEY_USAGE,
        oid::SUBJECT_ALT_NAME,
        oid::BASIC_CONSTRAINTS,
        oid::NAME_CONSTRAINTS,
        oid::CRL_DISTRIBUTION_POINTS,
        oid::EXTENDED_KEY_USAGE,
    ]
    .contains(extension)
}

fn decode<'a, T>(extension: &'static str, value: &'a [u8]) -> Result<T, ExtensionError>
where
    T: Decode<'a>,
{
    let malformed = ExtensionError::Malformed { extension };
    let mut reader = SliceReader::new(value).map_err(|_| malformed.clone())?;
    let decoded = T::decode(&mut reader).map_err(|_| malformed.clone())?;
    reader.finish().map_err(|_| malformed)?;
    Ok(decoded)
}
