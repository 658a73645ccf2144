//! Certificates as they were received: exact bytes, and what they say.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use const_oid::ObjectIdentifier;
use der::Decode;
use jiff::Timestamp;
use spki::AlgorithmIdentifierOwned;
use x509_cert::TbsCertificate;
use x509_cert::ext::pkix::KeyUsage;
use x509_cert::time::Time;

use crate::distinguished_name::{DistinguishedName, NameError};
use crate::extension::{ExtensionError, Extensions};
use crate::fingerprint::Fingerprint;
use crate::form::{DerForm, conversion_of_block};
use crate::general_name::{self, GeneralNameError, RawName};
use crate::host::Host;
use crate::key::KeyError;
use crate::name_constraint::{self, NameConstraintError};
use crate::pem::{self, Block, PemError};
use crate::public_key::PublicKey;
use crate::serial::Serial;
use crate::tlv::{self, TlvError};

const LABEL: &str = "CERTIFICATE";
const OLD_LABEL: &str = "X509 CERTIFICATE";

/// A parsed X.509 certificate. Cheap to clone; two are equal when their DER is.
///
/// Parsing judges form only. Whether a certificate may be used is what [`crate::build_path`] answers.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

struct Parsed {
    der: Vec<u8>,
    tbs: Range<usize>,
    certificate: x509_cert::Certificate,
    serial: Serial,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    public_key: PublicKey,
    extensions: Extensions,
}

/// Why bytes are no certificate, or no bundle of certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The PEM is broken, or has other text in it.
    #[error("the certificate cannot be read: {0}")]
    Pem(#[from] PemError),
    /// A private key was found where a certificate belongs.
    #[error("a private key was found where a certificate belongs; keep the key in its own file")]
    PrivateKeyFound,
    /// Another block was found where a certificate belongs.
    #[error(
        "a {label} block was found where a certificate belongs{}",
        convert(conversion_of_block(label))
    )]
    WrongBlock {
        /// The block's label.
        label: String,
    },
    /// More than one block was found.
    #[error("{count} PEM blocks were found where exactly one certificate belongs")]
    SeveralBlocks {
        /// How many.
        count: usize,
    },
    /// One certificate of a bundle is at fault.
    #[error("certificate {position} of the bundle: {source}")]
    InBundle {
        /// Its place, counted from 1.
        position: usize,
        /// What is wrong with it.
        source: Box<CertificateError>,
    },
    /// The DER's frame is broken.
    #[error("the certificate cannot be read: {0}")]
    Frame(#[from] TlvError),
    /// The DER is something else.
    #[error("{form} was found where a certificate belongs{}", conversion(*form))]
    AnotherForm {
        /// What it is.
        form: DerForm,
    },
    /// The DER is no certificate of RFC 5280.
    #[error("the DER is not an X.509 certificate")]
    Malformed,
    /// The serial number is too long to be read.
    #[error(
        "the certificate's serial number has {octets} octets; RFC 5280 (section 4.1.2.2) allows 20"
    )]
    SerialTooLong {
        /// Its length.
        octets: usize,
    },
    /// A time of the validity is before 1970, which nobody needs and some cannot read.
    #[error("the certificate's validity has {time}, a time before 1970, which is not read")]
    Before1970 {
        /// The time, as it was written.
        time: String,
    },
    /// A name cannot be read.
    #[error("the certificate's subject or issuer cannot be read")]
    Name(#[from] NameError),
    /// The serial number is negative, which Go refuses.
    #[error("the certificate's serial number is negative")]
    NegativeSerial,
    /// The two signature algorithm fields differ (RFC 5280 section 4.1.1.2).
    #[error("the certificate names two signature algorithms, {inner} inside and {outer} outside")]
    AlgorithmMismatch {
        /// Object identifier in the signed part.
        inner: String,
        /// Object identifier beside the signature.
        outer: String,
    },
    /// The public key cannot be read.
    #[error("the certificate's public key cannot be read: {0}")]
    Key(#[from] KeyError),
    /// An extension cannot be read.
    #[error("the certificate's {extension} extension cannot be read")]
    Extension {
        /// Name of the extension in RFC 5280.
        extension: &'static str,
    },
    /// An extension appears twice.
    #[error("the certificate has extension {extension} twice")]
    DuplicateExtension {
        /// Its object identifier.
        extension: String,
    },
    /// The subject alternative names cannot be read.
    #[error("in the certificate, {0}")]
    SubjectAltName(GeneralNameError),
}

impl From<ExtensionError> for CertificateError {
    fn from(error: ExtensionError) -> Self {
        match error {
            ExtensionError::Malformed { extension } => Self::Extension { extension },
            ExtensionError::Duplicate { extension } => Self::DuplicateExtension { extension },
            ExtensionError::SubjectAltName(error) => Self::SubjectAltName(error),
        }
    }
}

impl Certificate {
    /// Reads one DER certificate without trailing bytes.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        tlv::check_frame(der)?;
        let certificate = x509_cert::Certificate::from_der(der).map_err(|_| what_else(der))?;
        let slices = Slices::of(der)?;
        if slices.inner_algorithm != slices.outer_algorithm {
            return Err(CertificateError::AlgorithmMismatch {
                inner: certificate.tbs_certificate().signature().oid.to_string(),
                outer: certificate.signature_algorithm().oid.to_string(),
            });
        }
        let extensions = certificate.tbs_certificate().extensions();
        Ok(Self(Arc::new(Parsed {
            der: der.to_vec(),
            tbs: slices.tbs.clone(),
            serial: slices.serial()?,
            subject: DistinguishedName::from_der(slices.subject)?,
            issuer: DistinguishedName::from_der(slices.issuer)?,
            public_key: PublicKey::from_spki_der(slices.spki)?,
            extensions: Extensions::read(extensions.map_or(&[][..], Vec::as_slice))?,
            certificate,
        })))
    }

    /// Reads exactly one PEM block.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let blocks = pem::blocks(pem)?;
        match blocks.as_slice() {
            [block] => from_block(block),
            several => Err(CertificateError::SeveralBlocks { count: several.len() }),
        }
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

    /// The serial number.
    pub fn serial(&self) -> &Serial {
        &self.0.serial
    }

    /// Whom the certificate is for; may be empty.
    pub fn subject(&self) -> &DistinguishedName {
        &self.0.subject
    }

    /// Whose key signed the certificate.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// First second of validity.
    pub fn not_before(&self) -> Timestamp {
        timestamp(self.tbs().validity().not_before)
    }

    /// Last second of validity. An end past the range of [`Timestamp`] (the "no expiration"
    /// of RFC 5280 section 4.1.2.5) reads as its maximum.
    pub fn not_after(&self) -> Timestamp {
        timestamp(self.tbs().validity().not_after)
    }

    /// The certified key.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// Whether basicConstraints says CA.
    pub fn is_ca(&self) -> bool {
        let constraints = self.0.extensions.basic_constraints.as_ref();
        constraints.is_some_and(|constraints| constraints.ca)
    }

    /// How many intermediates may follow, if the certificate says so.
    pub fn path_len(&self) -> Option<u8> {
        let constraints = self.0.extensions.basic_constraints.as_ref();
        constraints.and_then(|constraints| constraints.path_len_constraint)
    }

    /// Key usage, if the certificate restricts it.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.0.extensions.key_usage
    }

    /// Key purposes, if the certificate restricts them.
    pub fn extended_key_usage(&self) -> Option<Vec<ObjectIdentifier>> {
        self.0.extensions.extended_key_usage.clone()
    }

    /// DNS names, addresses and URIs, as written but for the case of DNS names. Other types and
    /// empty names are left out, and nothing is validated: see [`Host::validate`].
    pub fn hosts(&self) -> Vec<Host> {
        let host = |name: RawName<'_>| match name {
            RawName::Dns(name) if !name.is_empty() => Some(Host::Dns(name.to_ascii_lowercase())),
            RawName::Uri(uri) if !uri.is_empty() => Some(Host::Uri(uri.to_owned())),
            RawName::Ip(address) => Some(Host::Ip(address)),
            _ => None,
        };
        self.alternative_names().into_iter().filter_map(host).collect()
    }

    /// Whether the name constraints are on URIs: rustls-webpki (ztunnel, Linkerd) refuses every SPIFFE ID below them.
    pub fn constrains_uris(&self) -> bool {
        self.0.extensions.name_constraints.as_ref().is_some_and(name_constraint::has_uri)
    }

    /// Whether the name constraints, if there are any, are such that something can stand under them for every peer.
    pub fn check_name_constraints(&self) -> Result<(), NameConstraintError> {
        self.0.extensions.name_constraints.as_ref().map_or(Ok(()), name_constraint::check_usable)
    }

    /// The subject's key identifier.
    pub fn subject_key_identifier(&self) -> Option<Vec<u8>> {
        self.0.extensions.subject_key_identifier.clone()
    }

    /// The issuer's key identifier.
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        let identifier = self.0.extensions.authority_key_identifier.as_ref()?;
        let key = identifier.key_identifier.as_ref()?;
        Some(key.as_bytes().to_vec())
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    /// The signature's algorithm; the same in both places of the certificate.
    pub fn signature_algorithm(&self) -> &AlgorithmIdentifierOwned {
        self.0.certificate.signature_algorithm()
    }

    /// The signed bytes, exactly as received.
    pub fn tbs_der(&self) -> &[u8] {
        &self.0.der[self.0.tbs.clone()]
    }

    /// Checks the signature with the issuer's key, and nothing else.
    pub fn verify_signed_by(&self, issuer_key: &PublicKey) -> Result<(), KeyError> {
        let signature = self.0.certificate.signature().as_bytes();
        let signature =
            signature.ok_or(KeyError::Malformed { structure: "signature BIT STRING" })?;
        issuer_key.verify(self.signature_algorithm(), self.tbs_der(), signature)
    }

    /// The signed part as the parser's type.
    pub fn tbs(&self) -> &TbsCertificate {
        self.0.certificate.tbs_certificate()
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.0.extensions
    }

    pub(crate) fn alternative_names(&self) -> Vec<RawName<'_>> {
        let der = self.0.extensions.subject_alt_name.as_deref();
        // It was read once when the certificate was.
        der.and_then(|der| general_name::read(der).ok()).unwrap_or_default()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({} {})", self.subject(), self.fingerprint())
    }
}

/// Reads one or more PEM certificates, with nothing else between or around them.
///
/// istiod takes junk in `cert-chain.pem` with its success line and hands out broken chains, so text,
/// keys and other blocks are errors here, and so is an empty bundle.
pub fn parse_bundle(pem: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    numbered(&pem::blocks(pem)?, from_block)
}

/// Reads one or more certificates from a file of people: PEM with text around the blocks (RFC 7468
/// section 2), or one certificate in DER. Other blocks are errors, as in [`parse_bundle`], but that
/// OpenSSL's old label `X509 CERTIFICATE` is read too. What goes to a mesh is written anew.
pub fn read_certificates(bytes: &[u8]) -> Result<Vec<Certificate>, CertificateError> {
    if !pem::looks_like_pem(bytes) {
        return Certificate::from_der(bytes).map(|certificate| vec![certificate]);
    }
    numbered(&pem::blocks_in_text(bytes)?, |block| match block.label.as_str() {
        OLD_LABEL => Certificate::from_der(&block.der),
        _ => from_block(block),
    })
}

/// Writes certificates as PEM in the order given, ending in exactly one line feed.
pub fn to_bundle(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::to_pem).collect()
}

/// Reads each block; an error says which one it is about.
fn numbered(
    blocks: &[Block],
    read: impl Fn(&Block) -> Result<Certificate, CertificateError>,
) -> Result<Vec<Certificate>, CertificateError> {
    let certificate = |(index, block)| {
        read(block).map_err(|source| CertificateError::InBundle {
            position: index + 1,
            source: Box::new(source),
        })
    };
    blocks.iter().enumerate().map(certificate).collect()
}

fn what_else(der: &[u8]) -> CertificateError {
    match DerForm::of(der) {
        Some(DerForm::PrivateKey) => CertificateError::PrivateKeyFound,
        Some(form) if form != DerForm::Certificate => CertificateError::AnotherForm { form },
        _ => unreadable_field(der).unwrap_or(CertificateError::Malformed),
    }
}

/// What is known not to be read of a certificate that is one by its shape.
fn unreadable_field(der: &[u8]) -> Option<CertificateError> {
    let parts = tlv::members(der).ok()?;
    let fields = tlv::members(parts.first()?).ok()?;
    let has_version = fields.first()?.first() == Some(&0xa0);
    let serial = fields.get(usize::from(has_version))?;
    let octets = serial.len() - tlv::header_length(serial).ok()?;
    // With the zero that some write before the sign bit, 21 are read.
    if octets > 21 {
        return Some(CertificateError::SerialTooLong { octets });
    }
    let validity = fields.get(usize::from(has_version) + 3)?;
    let times = tlv::members(validity).ok()?;
    times.into_iter().find_map(time_before_1970).map(|time| CertificateError::Before1970 { time })
}

/// `UTCTime` means 1950 to 2049 (RFC 5280 section 4.1.2.5.1).
fn time_before_1970(der: &[u8]) -> Option<String> {
    let time = str::from_utf8(der.get(2..)?).ok()?;
    let is_before = match der.first()? {
        0x17 => ("50".."70").contains(&time.get(..2)?),
        0x18 => time.get(..4)? < "1970",
        _ => false,
    };
    let is_text = time.bytes().all(|byte| byte.is_ascii_graphic());
    (is_before && is_text).then(|| time.to_owned())
}

/// `; convert it: …`, where there is a command for it.
pub(crate) fn conversion(form: DerForm) -> String {
    convert(form.conversion())
}

fn convert(command: Option<&str>) -> String {
    command.map(|command| format!("; convert it: {command}")).unwrap_or_default()
}

fn from_block(block: &Block) -> Result<Certificate, CertificateError> {
    match block.label.as_str() {
        LABEL => Certificate::from_der(&block.der),
        label if label.ends_with("PRIVATE KEY") => Err(CertificateError::PrivateKeyFound),
        label => Err(CertificateError::WrongBlock { label: label.to_owned() }),
    }
}

pub(crate) fn timestamp(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// Exact slices of a certificate: names are compared and signatures checked over these, never over
/// something encoded again.
struct Slices<'a> {
    tbs: Range<usize>,
    serial: &'a [u8],
    inner_algorithm: &'a [u8],
    outer_algorithm: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
}

impl<'a> Slices<'a> {
    fn of(der: &'a [u8]) -> Result<Self, CertificateError> {
        let [tbs, outer_algorithm, signature] = tlv::members(der)?[..] else {
            return Err(CertificateError::Malformed);
        };
        let start = der.len() - tbs.len() - outer_algorithm.len() - signature.len();
        let members = tlv::members(tbs)?;
        // version [0] is absent in version 1.
        let has_version = members.first().and_then(|member| member.first()) == Some(&0xa0);
        let fields = &members[usize::from(has_version)..];
        let [serial, inner_algorithm, issuer, _, subject, spki, ..] = fields[..] else {
            return Err(CertificateError::Malformed);
        };
        Ok(Self {
            tbs: start..start + tbs.len(),
            serial,
            inner_algorithm,
            outer_algorithm,
            issuer,
            subject,
            spki,
        })
    }

    fn serial(&self) -> Result<Serial, CertificateError> {
        let integer =
            der::asn1::AnyRef::from_der(self.serial).map_err(|_| CertificateError::Malformed)?;
        match integer.value().first() {
            Some(first) if first & 0x80 != 0 => Err(CertificateError::NegativeSerial),
            _ => Ok(Serial::from_integer_octets(integer.value())),
        }
    }
}
