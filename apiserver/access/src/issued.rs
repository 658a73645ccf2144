//! A certificate and its key.

use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::pem::{self, LineEnding};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use zeroize::Zeroizing;

use crate::certificate_fields::alternative_name;
use crate::{AuthorityError, P256Key};

/// A certificate that the authority has issued, with its key.
#[derive(Debug)]
pub struct Issued {
    certificate_pem: String,
    certificate: Certificate,
    key: P256Key,
}

impl Issued {
    /// Reads a certificate and its key, both PEM, and checks that they belong together.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        Self::load_as("certificate", certificate_pem, key_pem)
    }

    pub(crate) fn load_as(
        what: &'static str,
        certificate_pem: &str,
        key_pem: &str,
    ) -> Result<Self, AuthorityError> {
        let key = P256Key::from_pkcs8_pem(key_pem)?;
        let wrong = |error: x509_cert::der::Error| AuthorityError::NotCertificate {
            what,
            detail: error.to_string(),
        };
        let (label, der) = pem::decode_vec(certificate_pem.as_bytes())
            .map_err(|error| AuthorityError::NotCertificate { what, detail: error.to_string() })?;
        if label != "CERTIFICATE" {
            return Err(AuthorityError::NotCertificate {
                what,
                detail: format!("its label is {label:?}"),
            });
        }
        let certificate = Certificate::from_der(&der).map_err(wrong)?;
        let certified =
            certificate.tbs_certificate().subject_public_key_info().to_der().map_err(wrong)?;
        if certified != key.public_key_info()? {
            return Err(AuthorityError::OtherKey { what });
        }
        Ok(Self { certificate_pem: certificate_pem.to_owned(), certificate, key })
    }

    pub(crate) fn new(
        what: &'static str,
        der: &[u8],
        key: P256Key,
    ) -> Result<Self, AuthorityError> {
        let wrong = |detail: String| AuthorityError::NotCertificate { what, detail };
        let certificate = Certificate::from_der(der).map_err(|error| wrong(error.to_string()))?;
        let certificate_pem = pem::encode_string("CERTIFICATE", LineEnding::LF, der)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { certificate_pem, certificate, key })
    }

    /// The certificate as PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The private key as PKCS#8 PEM, for a file that only its owner can read.
    pub fn key_pem(&self) -> Result<Zeroizing<String>, AuthorityError> {
        Ok(self.key.pkcs8_pem()?)
    }

    /// The certificate as DER.
    pub fn certificate_der(&self) -> Result<Vec<u8>, AuthorityError> {
        self.certificate.to_der().map_err(|error| AuthorityError::NotCertificate {
            what: "certificate",
            detail: error.to_string(),
        })
    }

    pub(crate) fn key(&self) -> &P256Key {
        &self.key
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// When the certificate begins and ends.
    pub fn valid(&self) -> Result<(Timestamp, Timestamp), AuthorityError> {
        let validity = self.certificate.tbs_certificate().validity();
        let moment = |time: &x509_cert::time::Time| Timestamp::try_from(time.to_system_time());
        Ok((moment(&validity.not_before)?, moment(&validity.not_after)?))
    }

    /// Whether less than a third of the certificate's life is left.
    pub fn needs_renewal(&self, now: Timestamp) -> bool {
        self.valid()
            .map_or(true, |(begin, end)| end.duration_since(now) < end.duration_since(begin) / 3)
    }

    /// Whether the certificate names all of these hosts.
    pub fn covers(&self, hosts: &[String]) -> bool {
        let Ok(wanted) =
            hosts.iter().map(|host| alternative_name(host)).collect::<Result<Vec<_>, _>>()
        else {
            return false;
        };
        let named = named_hosts(&self.certificate);
        wanted.iter().all(|host| named.contains(host))
    }
}

fn named_hosts(certificate: &Certificate) -> Vec<GeneralName> {
    let extension = certificate.tbs_certificate().get_extension::<SubjectAltName>();
    extension.ok().flatten().map(|(_, names)| names.0).unwrap_or_default()
}
