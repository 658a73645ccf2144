//! The server's own certificate authority: it certifies the server, and administrators.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::pem::{self, LineEnding};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{SubjectAltName, SubjectKeyIdentifier};
use zeroize::Zeroizing;

use crate::{AuthorityError, P256Key};

/// Clocks of clients may be behind by this much.
const BACKDATE: SignedDuration = SignedDuration::from_mins(5);
/// Life of a serving certificate.
const SERVING_LIFETIME: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Names by which clients on this machine and in a cluster call the server.
const STANDARD_HOSTS: [&str; 7] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const AUTHORITY: &str = "authority's certificate";

/// A certificate that the authority has issued, with its key.
#[derive(Debug)]
pub struct Issued {
    certificate_pem: String,
    certificate: Certificate,
    key: P256Key,
}

/// A certificate authority of one level, with a name of its own.
#[derive(Debug)]
pub struct ServingAuthority {
    issued: Issued,
    name: String,
    key_identifier: Vec<u8>,
}

impl Issued {
    /// Reads a certificate and its key, both PEM, and checks that they belong together.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        Self::load_as("certificate", certificate_pem, key_pem)
    }

    fn load_as(
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
        if certified != key.subject_public_key_info() {
            return Err(AuthorityError::OtherKey { what });
        }
        Ok(Self { certificate_pem: certificate_pem.to_owned(), certificate, key })
    }

    fn new(what: &'static str, der: &[u8], key: P256Key) -> Result<Self, AuthorityError> {
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

impl ServingAuthority {
    /// Makes an authority with a new key. Its certificate begins five minutes before `now`.
    pub fn create(
        name: &str,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Result<Self, AuthorityError> {
        let key = P256Key::generate()?;
        let mut parameters = parameters(name, now, lifetime)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = parameters
            .self_signed(&key)
            .map_err(|source| AuthorityError::NotMade { what: AUTHORITY, source })?;
        Self::of(Issued::new(AUTHORITY, certificate.der(), key)?)
    }

    /// Reads an authority that [`Self::create`] made.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        Self::of(Issued::load_as(AUTHORITY, certificate_pem, key_pem)?)
    }

    fn of(issued: Issued) -> Result<Self, AuthorityError> {
        let certificate = issued.certificate.tbs_certificate();
        let name = lone_common_name(&issued.certificate).ok_or(AuthorityError::ForeignAuthority)?;
        let (_, identifier) = certificate
            .get_extension::<SubjectKeyIdentifier>()
            .ok()
            .flatten()
            .ok_or(AuthorityError::ForeignAuthority)?;
        let key_identifier = identifier.0.as_bytes().to_vec();
        Ok(Self { issued, name, key_identifier })
    }

    /// The authority's certificate as PEM: what clients trust.
    pub fn certificate_pem(&self) -> &str {
        self.issued.certificate_pem()
    }

    /// The authority's certificate as DER.
    pub fn certificate_der(&self) -> Result<Vec<u8>, AuthorityError> {
        self.issued.certificate_der()
    }

    /// The authority's key as PKCS#8 PEM, for a file that only its owner can read.
    pub fn key_pem(&self) -> Result<Zeroizing<String>, AuthorityError> {
        self.issued.key_pem()
    }

    /// When the authority's certificate begins and ends.
    pub fn valid(&self) -> Result<(Timestamp, Timestamp), AuthorityError> {
        self.issued.valid()
    }

    /// A certificate of one year for the server itself: for the usual names of this machine and of a cluster's
    /// API server, and for `hosts` (DNS names or IP addresses).
    pub fn serving_certificate(
        &self,
        hosts: &[String],
        now: Timestamp,
    ) -> Result<Issued, AuthorityError> {
        let mut parameters = parameters("kube-apiserver", now, SERVING_LIFETIME)?;
        for host in STANDARD_HOSTS.into_iter().chain(hosts.iter().map(String::as_str)) {
            let name = alternative_name(host)?;
            if !parameters.subject_alt_names.contains(&name) {
                parameters.subject_alt_names.push(name);
            }
        }
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue("serving certificate", parameters)
    }

    /// A client certificate: the user's name as CN, the group as O (`system:masters` for an administrator).
    /// One group, because rcgen writes one value of an attribute.
    pub fn client_certificate(
        &self,
        user: &str,
        group: Option<&str>,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Result<Issued, AuthorityError> {
        let mut parameters = parameters(user, now, lifetime)?;
        if let Some(group) = group {
            parameters.distinguished_name.push(DnType::OrganizationName, group);
        }
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue("client certificate", parameters)
    }

    fn issue(
        &self,
        what: &'static str,
        mut parameters: CertificateParams,
    ) -> Result<Issued, AuthorityError> {
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let key = P256Key::generate()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name = common_name(&self.name);
        authority.key_identifier_method = KeyIdMethod::PreSpecified(self.key_identifier.clone());
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = Issuer::from_params(&authority, self.issued.key());
        let certificate = parameters
            .signed_by(&key, &issuer)
            .map_err(|source| AuthorityError::NotMade { what, source })?;
        Issued::new(what, certificate.der(), key)
    }
}

/// The subject's common name, if the subject is nothing else.
fn lone_common_name(certificate: &Certificate) -> Option<String> {
    let mut names = certificate.tbs_certificate().subject().iter();
    let attribute = names.next().filter(|attribute| attribute.oid == COMMON_NAME)?;
    names.next().is_none().then(|| String::from_utf8(attribute.value.value().to_vec()).ok())?
}

fn parameters(
    name: &str,
    now: Timestamp,
    lifetime: SignedDuration,
) -> Result<CertificateParams, AuthorityError> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name = common_name(name);
    let epoch = date_time_ymd(1970, 1, 1);
    let since_epoch =
        |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default());
    parameters.not_before = epoch + since_epoch(now.checked_sub(BACKDATE)?);
    parameters.not_after = epoch + since_epoch(now.checked_add(lifetime)?);
    Ok(parameters)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

fn alternative_name(host: &str) -> Result<SanType, AuthorityError> {
    let wrong = || AuthorityError::Host { host: host.to_owned() };
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let letter =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_' | '*');
    if host.is_empty() || !host.chars().all(letter) {
        return Err(wrong());
    }
    Ok(SanType::DnsName(host.try_into().map_err(|_| wrong())?))
}

fn named_hosts(certificate: &Certificate) -> Vec<SanType> {
    let extension = certificate.tbs_certificate().get_extension::<SubjectAltName>();
    let names = extension.ok().flatten().map(|(_, names)| names.0).unwrap_or_default();
    let host = |name: &GeneralName| match name {
        GeneralName::DnsName(name) => name.as_str().try_into().ok().map(SanType::DnsName),
        GeneralName::IpAddress(bytes) => address(bytes.as_bytes()).map(SanType::IpAddress),
        _ => None,
    };
    names.iter().filter_map(host).collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

#[cfg(test)]
mod tests;
