//! Making a builtin root.

use aws_lc_rs::rand;
use jiff::{SignedDuration, Timestamp};
use meshroot_pki::{
    Certificate, CertificateError, DistinguishedName, KeyError, KeyKind, PrivateKey, frame,
};

use crate::tbs::{self, Fields};

/// What a root is to be.
#[derive(Clone, Debug)]
pub struct RootSpec {
    /// Its key; at least RSA-3072 or ECDSA P-256.
    pub key: KeyKind,
    /// Its subject.
    pub subject: DistinguishedName,
    /// Its lifetime, at most ten years.
    pub lifetime: SignedDuration,
}

/// Why a root was not made.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// The key is too small for a root.
    #[error(
        "{kind} is too small for a root; use RSA-3072 or more, ECDSA-P256, ECDSA-P384 or Ed25519"
    )]
    KeyTooSmall {
        /// What was asked.
        kind: KeyKind,
    },
    /// The lifetime is out of bounds.
    #[error("a root lives from one day to 3650 days, not {hours} hours")]
    Lifetime {
        /// What was asked, in hours.
        hours: i64,
    },
    /// The key could not be made or did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No random serial could be drawn.
    #[error("the system's random number generator failed")]
    Random,
    /// The certificate could not be encoded.
    #[error("encoding the root failed: {0}")]
    Encode(#[from] der::Error),
    /// What was made cannot be read back.
    #[error("the new root cannot be read back: {0}")]
    ReadBack(#[from] CertificateError),
}

/// Clocks differ: certificates begin this much in the past.
pub(crate) const BACKDATED: SignedDuration = SignedDuration::from_mins(10);
const ONE_DAY: SignedDuration = SignedDuration::from_hours(24);
const TEN_YEARS: SignedDuration = SignedDuration::from_hours(24 * 3650);

/// Makes a key and a self-signed root without a path length limit, so that it can cross-sign a successor.
/// RSA takes seconds: keep it off async threads.
pub fn make_root(spec: &RootSpec, now: Timestamp) -> Result<(Certificate, PrivateKey), RootError> {
    if spec.key == KeyKind::Rsa2048 {
        return Err(RootError::KeyTooSmall { kind: spec.key });
    }
    if spec.lifetime < ONE_DAY || spec.lifetime > TEN_YEARS {
        return Err(RootError::Lifetime { hours: spec.lifetime.as_hours() });
    }
    let key = PrivateKey::generate(spec.key)?;
    let identifier = key.public_key().key_identifier();
    let serial = random_serial().ok_or(RootError::Random)?;
    let tbs = tbs::encode(&Fields {
        serial: &serial,
        algorithm: key.signature_algorithm(),
        issuer: spec.subject.der(),
        subject: spec.subject.der(),
        public_key: key.public_key().spki_der(),
        not_before: whole_seconds(now - BACKDATED),
        not_after: whole_seconds(now + spec.lifetime),
        path_len: None,
        hosts: &[],
        subject_key_identifier: &identifier,
        authority_key_identifier: &identifier,
    })?;
    let signature = key.sign(&tbs)?;
    let der = frame::assemble(&tbs, &key.signature_algorithm(), &signature)?;
    let certificate = Certificate::from_der(&der)?;
    certificate.verify_signed_by(key.public_key())?;
    Ok((certificate, key))
}

/// 127 random bits, positive and never zero (RFC 5280 section 4.1.2.2 allows up to 159).
pub(crate) fn random_serial() -> Option<[u8; 16]> {
    let mut serial = [0_u8; 16];
    rand::fill(&mut serial).ok()?;
    serial[0] &= 0x7f;
    serial.iter().any(|byte| *byte != 0).then_some(serial)
}

/// Certificates carry whole seconds.
pub(crate) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
