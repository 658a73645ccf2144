//! One controller a file: gather a snapshot, let `meshroot-core` decide, make one write.

pub(crate) mod member;
pub(crate) mod request;
mod revocation;
mod rotation;
pub(crate) mod virtual_mesh;

use std::time::Duration;

use jiff::SignedDuration;
use meshroot_api::{Reason, TrustPolicy};
use meshroot_ca::{Profile, ProfileSpec};
use meshroot_core::Refusal;
use meshroot_core::membership::Key;

/// The validated profile of a policy.
fn profile(policy: &TrustPolicy) -> Result<Profile, Refusal> {
    let (lifetime, path_len) = (lifetime(policy), policy.spec.intermediate.path_len);
    Profile::try_from(ProfileSpec { lifetime, path_len }).map_err(|error| {
        Refusal::new(Reason::SpecInvalid, format!("TrustPolicy {}: {error}", Key::of(policy)))
    })
}

/// How long a certificate under a policy lives.
pub(crate) fn lifetime(policy: &TrustPolicy) -> SignedDuration {
    let lifetime = Duration::from(policy.spec.intermediate.ttl);
    SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::MAX)
}
