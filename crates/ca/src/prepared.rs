//! Prepare → record → sign → check. Each step is a type, and only the step before makes it.

use jiff::Timestamp;
use meshroot_pki::{
    Certificate, CertificateError, Fingerprint, KeyError, PathError, PathOptions, Purpose,
    build_path, frame,
};

use crate::issuer::Issuer;
use crate::lint::{LintError, lint};
use crate::order::Order;
use crate::root::{BACKDATED, random_serial, whole_seconds};
use crate::signer::SignerError;
use crate::tbs::{self, Fields};

/// To-be-signed bytes that passed the lint. They cannot be signed before they are recorded:
///
/// ```compile_fail,E0599
/// fn sign_at_once(prepared: meshroot_ca::Prepared, issuer: &meshroot_ca::Issuer, now: jiff::Timestamp) {
///     let _ = prepared.sign(issuer, now);
/// }
/// ```
#[derive(Debug)]
pub struct Prepared {
    order: Order,
    tbs: Vec<u8>,
    facts: Facts,
}

/// What a ledger keeps of a prepared certificate: enough to build the same bytes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Serial number, big-endian.
    pub serial: Vec<u8>,
    /// SHA-256 of the TBSCertificate's DER.
    pub tbs: Fingerprint,
    /// SHA-256 of the issuing certificate's DER.
    pub issuer: Fingerprint,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Digest of the profile.
    pub profile: Fingerprint,
}

/// Keeps what was prepared, durably, before it is signed.
pub trait Ledger {
    /// Why an entry was not made.
    type Error;

    /// Makes the entry, or finds the very same one. An entry with other facts is an error.
    fn append(&self, facts: &Facts) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// Prepared bytes that are in the ledger. The only thing that can be signed.
///
/// ```
/// fn sign(recorded: &meshroot_ca::Recorded, issuer: &meshroot_ca::Issuer, now: jiff::Timestamp) {
///     let _ = recorded.sign(issuer, now);
/// }
/// ```
///
/// Only [`Prepared::record`] makes one:
///
/// ```compile_fail,E0423
/// fn skip_the_ledger(prepared: meshroot_ca::Prepared) -> meshroot_ca::Recorded {
///     meshroot_ca::Recorded(prepared)
/// }
/// ```
#[derive(Debug)]
pub struct Recorded(Prepared);

/// A certificate that was signed and checked.
#[derive(Clone, Debug)]
pub struct Issued {
    certificate: Certificate,
    chain: Vec<Certificate>,
}

/// Why nothing was prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The issuer ends too soon to be of use.
    #[error("the issuer {issuer} ends at {not_after}; replace the root first")]
    IssuerEnds {
        /// Subject of the issuer.
        issuer: String,
        /// Its end.
        not_after: Timestamp,
    },
    /// No random serial could be drawn.
    #[error("the system's random number generator failed")]
    Random,
    /// The bytes could not be encoded.
    #[error("encoding the certificate failed: {0}")]
    Encode(#[from] der::Error),
    /// The bytes cannot be read back.
    #[error("the prepared certificate cannot be read back: {0}")]
    ReadBack(#[from] CertificateError),
    /// The bytes break a rule of the profile.
    #[error("the prepared certificate breaks a rule: {0}")]
    Lint(#[from] LintError),
    /// The ledger's entry belongs to other bytes.
    #[error(
        "the ledger holds digest {recorded} for this request, its inputs now give {rebuilt}; ask for a renewal"
    )]
    RecordMismatch {
        /// What the ledger says.
        recorded: Fingerprint,
        /// What was built from the same inputs.
        rebuilt: Fingerprint,
    },
}

/// Why no certificate came out.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The issuer is not the one that the bytes were prepared for.
    #[error("prepared for issuer {prepared}, asked to sign as {given}")]
    IssuerChanged {
        /// Whom the bytes name.
        prepared: Fingerprint,
        /// Who was asked.
        given: Fingerprint,
    },
    /// The signer refused.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The certificate could not be encoded.
    #[error("encoding the certificate failed: {0}")]
    Encode(#[from] der::Error),
    /// The certificate cannot be read back.
    #[error("the issued certificate cannot be read back: {0}")]
    ReadBack(#[from] CertificateError),
    /// The certificate holds other bytes than those that were recorded.
    #[error("the issued certificate does not hold the recorded bytes")]
    OtherBytes,
    /// The certificate breaks a rule.
    #[error("the issued certificate breaks a rule: {0}")]
    Lint(#[from] LintError),
    /// The certificate does not lead to the root.
    #[error("the issued certificate does not lead to the root: {0}")]
    Path(#[from] PathError),
    /// The issuer's signature does not verify.
    #[error("the issued certificate's signature does not verify: {0}")]
    Signature(#[from] KeyError),
}

/// An intermediate that lives shorter than this is of no use to a mesh.
const LEAST_REMAINING: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

impl Prepared {
    /// Builds and lints new bytes: a random serial, from ten minutes ago to the end of the lifetime or of the
    /// first certificate on the way up to the root, whichever comes first.
    pub fn new(order: Order, issuer: &Issuer, now: Timestamp) -> Result<Self, PrepareError> {
        let certificate = issuer.certificate();
        let first = issuer.first_to_end();
        let not_after = (now + order.profile.lifetime()).min(first.not_after());
        if not_after < now + LEAST_REMAINING {
            let (issuer, not_after) = (first.subject().to_string(), first.not_after());
            return Err(PrepareError::IssuerEnds { issuer, not_after });
        }
        let serial = random_serial().ok_or(PrepareError::Random)?;
        let not_before = whole_seconds(now - BACKDATED).max(certificate.not_before());
        Self::build(order, issuer, serial.to_vec(), not_before, whole_seconds(not_after))
    }

    /// Builds the recorded bytes again, after a crash between recording and signing. Refuses where the same
    /// inputs no longer give the recorded digest.
    pub fn resume(order: Order, issuer: &Issuer, recorded: &Facts) -> Result<Self, PrepareError> {
        let (serial, not_before, not_after) =
            (recorded.serial.clone(), recorded.not_before, recorded.not_after);
        let prepared = Self::build(order, issuer, serial, not_before, not_after)?;
        if prepared.facts != *recorded {
            return Err(PrepareError::RecordMismatch {
                recorded: recorded.tbs,
                rebuilt: prepared.facts.tbs,
            });
        }
        Ok(prepared)
    }

    /// What is to be recorded.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Puts the facts into the ledger, and only then allows to sign.
    pub async fn record<L: Ledger>(self, ledger: &L) -> Result<Recorded, L::Error> {
        ledger.append(&self.facts).await?;
        Ok(Recorded(self))
    }

    fn build(
        order: Order,
        issuer: &Issuer,
        serial: Vec<u8>,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Self, PrepareError> {
        let authority = issuer.certificate().subject_key_identifier();
        let authority = authority
            .unwrap_or_else(|| issuer.certificate().public_key().key_identifier().to_vec());
        let tbs = tbs::encode(&Fields {
            serial: &serial,
            algorithm: issuer.signer().algorithm(),
            issuer: issuer.certificate().subject().der(),
            subject: order.subject.der(),
            public_key: order.public_key.spki_der(),
            not_before,
            not_after,
            path_len: Some(order.profile.path_len()),
            hosts: &order.hosts,
            subject_key_identifier: &order.public_key.key_identifier(),
            authority_key_identifier: &authority,
        })?;
        lint(&unsigned(&tbs, issuer)?, &order, issuer)?;
        let facts = Facts {
            serial,
            tbs: Fingerprint::of(&tbs),
            issuer: issuer.certificate().fingerprint(),
            not_before,
            not_after,
            profile: order.profile.fingerprint(),
        };
        Ok(Self { order, tbs, facts })
    }
}

/// The bytes as a certificate with a void signature: the issuing key must not touch what was not linted.
fn unsigned(tbs: &[u8], issuer: &Issuer) -> Result<Certificate, PrepareError> {
    let der = frame::assemble(tbs, &issuer.signer().algorithm(), &[0; 64])?;
    Ok(Certificate::from_der(&der)?)
}

impl Recorded {
    /// Signs exactly the recorded bytes and checks what came out: the bytes again, the profile, and the path to
    /// the root by the project's own validator. May take milliseconds: keep it off async threads.
    pub fn sign(&self, issuer: &Issuer, now: Timestamp) -> Result<Issued, SignError> {
        let Prepared { order, tbs, facts } = &self.0;
        let given = issuer.certificate().fingerprint();
        if given != facts.issuer {
            return Err(SignError::IssuerChanged { prepared: facts.issuer, given });
        }
        let signature = issuer.signer().sign(tbs)?;
        let der = frame::assemble(tbs, &issuer.signer().algorithm(), &signature)?;
        let certificate = Certificate::from_der(&der)?;
        if certificate.tbs_der() != tbs.as_slice() {
            return Err(SignError::OtherBytes);
        }
        lint(&certificate, order, issuer)?;
        build_path(
            &certificate,
            issuer.chain(),
            std::slice::from_ref(issuer.root()),
            &PathOptions::new(now, Purpose::Any),
        )?;
        Ok(Issued { certificate, chain: issuer.chain().to_vec() })
    }
}

impl Issued {
    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// PEM: the certificate, then those between it and the root.
    pub fn to_pem(&self) -> String {
        let mut all = vec![self.certificate.clone()];
        all.extend(self.chain.iter().cloned());
        meshroot_pki::to_bundle(&all)
    }
}
