//! The certificate extensions that this crate gives a meaning to, each read once.

use std::collections::HashSet;

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use der::{Decode, Reader, SliceReader};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints,
};

use crate::certificate::CertificateError;
use crate::general_name;
use crate::oid;

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
    /// Critical extensions that some peer does not process, and therefore refuses.
    pub(crate) unprocessed_critical: Vec<ObjectIdentifier>,
}

impl Extensions {
    /// Reads all extensions; each may appear once (RFC 5280 section 4.2).
    pub(crate) fn read(extensions: &[Extension]) -> Result<Self, CertificateError> {
        let mut seen = HashSet::new();
        let mut read = Self::default();
        for extension in extensions {
            if !seen.insert(extension.extn_id) {
                return Err(CertificateError::DuplicateExtension {
                    extension: extension.extn_id.to_string(),
                });
            }
            read.take(extension)?;
        }
        Ok(read)
    }

    fn take(&mut self, extension: &Extension) -> Result<(), CertificateError> {
        let value = extension.extn_value.as_bytes();
        match extension.extn_id {
            oid::BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(decode("basicConstraints", value)?);
            }
            oid::KEY_USAGE => self.key_usage = Some(decode("keyUsage", value)?),
            oid::EXTENDED_KEY_USAGE => {
                let usage: ExtendedKeyUsage = decode("extKeyUsage", value)?;
                self.extended_key_usage = Some(usage.0);
            }
            oid::NAME_CONSTRAINTS => {
                self.name_constraints = Some(decode("nameConstraints", value)?);
            }
            oid::SUBJECT_ALT_NAME => {
                general_name::read(value).map_err(CertificateError::SubjectAltName)?;
                self.subject_alt_name = Some(value.to_vec());
            }
            oid::SUBJECT_KEY_IDENTIFIER => {
                let identifier: OctetString = decode("subjectKeyIdentifier", value)?;
                self.subject_key_identifier = Some(identifier.as_bytes().to_vec());
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_identifier = Some(decode("authorityKeyIdentifier", value)?);
            }
            _ => {}
        }
        if extension.critical && !is_processed_when_critical(&extension.extn_id) {
            self.unprocessed_critical.push(extension.extn_id);
        }
        Ok(())
    }
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

fn decode<'a, T>(extension: &'static str, value: &'a [u8]) -> Result<T, CertificateError>
where
    T: Decode<'a>,
{
    let malformed = CertificateError::Extension { extension };
    let mut reader = SliceReader::new(value).map_err(|_| malformed.clone())?;
    let decoded = T::decode(&mut reader).map_err(|_| malformed.clone())?;
    reader.finish().map_err(|_| malformed)?;
    Ok(decoded)
}
