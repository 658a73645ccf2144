//! Revocation lists of those who sign for virtual meshes.

use jiff::{SignedDuration, Timestamp};
use meshroot_pki::frame::{RevocationListFrame, assemble};
use meshroot_pki::{KeyError, RevocationList, RevocationListError, Revoked};

use crate::issuer::Issuer;
use crate::root::{BACKDATED, whole_seconds};
use crate::signer::SignerError;

/// Why there is no revocation list.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// The certificate that signs may sign no lists.
    #[error(
        "the keyUsage of {issuer} lacks cRLSign: it can revoke nothing; give one that has it, or replace the root"
    )]
    CrlSignMissing {
        /// Its subject.
        issuer: String,
    },
    /// The list could not be encoded.
    #[error("encoding the revocation list failed: {0}")]
    Encode(#[from] der::Error),
    /// It was not signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What was signed cannot be read back.
    #[error("the new revocation list cannot be read back: {0}")]
    ReadBack(#[from] RevocationListError),
    /// What was signed is not of the issuer's key.
    #[error("the new revocation list does not verify: {0}")]
    Signature(#[from] KeyError),
}

/// The list of all that the issuer revoked, good for `lifetime`, or until the issuer ends. Its number is the time in
/// milliseconds, so that it is greater than those before it, whoever made them, and than that of `before`, the one that is
/// known. Checked as it was signed.
///
/// # Errors
/// The issuer may not sign lists, or does not.
pub fn revocation_list(
    issuer: &Issuer,
    entries: &[Revoked],
    before: Option<&RevocationList>,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<RevocationList, RevocationError> {
    let (certificate, signer) = (issuer.certificate(), issuer.signer());
    if certificate.key_usage().is_some_and(|usage| !usage.crl_sign()) {
        let issuer = certificate.subject().to_string();
        return Err(RevocationError::CrlSignMissing { issuer });
    }
    let end = now.checked_add(lifetime).unwrap_or(Timestamp::MAX).min(certificate.not_after());
    let tbs = RevocationListFrame {
        algorithm: signer.algorithm(),
        issuer: certificate,
        number: number(before, now),
        this_update: whole_seconds(now - BACKDATED),
        next_update: whole_seconds(end),
        entries,
    }
    .to_be_signed()?;
    let signature = signer.sign(&tbs)?;
    let list = RevocationList::from_der(&assemble(&tbs, &signer.algorithm(), &signature)?)?;
    list.verify_signed_by(certificate)?;
    Ok(list)
}

fn number(before: Option<&RevocationList>, now: Timestamp) -> u64 {
    let time = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let known = before.and_then(RevocationList::number).map_or(0, |number| {
        number.as_bytes().iter().fold(0_u64, |sum, octet| sum.wrapping_shl(8) | u64::from(*octet))
    });
    time.max(known.saturating_add(1))
}
