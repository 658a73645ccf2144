//! Certificate requests (PKCS#10): the one thing that comes from a cluster that may be hostile.

use std::collections::HashSet;
use std::fmt;

use der::asn1::{Any, BitString, SetOfVec};
use der::{Decode, Encode};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extension;
use x509_cert::request::{CertReq, CertReqInfo, Version};

use crate::distinguished_name::{DistinguishedName, NameError};
use crate::fingerprint::Fingerprint;
use crate::form::DerForm;
use crate::frame;
use crate::general_name::{self, GeneralNameError, RawName};
use crate::host::{Host, HostError};
use crate::key::KeyError;
use crate::oid;
use crate::pem::{self, PemError};
use crate::private_key::PrivateKey;
use crate::public_key::PublicKey;
use crate::tlv::{self, TlvError};

/// Longer requests are refused before anything is parsed.
pub const MAX_REQUEST_BYTES: usize = 32 * 1024;

const LABEL: &str = "CERTIFICATE REQUEST";
const OLD_LABEL: &str = "NEW CERTIFICATE REQUEST";

/// A PKCS#10 request that is canonical DER and signed by the key that it carries.
///
/// Of what it asks for, only the key, the subject and the hosts can be seen: extensions, validity
/// and key usage are the issuer's to choose. Whether the key is strong is a question of its own
/// ([`PublicKey::check_strength`]).
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateRequest {
    der: Vec<u8>,
    public_key: PublicKey,
    subject: DistinguishedName,
    hosts: Vec<Host>,
}

/// Why bytes are no acceptable request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The request is too long.
    #[error("the request has {bytes} bytes, at most {MAX_REQUEST_BYTES} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The PEM is broken, or has other text in it.
    #[error("the request cannot be read: {0}")]
    Pem(#[from] PemError),
    /// More than one block was found.
    #[error("{count} PEM blocks were found where exactly one request belongs")]
    SeveralBlocks {
        /// How many.
        count: usize,
    },
    /// A certificate was found where a request belongs.
    #[error("a certificate was found where a certificate request belongs")]
    CertificateFound,
    /// A private key was found where a request belongs.
    #[error(
        "a private key was found where a certificate request belongs; treat this key as disclosed and make a new one"
    )]
    PrivateKeyFound,
    /// Another block was found where a request belongs.
    #[error("a {label} block was found where a certificate request belongs")]
    WrongBlock {
        /// The block's label.
        label: String,
    },
    /// The DER's frame is broken.
    #[error("the request cannot be read: {0}")]
    Frame(#[from] TlvError),
    /// The DER is something else.
    #[error("{form} was found where a certificate request belongs")]
    AnotherForm {
        /// What it is.
        form: DerForm,
    },
    /// The attributes are left out (Bouncy Castle does that).
    #[error(
        "the request has no attributes, not even an empty set of them ([0], RFC 2986 section 4.1); make it with a tool that writes the set"
    )]
    AttributesMissing,
    /// The DER is no request of RFC 2986.
    #[error("the DER is not a PKCS#10 certificate request")]
    Malformed,
    /// The version is not 0.
    #[error("the version of the request is not 0, the only one of PKCS#10")]
    Version,
    /// The encoding is not the one that DER allows.
    #[error("the request is not in canonical DER ({fault})")]
    NotCanonical {
        /// Where, and what it is about.
        fault: String,
    },
    /// The key cannot be read, or cannot check a signature because the key gate refuses it.
    #[error("the key of the request: {0}")]
    Key(KeyError),
    /// The request is not signed by the key that it carries.
    #[error("the request is no proof that its sender holds the private key: {0}")]
    ProofOfPossession(KeyError),
    /// The subject cannot be read.
    #[error("the subject of the request: {0}")]
    Subject(#[from] NameError),
    /// An attribute appears twice.
    #[error("the request has attribute {attribute} twice")]
    DuplicateAttribute {
        /// Its object identifier.
        attribute: String,
    },
    /// The extension request is no single list of extensions.
    #[error("the extensionRequest attribute of the request is not exactly one list of extensions")]
    ExtensionRequest,
    /// The names are where only Microsoft's authorities look.
    #[error(
        "the request asks for extensions in Microsoft's attribute (1.3.6.1.4.1.311.2.1.14), which is not read; make it \
         with a tool that writes extensionRequest (1.2.840.113549.1.9.14)"
    )]
    MicrosoftExtensions,
    /// An extension is asked for twice.
    #[error("the request asks for extension {extension} twice")]
    DuplicateExtension {
        /// Its object identifier.
        extension: String,
    },
    /// The subject alternative names cannot be read, or are of another type.
    #[error("in the request, {0}")]
    SubjectAltName(#[from] GeneralNameError),
    /// A host breaks a rule.
    #[error("the request asks for a name that is not a host: {0}")]
    Host(#[from] HostError),
    /// A request could not be encoded.
    #[error("the request could not be encoded")]
    Encode,
}

impl CertificateRequest {
    /// Reads one PEM block, with or without text around it, or bare DER, and checks that the request is signed by its key.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLong { bytes: bytes.len() });
        }
        if pem::looks_like_pem(bytes) {
            Self::from_der(&only_block(bytes)?.der)
        } else {
            Self::from_der(bytes)
        }
    }

    /// Makes a request for `hosts`, signed by `key`. The subject alternative names are critical if
    /// the subject is empty (RFC 5280 section 4.2.1.6).
    pub fn create(
        key: &PrivateKey,
        subject: &DistinguishedName,
        hosts: &[Host],
    ) -> Result<Self, RequestError> {
        hosts.iter().try_for_each(Host::validate)?;
        let encode = |_| RequestError::Encode;
        let info = CertReqInfo {
            version: Version::V1,
            subject: subject.as_name().clone(),
            public_key: SubjectPublicKeyInfoOwned::from_der(key.public_key().spki_der())
                .map_err(encode)?,
            attributes: attributes(subject, hosts).map_err(encode)?,
        };
        let signed = info.to_der().map_err(encode)?;
        let signature = key.sign(&signed).map_err(RequestError::Key)?;
        let request = CertReq {
            info,
            algorithm: key.signature_algorithm(),
            signature: BitString::from_bytes(&signature).map_err(encode)?,
        };
        Self::from_der(&request.to_der().map_err(encode)?)
    }

    /// The exact DER that was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER: what an approval names.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.der)
    }

    /// The key to certify; its private half signed the request.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The subject asked for.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The hosts asked for, in the order of the request.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// PEM of the DER, ending in one line feed.
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der)
    }

    fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        tlv::check_frame(der)?;
        let parts = tlv::members(der)?;
        let info = parts.first().copied().ok_or(RequestError::Malformed)?;
        check_version(der, info)?;
        let request = CertReq::from_der(der).map_err(|_| what_else(der))?;
        let encoded = request.to_der().map_err(|_| RequestError::Malformed)?;
        if encoded != der {
            let offset = der.iter().zip(&encoded).take_while(|(read, anew)| read == anew).count();
            let fault = format!("members of a set are out of order at byte {offset}");
            return Err(RequestError::NotCanonical { fault });
        }
        let public_key = read_public_key(&request)?;
        check_possession(&request, info, &public_key)?;
        let subject = request.info.subject.to_der().map_err(|_| RequestError::Malformed)?;
        let subject = DistinguishedName::from_der(&subject)?;
        Ok(Self { der: der.to_vec(), public_key, hosts: read_hosts(&request, &subject)?, subject })
    }
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRequest({})", self.fingerprint())
    }
}

fn only_block(bytes: &[u8]) -> Result<pem::Block, RequestError> {
    let mut blocks = pem::blocks_in_text(bytes)?;
    if blocks.iter().any(|block| block.label.ends_with("PRIVATE KEY")) {
        return Err(RequestError::PrivateKeyFound);
    }
    if blocks.len() > 1 {
        return Err(RequestError::SeveralBlocks { count: blocks.len() });
    }
    let block = blocks.pop().ok_or(PemError::Empty)?;
    match block.label.as_str() {
        LABEL | OLD_LABEL => Ok(block),
        "CERTIFICATE" => Err(RequestError::CertificateFound),
        _ => Err(RequestError::WrongBlock { label: block.label }),
    }
}

/// The version of `CertificationRequestInfo`.
fn check_version(der: &[u8], info: &[u8]) -> Result<(), RequestError> {
    let version = tlv::members(info).ok().and_then(|members| members.first().copied());
    match (DerForm::of(der), version) {
        (Some(DerForm::Request), Some([0x02, 0x01, 0x00])) => Ok(()),
        (Some(DerForm::Request), _) => Err(RequestError::Version),
        _ => Err(what_else(der)),
    }
}

fn what_else(der: &[u8]) -> RequestError {
    match DerForm::of(der) {
        Some(DerForm::Certificate) => RequestError::CertificateFound,
        Some(DerForm::PrivateKey) => RequestError::PrivateKeyFound,
        Some(DerForm::Request) if !has_attributes(der) => RequestError::AttributesMissing,
        Some(DerForm::Request) | None => RequestError::Malformed,
        Some(form) => RequestError::AnotherForm { form },
    }
}

fn has_attributes(der: &[u8]) -> bool {
    let info = tlv::members(der).ok().and_then(|members| members.first().copied());
    info.and_then(|info| tlv::members(info).ok()).is_some_and(|members| members.len() == 4)
}

fn read_public_key(request: &CertReq) -> Result<PublicKey, RequestError> {
    let der = request.info.public_key.to_der();
    let der = der.map_err(|_| RequestError::Malformed)?;
    PublicKey::from_spki_der(&der).map_err(RequestError::Key)
}

/// RFC 2986 section 4.2: the signature is over the info, by the key within.
fn check_possession(
    request: &CertReq,
    info: &[u8],
    public_key: &PublicKey,
) -> Result<(), RequestError> {
    let signature = request.signature.as_bytes().ok_or(RequestError::Malformed)?;
    public_key.verify(&request.algorithm, info, signature).map_err(|error| {
        match public_key.check_strength() {
            // Keys that are too weak verify nothing; say so rather than blame the signature.
            Err(weakness) => RequestError::Key(weakness),
            Ok(()) => RequestError::ProofOfPossession(error),
        }
    })
}

fn read_hosts(request: &CertReq, subject: &DistinguishedName) -> Result<Vec<Host>, RequestError> {
    let Some(extensions) = requested_extensions(request)? else {
        return Ok(Vec::new());
    };
    let mut seen = HashSet::new();
    for extension in &extensions {
        if !seen.insert(extension.extn_id) {
            return Err(RequestError::DuplicateExtension {
                extension: extension.extn_id.to_string(),
            });
        }
    }
    let names = extensions.iter().find(|extension| extension.extn_id == oid::SUBJECT_ALT_NAME);
    let Some(names) = names else {
        return Ok(Vec::new());
    };
    let names = general_name::read(names.extn_value.as_bytes())?;
    // Service Mesh Hub's agent asks for one empty DNS name under an empty subject, meaning nothing.
    if subject.is_empty() && names == [RawName::Dns("")] {
        return Ok(Vec::new());
    }
    names.into_iter().enumerate().map(|(index, name)| host(index + 1, name)).collect()
}

fn requested_extensions(request: &CertReq) -> Result<Option<Vec<Extension>>, RequestError> {
    let mut seen = HashSet::new();
    let mut found = None;
    for attribute in request.info.attributes.iter() {
        if !seen.insert(attribute.oid) {
            return Err(RequestError::DuplicateAttribute { attribute: attribute.oid.to_string() });
        }
        if attribute.oid == oid::EXTENSION_REQUEST {
            found = Some(attribute);
        }
    }
    let Some(attribute) = found else {
        let is_microsofts = seen.contains(&oid::MICROSOFT_EXTENSION_REQUEST);
        return if is_microsofts { Err(RequestError::MicrosoftExtensions) } else { Ok(None) };
    };
    let [value] = attribute.values.as_slice() else {
        return Err(RequestError::ExtensionRequest);
    };
    let der = value.to_der().map_err(|_| RequestError::ExtensionRequest)?;
    let extensions =
        Vec::<Extension>::from_der(&der).map_err(|_| RequestError::ExtensionRequest)?;
    check_canonical(&extensions, &der)?;
    Ok(Some(extensions))
}

/// DER has one spelling: each extension that was read, written anew, is the same.
fn check_canonical(extensions: &[Extension], list: &[u8]) -> Result<(), RequestError> {
    let written = tlv::members(list)?;
    let other = extensions
        .iter()
        .zip(written)
        .find(|(extension, written)| extension.to_der().ok().as_deref() != Some(*written));
    other.map_or(Ok(()), |(extension, _)| {
        let fault = format!("extension {}: critical FALSE is written out", extension.extn_id);
        Err(RequestError::NotCanonical { fault })
    })
}

fn host(position: usize, name: RawName<'_>) -> Result<Host, RequestError> {
    let unsupported = |tag| {
        let kind = general_name::type_name(tag);
        RequestError::from(GeneralNameError::Type { position, kind })
    };
    let host = match name {
        RawName::Dns(name) => Host::Dns(name.to_ascii_lowercase()),
        RawName::Uri(uri) => Host::Uri(uri.to_owned()),
        RawName::Ip(address) => Host::Ip(address),
        RawName::Email(_) => return Err(unsupported(1)),
        RawName::Other(tag) => return Err(unsupported(tag)),
    };
    host.validate()?;
    Ok(host)
}

fn attributes(
    subject: &DistinguishedName,
    hosts: &[Host],
) -> Result<SetOfVec<Attribute>, der::Error> {
    if hosts.is_empty() {
        return Ok(SetOfVec::default());
    }
    let names = frame::subject_alternative_names(hosts, subject.is_empty())?;
    let value = Any::encode_from(&vec![names])?;
    SetOfVec::try_from(vec![Attribute {
        oid: oid::EXTENSION_REQUEST,
        values: SetOfVec::try_from(vec![value])?,
    }])
}
