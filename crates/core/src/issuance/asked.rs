//! What a person is asked to approve is what is signed, or nothing is.

use meshroot_api::{Asked, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::Fingerprint;

use crate::refusal::Refusal;

/// How what was asked for stands to what would be signed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Nobody was asked yet.
    ToAsk,
    /// It was asked for what would be signed.
    Asked,
}

impl Consent {
    /// An error where something else would be signed: that is for the next request to ask.
    pub fn of(request: &Request, now: &Asked) -> Result<Self, Refusal> {
        if Asked::text(request).is_none() {
            return Ok(Self::ToAsk);
        }
        let asked = Asked::of(request);
        if asked.as_ref().is_some_and(|asked| asked.is_same(now)) {
            return Ok(Self::Asked);
        }
        let what = asked.map_or("cannot be read", |asked| asked.difference(now));
        let message = format!(
            "what was asked for approval is not what would be signed now ({what}); the next request asks anew"
        );
        Err(Refusal::new(Reason::TermsChanged, message))
    }

    /// The same for a request that a person has approved: who was not asked has approved nothing.
    pub fn of_approved(request: &Request, now: &Asked) -> Result<(), Refusal> {
        match Self::of(request, now)? {
            Self::Asked => Ok(()),
            Self::ToAsk => {
                let message = "was approved before it was said what would be signed; the next request asks anew";
                Err(Refusal::new(Reason::TermsChanged, message))
            }
        }
    }
}

/// SHA-256 that stands for all that a person approves: of the very request (its uid), and of what was asked. `None`
/// where nothing was asked yet.
pub fn approval_digest(request: &Request) -> Option<Fingerprint> {
    let uid = request.metadata.uid.as_deref().unwrap_or_default();
    let text = format!("meshroot approval v1\n{uid}\n{}\n", Asked::text(request)?);
    Some(Fingerprint::of(text.as_bytes()))
}
