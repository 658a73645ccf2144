//! Who signs: a certificate that may, its key, and the way up to the roots.

use jiff::Timestamp;
use meshroot_pki::{
    Certificate, CertificateError, Fingerprint, KeyError, NameConstraintError, PathError,
    PathOptions, PathPosition, PrivateKey, Purpose, build_path, parse_bundle,
};
use x509_cert::ext::pkix::KeyUsages;

use crate::signer::{MemorySigner, Signer};

/// The signing certificate of a virtual mesh with its key and its way up, checked at load. Whom the members trust
/// beside its root is not its concern.
#[derive(Debug)]
pub struct Issuer {
    certificate: Certificate,
    /// From the signing certificate up to, without, the root; empty where the root signs.
    chain: Vec<Certificate>,
    root: Certificate,
    signer: Box<dyn Signer>,
}

/// Why a certificate and key cannot sign for a virtual mesh.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    /// No root was given.
    #[error("root-cert.pem: there is no certificate in it")]
    NoRoot,
    /// The file is there but is no certificate.
    #[error("{file}: {source}")]
    Certificate {
        /// Which file.
        file: &'static str,
        /// What is wrong.
        source: CertificateError,
    },
    /// The key cannot be read.
    #[error("key.pem: {0}")]
    Key(#[from] KeyError),
    /// The key belongs to another certificate.
    #[error(
        "key.pem: the key (public key {key}) is not that of the certificate {certificate} (public key {expected}); \
         give the key that belongs to it"
    )]
    KeyMismatch {
        /// Fingerprint of the given key's public half.
        key: Fingerprint,
        /// Fingerprint of the certificate's public key.
        expected: Fingerprint,
        /// Subject of the certificate.
        certificate: String,
    },
    /// The certificate is not a CA.
    #[error("{file}: {subject} is not a CA (basicConstraints); give a CA certificate")]
    NotCertificateAuthority {
        /// Which file.
        file: &'static str,
        /// Subject of the certificate.
        subject: String,
    },
    /// The certificate may not sign certificates.
    #[error("{file}: the keyUsage of {subject} lacks keyCertSign")]
    KeyCertSignMissing {
        /// Which file.
        file: &'static str,
        /// Subject of the certificate.
        subject: String,
    },
    /// No intermediate may stand below the certificate.
    #[error(
        "{file}: {subject} has pathLen 0 and cannot sign an intermediate; give a CA with a longer path length or none"
    )]
    PathLenZero {
        /// Which file.
        file: &'static str,
        /// Subject of the certificate.
        subject: String,
    },
    /// The certificate is out of its validity. The message leaves the time of the check out: it goes into a status,
    /// which would change with every look.
    #[error("{file}: {subject} is valid from {not_before} to {not_after}, not now")]
    NotValid {
        /// Which file.
        file: &'static str,
        /// Subject of the certificate.
        subject: String,
        /// Start of its validity.
        not_before: Timestamp,
        /// End of its validity.
        not_after: Timestamp,
        /// The time it was checked at.
        now: Timestamp,
    },
    /// The root names itself as its issuer, but its own key did not sign it.
    #[error(
        "root-cert.pem: {subject} is not signed by its own key: {source}; give the root as it was issued"
    )]
    SelfSignature {
        /// Subject of the certificate.
        subject: String,
        /// What the check of the signature said.
        source: KeyError,
    },
    /// The certificate does not lead to the root, or what will be issued below it would not.
    #[error("cert-chain.pem: the signing certificate does not lead to root-cert.pem: {0}")]
    Chain(#[from] PathError),
    /// The certificate is no root and no chain was given.
    #[error(
        "root-cert.pem: {subject} was issued by {issuer} and is no root; put the company root into root-cert.pem and \
         the chain, signing certificate first, into cert-chain.pem"
    )]
    NotSelfSigned {
        /// Subject of the certificate.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
}

const ROOT: &str = "root-cert.pem";
const CHAIN: &str = "cert-chain.pem";

impl Issuer {
    /// Loads a root, or an intermediate of a company root, from the PEM files of its Secret.
    ///
    /// Without `chain_pem` the root that the key belongs to signs; with it the certificate of the chain does.
    /// Holds: the key is the signer's, the signer is a valid CA that may sign an intermediate, and its chain
    /// leads to one of the roots by the project's own path validator. Where a certificate stands in its file says
    /// nothing about what it is.
    pub fn load(
        root_pem: &[u8],
        key_pem: &[u8],
        chain_pem: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Self, IssuerError> {
        let roots = bundle(ROOT, root_pem)?;
        let chain = chain_pem.map(|pem| bundle(CHAIN, pem)).transpose()?.unwrap_or_default();
        let signer = MemorySigner::new(PrivateKey::from_pem(key_pem)?);
        Self::new(&roots, chain, Box::new(signer), now)
    }

    /// Puts an issuer together from its parts, with the same checks.
    pub fn new(
        roots: &[Certificate],
        chain: Vec<Certificate>,
        signer: Box<dyn Signer>,
        now: Timestamp,
    ) -> Result<Self, IssuerError> {
        let chain: Vec<_> =
            chain.into_iter().filter(|certificate| !roots.contains(certificate)).collect();
        let (file, candidates) = if chain.is_empty() { (ROOT, roots) } else { (CHAIN, &chain[..]) };
        let certificate = signing_certificate(candidates, signer.as_ref())?.clone();
        check_may_sign(file, &certificate)?;
        check_valid(file, &certificate, now)?;
        // One further anchor that has ended takes nothing from those that have not.
        let roots = valid(roots, now)?;
        let mut path = check_path(&certificate, &chain, &roots, now)?;
        let root = path.pop().unwrap_or_else(|| certificate.clone());
        Ok(Self { certificate, chain: path, root, signer })
    }

    /// The signing certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// From the signing certificate up to, without, the root; empty where the root signs.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The root that what is issued leads to.
    pub fn root(&self) -> &Certificate {
        &self.root
    }

    /// Of the signing certificate and all above it, the one that ends first: nothing that is issued outlives it.
    pub fn first_to_end(&self) -> &Certificate {
        let above = self.chain.iter().chain([&self.root]);
        above.fold(
            &self.certificate,
            |first, one| {
                if one.not_after() < first.not_after() { one } else { first }
            },
        )
    }

    /// Holds the key.
    pub fn signer(&self) -> &dyn Signer {
        self.signer.as_ref()
    }
}

fn bundle(file: &'static str, pem: &[u8]) -> Result<Vec<Certificate>, IssuerError> {
    parse_bundle(pem).map_err(|source| IssuerError::Certificate { file, source })
}

/// The one of the key, so that the order in a file decides nothing.
fn signing_certificate<'a>(
    candidates: &'a [Certificate],
    signer: &dyn Signer,
) -> Result<&'a Certificate, IssuerError> {
    let key = signer.public_key();
    if let Some(own) = candidates.iter().find(|candidate| candidate.public_key() == key) {
        return Ok(own);
    }
    let other = candidates.first().ok_or(IssuerError::NoRoot)?;
    Err(IssuerError::KeyMismatch {
        key: key.fingerprint(),
        expected: other.public_key().fingerprint(),
        certificate: other.subject().to_string(),
    })
}

fn check_may_sign(file: &'static str, certificate: &Certificate) -> Result<(), IssuerError> {
    let subject = certificate.subject().to_string();
    if !certificate.is_ca() {
        return Err(IssuerError::NotCertificateAuthority { file, subject });
    }
    if certificate.key_usage().is_some_and(|usage| !usage.0.contains(KeyUsages::KeyCertSign)) {
        return Err(IssuerError::KeyCertSignMissing { file, subject });
    }
    if certificate.path_len() == Some(0) {
        return Err(IssuerError::PathLenZero { file, subject });
    }
    Ok(())
}

/// The roots that are valid; where none is, the first is refused.
fn valid(roots: &[Certificate], now: Timestamp) -> Result<Vec<Certificate>, IssuerError> {
    let is_valid = |root: &&Certificate| check_valid(ROOT, root, now).is_ok();
    let valid: Vec<Certificate> = roots.iter().filter(is_valid).cloned().collect();
    match roots.first() {
        Some(first) if valid.is_empty() => check_valid(ROOT, first, now).map(|()| valid),
        _ => Ok(valid),
    }
}

fn check_valid(
    file: &'static str,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<(), IssuerError> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if not_before <= now && now <= not_after {
        return Ok(());
    }
    Err(IssuerError::NotValid {
        file,
        subject: certificate.subject().to_string(),
        not_before,
        not_after,
        now,
    })
}

/// The way up, the signing certificate first and the root last.
fn check_path(
    certificate: &Certificate,
    chain: &[Certificate],
    roots: &[Certificate],
    now: Timestamp,
) -> Result<Vec<Certificate>, IssuerError> {
    if chain.is_empty() && !certificate.is_self_issued() {
        let (subject, issuer) =
            (certificate.subject().to_string(), certificate.issuer().to_string());
        return Err(IssuerError::NotSelfSigned { subject, issuer });
    }
    if chain.is_empty() {
        let signed = certificate.verify_signed_by(certificate.public_key());
        let subject = || certificate.subject().to_string();
        signed.map_err(|source| IssuerError::SelfSignature { subject: subject(), source })?;
    }
    // Mutual TLS: an extended key usage anywhere on the way up must allow both sides.
    build_path(certificate, chain, roots, &PathOptions::new(now, Purpose::Client))?;
    let path = build_path(certificate, chain, roots, &PathOptions::new(now, Purpose::Server))?;
    check_allows_issuance(&path)?;
    Ok(path)
}

fn check_name_constraints(index: usize, certificate: &Certificate) -> Result<(), PathError> {
    let issuer = || PathPosition { index, subject: certificate.subject().to_string() };
    certificate.check_name_constraints().map_err(|source| match source {
        NameConstraintError::Uri => PathError::UriNameConstraint { certificate: issuer() },
        source => {
            let below = PathPosition { index: 0, subject: "whatever is issued".to_owned() };
            PathError::NameConstraint { certificate: below, issuer: issuer(), source }
        }
    })
}

/// Everything on the way up must allow one more CA below it, the intermediate that is to be issued, with a
/// SPIFFE ID: the path validator would refuse it only after it is signed.
fn check_allows_issuance(path: &[Certificate]) -> Result<(), PathError> {
    for (index, certificate) in path.iter().enumerate() {
        let found = index + 1;
        check_name_constraints(found, certificate)?;
        if let Some(allowed) =
            certificate.path_len().filter(|allowed| usize::from(*allowed) < found)
        {
            let certificate =
                PathPosition { index: found, subject: certificate.subject().to_string() };
            return Err(PathError::PathLenExceeded { certificate, allowed, found });
        }
    }
    Ok(())
}
