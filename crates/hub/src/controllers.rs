//! One controller a file: gather a snapshot, let `meshroot-core` decide, make one write.

pub(crate) mod member;
pub(crate) mod request;
pub(crate) mod virtual_mesh;

use meshroot_api::{Reason, TrustPolicy};
use meshroot_ca::{Profile, ProfileSpec};
use meshroot_core::Refusal;
use meshroot_core::membership::Key;

/// The validated profile of a policy.
fn profile(policy: &TrustPolicy) -> Result<Profile, Refusal> {
    let spec = &policy.spec.intermediate;
    let lifetime = std::time::Duration::from(spec.ttl);
    let lifetime = jiff::SignedDuration::try_from(lifetime).unwrap_or(jiff::SignedDuration::MAX);
    Profile::try_from(ProfileSpec { lifetime, path_len: spec.path_len }).map_err(|error| {
        Refusal::new(Reason::SpecInvalid, format!("TrustPolicy {}: {error}", Key::of(policy)))
    })
}
