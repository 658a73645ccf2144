//! The server's own certificate authority: it certifies the server, and administrators.

use der::asn1::{ObjectIdentifier, OctetString};
use jiff::{SignedDuration, Timestamp};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::name::RdnSequence;
use zeroize::Zeroizing;

use crate::certificate_fields::{CertificateFields, alternative_name, extension, name, short_hash};
use crate::{AuthorityError, Issued, P256Key};

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
const AUTHORITY: &str = "authority's certificate";
const SERVING: &str = "serving certificate";
const CLIENT: &str = "client certificate";

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// A certificate authority of one level, with a name of its own.
#[derive(Debug)]
pub struct ServingAuthority {
    issued: Issued,
    name: RdnSequence,
    key_identifier: OctetString,
}

impl ServingAuthority {
    /// Makes an authority with a new key. Its certificate begins five minutes before `now`.
    pub fn create(
        name: &str,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Result<Self, AuthorityError> {
        let key = P256Key::generate()?;
        let not_made = |source| AuthorityError::NotMade { what: AUTHORITY, source };
        let subject = self::name(&[(COMMON_NAME, name)]).map_err(not_made)?;
        let fields = CertificateFields {
            issuer: subject.clone(),
            subject,
            begin: now.checked_sub(BACKDATE)?,
            end: now.checked_add(lifetime)?,
            extensions: authority_extensions(&key.public_key_info()?).map_err(not_made)?,
        };
        let certificate = fields.signed(AUTHORITY, &key, &key)?;
        Self::of(Issued::new(AUTHORITY, &certificate, key)?)
    }

    /// Reads an authority that [`Self::create`] made.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, AuthorityError> {
        Self::of(Issued::load_as(AUTHORITY, certificate_pem, key_pem)?)
    }

    fn of(issued: Issued) -> Result<Self, AuthorityError> {
        let name =
            lone_common_name(issued.certificate()).ok_or(AuthorityError::ForeignAuthority)?;
        let tbs = issued.certificate().tbs_certificate();
        let (_, identifier) = tbs
            .get_extension::<SubjectKeyIdentifier>()
            .ok()
            .flatten()
            .ok_or(AuthorityError::ForeignAuthority)?;
        Ok(Self { issued, name, key_identifier: identifier.0 })
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
        let mut names = Vec::new();
        for host in STANDARD_HOSTS.into_iter().chain(hosts.iter().map(String::as_str)) {
            let name = alternative_name(host)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let subject = [(COMMON_NAME, "kube-apiserver")];
        let names = Some(SubjectAltName(names));
        self.issue(SERVING, &subject, names.as_ref(), SERVER_AUTH, (now, SERVING_LIFETIME))
    }

    /// A client certificate: the user's name as CN, the group as O (`system:masters` for an administrator).
    pub fn client_certificate(
        &self,
        user: &str,
        group: Option<&str>,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Result<Issued, AuthorityError> {
        let group = group.map(|group| (ORGANIZATION, group));
        let subject: Vec<_> = [(COMMON_NAME, user)].into_iter().chain(group).collect();
        self.issue(CLIENT, &subject, None, CLIENT_AUTH, (now, lifetime))
    }

    /// `time`: from when on and how long.
    fn issue(
        &self,
        what: &'static str,
        subject: &[(ObjectIdentifier, &str)],
        hosts: Option<&SubjectAltName>,
        usage: ObjectIdentifier,
        time: (Timestamp, SignedDuration),
    ) -> Result<Issued, AuthorityError> {
        let not_made = |source| AuthorityError::NotMade { what, source };
        let fields = CertificateFields {
            issuer: self.name.clone(),
            subject: name(subject).map_err(not_made)?,
            begin: time.0.checked_sub(BACKDATE)?,
            end: time.0.checked_add(time.1)?,
            extensions: self.leaf_extensions(hosts, usage).map_err(not_made)?,
        };
        let key = P256Key::generate()?;
        let certificate = fields.signed(what, &key, self.issued.key())?;
        Issued::new(what, &certificate, key)
    }

    fn leaf_extensions(
        &self,
        hosts: Option<&SubjectAltName>,
        usage: ObjectIdentifier,
    ) -> der::Result<Vec<Extension>> {
        let authority = AuthorityKeyIdentifier {
            key_identifier: Some(self.key_identifier.clone()),
            authority_cert_issuer: None,
            authority_cert_serial_number: None,
        };
        let mut extensions = vec![extension(AUTHORITY_KEY_IDENTIFIER, false, &authority)?];
        if let Some(hosts) = hosts {
            extensions.push(extension(SUBJECT_ALT_NAME, false, hosts)?);
        }
        let signs = KeyUsage(KeyUsages::DigitalSignature.into());
        extensions.push(extension(KEY_USAGE, true, &signs)?);
        extensions.push(extension(EXTENDED_KEY_USAGE, false, &ExtendedKeyUsage(vec![usage]))?);
        Ok(extensions)
    }
}

/// `key`: its `SubjectPublicKeyInfo` as DER.
fn authority_extensions(key: &[u8]) -> der::Result<Vec<Extension>> {
    let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    let identifier = SubjectKeyIdentifier(OctetString::new(short_hash(key))?);
    let constraints = BasicConstraints { ca: true, path_len_constraint: Some(0) };
    Ok(vec![
        extension(KEY_USAGE, true, &usage)?,
        extension(SUBJECT_KEY_IDENTIFIER, false, &identifier)?,
        extension(BASIC_CONSTRAINTS, true, &constraints)?,
    ])
}

/// The subject, if it is a common name and nothing else.
fn lone_common_name(certificate: &Certificate) -> Option<RdnSequence> {
    let subject = certificate.tbs_certificate().subject();
    let mut attributes = subject.iter();
    attributes.next().filter(|attribute| attribute.oid == COMMON_NAME)?;
    attributes.next().is_none().then(|| subject.clone().into())
}

#[cfg(test)]
mod tests;
