//! Virtual meshes, their roots, and what their policies allow.

use jiff::SignedDuration;
use meshroot_api::policy::{KeyAlgorithm, TrustPolicySpec};
use meshroot_api::shared::State;
use meshroot_api::{RootRotation, TrustPolicy, VirtualMesh, names};
use meshroot_core::findings::{KEY_EXPOSED, ROOT_ENDING, STALLED};
use meshroot_core::membership::{self, Key};

use super::{Finding, Level, Snapshot, condition, described, level_since, waits_for_people};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = Vec::new();
    for virtual_mesh in &snapshot.virtual_meshes {
        let key = Key::of(virtual_mesh);
        match membership::policy(&snapshot.policies, &key).ok().flatten() {
            Some(policy) => {
                found.extend(progress(snapshot, virtual_mesh, policy));
                found.extend(roots(snapshot, virtual_mesh, policy));
                found.extend(exposed(virtual_mesh, policy));
                found.extend(settings(policy));
                found.extend(rotation(snapshot, virtual_mesh));
            }
            None => found.push(without_policy(snapshot, virtual_mesh)),
        }
    }
    found
}

fn progress(
    snapshot: &Snapshot,
    virtual_mesh: &VirtualMesh,
    policy: &TrustPolicy,
) -> Option<Finding> {
    let next = described("vm", virtual_mesh);
    let status = policy.status.clone().unwrap_or_default();
    if status.observed_generation != policy.metadata.generation {
        let since = policy.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let level = level_since(since, snapshot.now);
        return Some(Finding::new(
            level,
            policy,
            "the hub has not looked at it as it is now",
            next,
        ));
    }
    if status.waiting_for.is_empty() || waits_for_people(&status.waiting_for) {
        return None;
    }
    let level = match condition(&status.conditions, STALLED) {
        Some(_) => Level::Problem,
        None => level_since(status.waiting_since.map(|time| time.0), snapshot.now),
    };
    Some(Finding::new(level, virtual_mesh, status.waiting_for, next))
}

/// The newest replacement of the root, unless it is at its end: that takes days, and is said so that nobody wonders.
fn rotation(snapshot: &Snapshot, virtual_mesh: &VirtualMesh) -> Option<Finding> {
    let key = Key::of(virtual_mesh);
    let of = |rotation: &&RootRotation| {
        let own = Key::of(*rotation);
        let number = names::rotation_number(&own.name, &key.name);
        number.filter(|_| own.namespace == key.namespace)
    };
    let newest = snapshot.rotations.iter().filter(|one| of(one).is_some()).max_by_key(of)?;
    let status = newest.status.clone().unwrap_or_default();
    let next = format!("meshroot rotate root {key} --plan");
    if status.observed_generation != newest.metadata.generation {
        let since = newest.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let level = level_since(since, snapshot.now);
        return Some(Finding::new(
            level,
            newest,
            "the hub has not looked at it as it is now",
            next,
        ));
    }
    if status.step.is_final() {
        return None;
    }
    let stalled = condition(&status.conditions, STALLED).is_some_and(|one| one.status == "True");
    let level = if stalled { Level::Problem } else { Level::Note };
    Some(Finding::new(
        level,
        newest,
        format!("{}: {}", status.step.word(), status.waiting_for),
        next,
    ))
}

/// The hub says in the virtual mesh itself what is missing.
fn without_policy(snapshot: &Snapshot, virtual_mesh: &VirtualMesh) -> Finding {
    let said = virtual_mesh.status.clone().unwrap_or_default().certificate_status;
    let since = virtual_mesh.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let level = match said.state {
        State::Invalid | State::Conflict => Level::Problem,
        _ => level_since(since, snapshot.now),
    };
    let message = if said.message.is_empty() {
        "the hub says nothing of it, and it has no TrustPolicy".to_owned()
    } else {
        said.message
    };
    Finding::new(level, virtual_mesh, message, described("vm", virtual_mesh))
}

fn roots(snapshot: &Snapshot, virtual_mesh: &VirtualMesh, policy: &TrustPolicy) -> Option<Finding> {
    let status = policy.status.as_ref()?;
    let next = "docs/roots.md, \"When a root ends\"";
    let ended = status.roots.first().and_then(|root| {
        let end = root.not_after.as_ref()?.0;
        (end <= snapshot.now).then(|| format!("its root {} ended {end}", root.subject))
    });
    let ending = || Some(condition(&status.conditions, ROOT_ENDING)?.message.clone());
    let message = ended.or_else(ending)?;
    Some(Finding::new(Level::Problem, virtual_mesh, message, next))
}

/// Somebody else can be a workload of the mesh for as long.
fn exposed(virtual_mesh: &VirtualMesh, policy: &TrustPolicy) -> Option<Finding> {
    let said = condition(&policy.status.as_ref()?.conditions, KEY_EXPOSED)?;
    let next = format!("meshroot rotate root {} --plan", Key::of(virtual_mesh));
    Some(Finding::new(Level::Problem, virtual_mesh, &said.message, next))
}

/// What works and could be stronger.
fn settings(policy: &TrustPolicy) -> Vec<Finding> {
    weaknesses(&policy.spec)
        .into_iter()
        .map(|(message, next)| Finding::new(Level::Note, policy, message, next))
        .collect()
}

/// Longer than a year and a month: as long as public certificates ever lived.
const LONG: SignedDuration = SignedDuration::from_hours(398 * 24);

/// Above this, a renewal that fails leaves little time to mend it.
const LATE_PERCENT: u8 = 85;

fn weaknesses(spec: &TrustPolicySpec) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let keys = [("root", spec.root.key), ("intermediate", Some(spec.intermediate.key))];
    for (whose, key) in keys {
        match key {
            Some(KeyAlgorithm::Rsa2048) => found.push((
                format!("spec.{whose}.key: RSA-2048 is the weakest key that is taken"),
                format!("set spec.{whose}.key to ECDSA-P256"),
            )),
            Some(KeyAlgorithm::Ed25519) => found.push((
                format!(
                    "spec.{whose}.key: NSS, mbedTLS, BearSSL and pyca refuse certificates that Ed25519 signed"
                ),
                format!("set spec.{whose}.key to ECDSA-P256, if such peers take part"),
            )),
            _ => {}
        }
    }
    let lifetime = SignedDuration::try_from(std::time::Duration::from(spec.intermediate.ttl));
    if let Ok(lifetime) = lifetime
        && lifetime > LONG
    {
        found.push((
            format!(
                "spec.intermediate.ttl: a stolen key of a mesh is believed for up to {} days",
                lifetime.as_hours() / 24
            ),
            "renewal costs nobody anything: 2160h is the default".to_owned(),
        ));
    }
    let percent = spec.intermediate.renew_at_percent();
    if percent > LATE_PERCENT {
        found.push((
            format!(
                "spec.intermediate.renewAtPercent: {percent} leaves {} % of the lifetime to mend a renewal that fails",
                100 - percent
            ),
            "leave it out: 67 is the default".to_owned(),
        ));
    }
    if spec.intermediate.path_len > 0 {
        found.push((
            format!(
                "spec.intermediate.pathLen: {}: whoever has a mesh's key can make further authorities",
                spec.intermediate.path_len
            ),
            "leave it out, unless a mesh signs authorities of its own (Consul with secondary datacenters)"
                .to_owned(),
        ));
    }
    found
}
