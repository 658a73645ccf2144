//! Certificate revocation lists (RFC 5280 section 5): who is on one, and whose it is.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use der::Decode;
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};

use crate::certificate::{Certificate, timestamp};
use crate::distinguished_name::{DistinguishedName, NameError};
use crate::fingerprint::Fingerprint;
use crate::form::DerForm;
use crate::key::KeyError;
use crate::oid;
use crate::path_check::names_key_of;
use crate::pem::{self, PemError};
use crate::revoked::{RevocationReason, Revoked};
use crate::serial::Serial;
use crate::tlv::{self, TlvError};

/// Label of its PEM.
pub(crate) const LABEL: &str = "X509 CRL";

/// A certificate revocation list that is complete for its issuer: the exact bytes, and what they say. Cheap to clone; two
/// are equal when their DER is.
///
/// Parsing judges form only. Whether a path survives some lists is what [`crate::check_revocation`] answers.
#[derive(Clone)]
pub struct RevocationList(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    tbs: Range<usize>,
    list: CertificateList,
    issuer: DistinguishedName,
    authority_key_identifier: Option<AuthorityKeyIdentifier>,
    number: Option<Serial>,
    next_update: Timestamp,
    entries: Vec<Revoked>,
}

/// Why bytes are no revocation list that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationListError {
    /// The PEM is broken.
    #[error("the revocation list cannot be read: {0}")]
    Pem(#[from] PemError),
    /// Another block was found where a list belongs.
    #[error("a {label} block was found where a certificate revocation list ({LABEL}) belongs")]
    WrongBlock {
        /// The block's label.
        label: String,
    },
    /// One list of a file is at fault.
    #[error("revocation list {position} of the file: {source}")]
    InFile {
        /// Its place, counted from 1.
        position: usize,
        /// What is wrong with it.
        source: Box<RevocationListError>,
    },
    /// The DER's frame is broken.
    #[error("the revocation list cannot be read: {0}")]
    Frame(#[from] TlvError),
    /// The DER is something else.
    #[error("{form} was found where a certificate revocation list belongs")]
    AnotherForm {
        /// What it is.
        form: DerForm,
    },
    /// The DER is no list of version 2.
    #[error("the DER is not a certificate revocation list of version 2 (RFC 5280 section 5.1)")]
    Malformed,
    /// The issuer's name cannot be read.
    #[error("the issuer of the revocation list cannot be read")]
    Name(#[from] NameError),
    /// The two signature algorithm fields differ (RFC 5280 section 5.1.1.2).
    #[error(
        "the revocation list names two signature algorithms, {inner} inside and {outer} outside"
    )]
    AlgorithmMismatch {
        /// Object identifier in the signed part.
        inner: String,
        /// Object identifier beside the signature.
        outer: String,
    },
    /// The list has no end (RFC 5280 section 5.1.2.5 demands one).
    #[error("the revocation list of {issuer} has no nextUpdate, so it would never be over")]
    NextUpdateMissing {
        /// Whose it is.
        issuer: String,
    },
    /// An extension cannot be read.
    #[error("the {extension} extension of the revocation list cannot be read")]
    Extension {
        /// Name of the extension in RFC 5280.
        extension: &'static str,
    },
    /// An extension appears twice.
    #[error("the revocation list has extension {extension} twice")]
    DuplicateExtension {
        /// Its object identifier.
        extension: String,
    },
    /// The list covers a part of the issuer's certificates, is a difference to another, or has those of other issuers.
    #[error(
        "the revocation list has extension {extension}, so it is not one that is complete for its issuer; give the complete one"
    )]
    Partial {
        /// Its object identifier.
        extension: String,
    },
}

impl RevocationList {
    /// Reads one DER list without trailing bytes.
    ///
    /// # Errors
    /// Where it is no list of version 2 with an end, complete for its issuer.
    pub fn from_der(der: &[u8]) -> Result<Self, RevocationListError> {
        tlv::check_frame(der)?;
        let list = CertificateList::from_der(der).map_err(|_| what_else(der))?;
        let [tbs, outer, signature] = tlv::members(der)?[..] else {
            return Err(RevocationListError::Malformed);
        };
        let start = der.len() - tbs.len() - outer.len() - signature.len();
        let [version, inner, issuer, ..] = tlv::members(tbs)?[..] else {
            return Err(RevocationListError::Malformed);
        };
        if version != VERSION_2 {
            return Err(RevocationListError::Malformed);
        }
        if inner != outer {
            return Err(RevocationListError::AlgorithmMismatch {
                inner: list.tbs_cert_list.signature.oid.to_string(),
                outer: list.signature_algorithm.oid.to_string(),
            });
        }
        let issuer = DistinguishedName::from_der(issuer)?;
        let end = list.tbs_cert_list.next_update.map(timestamp);
        let next_update = end
            .ok_or_else(|| RevocationListError::NextUpdateMissing { issuer: issuer.to_string() })?;
        let extensions = read_extensions(list.tbs_cert_list.crl_extensions.as_deref())?;
        let entries = list.tbs_cert_list.revoked_certificates.iter().flatten();
        Ok(Self(Arc::new(Parsed {
            entries: entries.map(read_entry).collect::<Result<_, _>>()?,
            der: der.to_vec(),
            tbs: start..start + tbs.len(),
            issuer,
            authority_key_identifier: extensions.authority_key_identifier,
            number: extensions.number,
            next_update,
            list,
        })))
    }

    /// The exact DER that was read.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// PEM of the DER, ending in one line feed.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, self.der())
    }

    /// SHA-256 of the DER.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.der())
    }

    /// Whose certificates it is about.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// The issuer's key identifier.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        let identifier = self.0.authority_key_identifier.as_ref()?;
        Some(identifier.key_identifier.as_ref()?.as_bytes())
    }

    /// Which of the issuer's lists it is, if it says so.
    pub fn number(&self) -> Option<&Serial> {
        self.0.number.as_ref()
    }

    /// When it was made.
    pub fn this_update(&self) -> Timestamp {
        timestamp(self.0.list.tbs_cert_list.this_update)
    }

    /// When it is over.
    pub fn next_update(&self) -> Timestamp {
        self.0.next_update
    }

    /// The certificates that are revoked.
    pub fn entries(&self) -> &[Revoked] {
        &self.0.entries
    }

    /// The signature's algorithm.
    pub fn signature_algorithm(&self) -> &AlgorithmIdentifierOwned {
        &self.0.list.signature_algorithm
    }

    /// Whether it is this certificate's, by name and key identifier; the signature is not checked.
    pub fn names(&self, issuer: &Certificate) -> bool {
        let identifier = self.0.authority_key_identifier.as_ref();
        self.issuer() == issuer.subject()
            && identifier.is_none_or(|identifier| names_key_of(identifier, issuer))
    }

    /// Checks the signature with the issuer's key, and nothing else.
    ///
    /// # Errors
    /// Where it is not of that key.
    pub fn verify_signed_by(&self, issuer: &Certificate) -> Result<(), KeyError> {
        let signature = self.0.list.signature.as_bytes();
        let signature =
            signature.ok_or(KeyError::Malformed { structure: "signature BIT STRING" })?;
        let signed = &self.0.der[self.0.tbs.clone()];
        issuer.public_key().verify(self.signature_algorithm(), signed, signature)
    }
}

impl PartialEq for RevocationList {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for RevocationList {}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({} {})", self.issuer(), self.fingerprint())
    }
}

/// Reads one or more lists: PEM, with or without text around the blocks (RFC 7468 section 2), or one list in DER.
///
/// # Errors
/// Where there is none, another block among them, or one that cannot be read.
pub fn read_revocation_lists(bytes: &[u8]) -> Result<Vec<RevocationList>, RevocationListError> {
    if !pem::looks_like_pem(bytes) {
        return RevocationList::from_der(bytes).map(|list| vec![list]);
    }
    let read = |(index, block): (usize, &pem::Block)| {
        let list = match block.label.as_str() {
            LABEL => RevocationList::from_der(&block.der),
            label => Err(RevocationListError::WrongBlock { label: label.to_owned() }),
        };
        list.map_err(|source| RevocationListError::InFile {
            position: index + 1,
            source: Box::new(source),
        })
    };
    pem::blocks_in_text(bytes)?.iter().enumerate().map(read).collect()
}

/// INTEGER 1, which is version 2.
const VERSION_2: &[u8] = &[0x02, 0x01, 0x01];

fn what_else(der: &[u8]) -> RevocationListError {
    match DerForm::of(der) {
        Some(form) if form != DerForm::RevocationList => RevocationListError::AnotherForm { form },
        _ => RevocationListError::Malformed,
    }
}

#[derive(Default)]
struct ListExtensions {
    authority_key_identifier: Option<AuthorityKeyIdentifier>,
    number: Option<Serial>,
}

fn read_extensions(
    extensions: Option<&[Extension]>,
) -> Result<ListExtensions, RevocationListError> {
    let mut read = ListExtensions::default();
    let extensions = extensions.unwrap_or_default();
    check_each_once(extensions)?;
    for extension in extensions {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            oid::AUTHORITY_KEY_IDENTIFIER => {
                let identifier = AuthorityKeyIdentifier::from_der(value);
                read.authority_key_identifier =
                    Some(identifier.map_err(|_| malformed("authorityKeyIdentifier"))?);
            }
            oid::CRL_NUMBER => {
                let number = CrlNumber::from_der(value).map_err(|_| malformed("cRLNumber"))?;
                read.number = Some(Serial::from_integer_octets(number.0.as_bytes()));
            }
            // Both are to be critical, and say that it is not the whole list.
            other
                if extension.critical
                    || other == oid::ISSUING_DISTRIBUTION_POINT
                    || other == oid::DELTA_CRL_INDICATOR =>
            {
                return Err(RevocationListError::Partial { extension: other.to_string() });
            }
            _ => {}
        }
    }
    Ok(read)
}

fn read_entry(entry: &RevokedCert) -> Result<Revoked, RevocationListError> {
    let extensions = entry.crl_entry_extensions.as_deref().unwrap_or_default();
    check_each_once(extensions)?;
    let mut reason = None;
    for extension in extensions {
        if extension.extn_id == oid::CRL_REASON {
            let code = CrlReason::from_der(extension.extn_value.as_bytes());
            reason = Some(RevocationReason::from(code.map_err(|_| malformed("reasonCode"))?));
        } else if extension.critical {
            let extension = extension.extn_id.to_string();
            return Err(RevocationListError::Partial { extension });
        }
    }
    Ok(Revoked {
        serial: Serial::from_integer_octets(entry.serial_number.as_bytes()),
        since: timestamp(entry.revocation_date),
        reason,
    })
}

fn check_each_once(extensions: &[Extension]) -> Result<(), RevocationListError> {
    let mut seen = HashSet::new();
    let twice = extensions.iter().find(|extension| !seen.insert(extension.extn_id));
    twice.map_or(Ok(()), |twice| {
        Err(RevocationListError::DuplicateExtension { extension: twice.extn_id.to_string() })
    })
}

fn malformed(extension: &'static str) -> RevocationListError {
    RevocationListError::Extension { extension }
}
