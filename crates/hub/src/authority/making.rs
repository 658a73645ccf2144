//! Making a builtin root.

use jiff::SignedDuration;
use meshroot_api::policy::KeyAlgorithm;
use meshroot_api::{Reason, TrustPolicy, VirtualMesh};
use meshroot_ca::{RootSpec, make_root};
use meshroot_core::Refusal;
use meshroot_core::membership::Key;
use meshroot_pki::{Certificate, DistinguishedName, Fingerprint, KeyKind, PrivateKey};
use meshroot_runtime::process::clock;

/// Which root is made.
#[derive(Clone, Copy)]
pub(super) struct What {
    /// Its number in the virtual mesh.
    pub(super) number: u32,
    /// Its key, where somebody asked for another than the policy says.
    pub(super) algorithm: Option<KeyAlgorithm>,
}

/// Makes a root for a virtual mesh, off async threads: RSA key generation takes seconds.
pub(super) async fn make(
    key: &Key,
    virtual_mesh: &VirtualMesh,
    policy: &TrustPolicy,
    what: What,
) -> Result<(Certificate, PrivateKey), Refusal> {
    let spec = root_spec(key, virtual_mesh, policy, what)?;
    let now = clock::now();
    let made = tokio::task::spawn_blocking(move || make_root(&spec, now)).await;
    made.map_err(|error| unavailable(&error))?.map_err(|error| unavailable(&error))
}

pub(super) fn unavailable(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::new(Reason::RootUnavailable, format!("the root could not be made: {error}"))
}

/// Where nothing is said. Half of it goes by before a root is replaced.
const TTL_DAYS: u32 = 3650;

fn root_spec(
    key: &Key,
    virtual_mesh: &VirtualMesh,
    policy: &TrustPolicy,
    what: What,
) -> Result<RootSpec, Refusal> {
    let builtin = virtual_mesh.spec.certificate_authority.builtin.clone().unwrap_or_default();
    let days = if builtin.ttl_days == 0 { TTL_DAYS } else { builtin.ttl_days };
    let kind = match what.algorithm.or(policy.spec.root.key) {
        Some(algorithm) => meshroot_core::key::kind(algorithm),
        None if builtin.rsa_key_size_bytes == 3072 => KeyKind::Rsa3072,
        None => KeyKind::Rsa4096,
    };
    let organization = if builtin.org_name.is_empty() { "Meshroot" } else { &builtin.org_name };
    let short: String = key.name.chars().take(47).collect();
    // Two roots of one name and different keys are what OpenSSL and others cannot tell apart: virtual meshes of one name
    // in two namespaces, and one that was made anew, have names of their own.
    let uid = virtual_mesh.metadata.uid.as_deref().unwrap_or_default();
    let own: String = Fingerprint::of(uid.as_bytes()).to_string().chars().take(8).collect();
    let name = format!("{short} root {} {own}", what.number);
    let subject = DistinguishedName::new(organization, &short, &name).map_err(|error| {
        Refusal::new(
            Reason::SpecInvalid,
            format!("spec.certificateAuthority.builtin.orgName: {error}"),
        )
    })?;
    Ok(RootSpec { key: kind, subject, lifetime: SignedDuration::from_hours(24 * i64::from(days)) })
}
