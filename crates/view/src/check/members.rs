//! Meshes, their certificates, and the requests that they wait for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use meshroot_api::names::RequestName;
use meshroot_api::shared::State;
use meshroot_api::trust::{MeshTrustStatus, Pickup};
use meshroot_api::{Mesh, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::membership::{self, Key};
use meshroot_core::progress::LOADED;
use meshroot_core::renewal;

use crate::age;

use super::{Finding, Level, Snapshot, condition, described, level_since, waits_for_people};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found: Vec<Finding> = alone(snapshot).collect();
    found.extend(snapshot.trusts.iter().filter_map(|trust| loaded(snapshot, trust)));
    found.extend(snapshot.trusts.iter().filter_map(|trust| put_back(snapshot, trust)));
    found.extend(newest(snapshot).into_values().filter_map(|request| open(snapshot, request)));
    found
}

/// Meshes that nobody named.
fn alone(snapshot: &Snapshot) -> impl Iterator<Item = Finding> {
    let named: BTreeSet<Key> =
        snapshot.virtual_meshes.iter().flat_map(membership::members).collect();
    let is_alone = move |mesh: &&Mesh| !named.contains(&Key::of(*mesh));
    snapshot.meshes.iter().filter(is_alone).map(|mesh| {
        let Key { namespace, name } = Key::of(mesh);
        let next = format!(
            "add {{name: {name}, namespace: {namespace}}} to spec.meshes of a VirtualMesh, if it is to be trusted"
        );
        Finding::new(Level::Note, mesh, "it is in no virtual mesh", next)
    })
}

/// What a mesh uses: whether that ends, and what its agent says of it.
fn loaded(snapshot: &Snapshot, trust: &MeshTrust) -> Option<Finding> {
    let status = trust.status.as_ref()?;
    let next = described("mesh", trust);
    let finding = |level, message| Some(Finding::new(level, trust, message, next));
    if let Some(message) = ends(snapshot, trust, status) {
        return finding(Level::Problem, message);
    }
    let is_trouble = |said: &&Condition| said.status != "True" && !waits_for_people(&said.reason);
    let said = condition(&status.conditions, LOADED).filter(is_trouble)?;
    let is_final = Reason::from_word(&said.reason)
        .is_some_and(|reason| matches!(reason.state(), State::Invalid | State::Conflict));
    let level = if is_final || status.pickup == Pickup::RestartNeeded {
        Level::Problem
    } else {
        level_since(Some(said.last_transition_time.0), snapshot.now)
    };
    finding(level, format!("{}: {}", said.reason, said.message))
}

/// So long after it was put back a change is told.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// What somebody changed behind the agent's back.
fn put_back(snapshot: &Snapshot, trust: &MeshTrust) -> Option<Finding> {
    let put_back = trust.status.as_ref()?.put_back.as_ref()?;
    let ago = snapshot.now.duration_since(put_back.time.0);
    let message = format!("{} ago: {}", age::age(put_back.time.0, snapshot.now), put_back.message);
    let next = "have whoever it was leave that Secret alone";
    (ago <= RECENT).then(|| Finding::new(Level::Note, trust, message, next))
}

fn ends(snapshot: &Snapshot, trust: &MeshTrust, status: &MeshTrustStatus) -> Option<String> {
    let loaded = status.loaded.as_ref()?;
    let (begin, end) = (loaded.not_before.as_ref()?.0, loaded.not_after.as_ref()?.0);
    if end <= snapshot.now {
        return Some(format!("the certificate that it uses ended {end}"));
    }
    let late = renewal::late(begin, end, trust.spec.renew_at_percent);
    let is_late = late <= snapshot.now;
    is_late.then(|| format!("the certificate that it uses ends {end}, and its renewal is late"))
}

/// The newest request of each mesh and virtual mesh.
fn newest(snapshot: &Snapshot) -> BTreeMap<(Key, String), &Request> {
    let mut newest: BTreeMap<(Key, String), (u32, &Request)> = BTreeMap::new();
    for request in &snapshot.requests {
        let Key { namespace, name } = Key::of(request);
        let Some(RequestName { mesh, virtual_mesh, generation }) = RequestName::parse(&name) else {
            continue;
        };
        let of = newest.entry((Key::new(namespace, mesh), virtual_mesh));
        let kept = of.or_insert((generation, request));
        if generation > kept.0 {
            *kept = (generation, request);
        }
    }
    newest.into_iter().map(|(of, (_, request))| (of, request)).collect()
}

/// A request that has no certificate yet.
fn open(snapshot: &Snapshot, request: &Request) -> Option<Finding> {
    if request.is_answered() {
        return None;
    }
    let said = request.status_or_default().computed_status;
    let since = request.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let level = match said.state {
        State::Invalid | State::Conflict => Level::Problem,
        _ if waits_for_people(&said.message) => Level::Note,
        _ => level_since(since, snapshot.now),
    };
    let message = if said.message.is_empty() {
        "nobody has said anything of it".to_owned()
    } else {
        said.message
    };
    Some(Finding::new(level, request, message, described("vmcsr", request)))
}
