//! What is wrong, or will be, in a whole hub: each finding with the object and the next step.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use meshroot_api::{
    KubernetesCluster, Mesh, MeshTrust, Reason, RootRotation, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use serde::Serialize;

use crate::full_name;
use crate::kinds::Kind;

mod members;
mod policies;
mod services;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Level {
    /// Something does not work, or will not: somebody must act.
    Problem,
    /// Worth knowing: it goes on by itself, waits for a decision, or could be better.
    Note,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    level: Level,
    kind: String,
    namespace: String,
    name: String,
    message: String,
    next: String,
}

impl Finding {
    fn new<K>(level: Level, object: &K, message: impl Into<String>, next: impl Into<String>) -> Self
    where
        K: Resource<DynamicType = ()>,
    {
        let meta = object.meta();
        Self {
            level,
            kind: K::kind(&()).into_owned(),
            namespace: meta.namespace.clone().unwrap_or_default(),
            name: meta.name.clone().unwrap_or_default(),
            message: message.into(),
            next: next.into(),
        }
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Namespace of the object.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// The objects of a hub, whole, and the time.
#[derive(Debug)]
pub struct Snapshot {
    /// All virtual meshes.
    pub virtual_meshes: Vec<VirtualMesh>,
    /// All policies.
    pub policies: Vec<TrustPolicy>,
    /// All rotations.
    pub rotations: Vec<RootRotation>,
    /// All meshes.
    pub meshes: Vec<Mesh>,
    /// What all meshes should use and have loaded.
    pub trusts: Vec<MeshTrust>,
    /// All requests.
    pub requests: Vec<Request>,
    /// The clusters that take part.
    pub clusters: Vec<KubernetesCluster>,
    /// The heartbeats of the hub and of the agents.
    pub leases: Vec<Lease>,
    /// When they were read.
    pub now: Timestamp,
}

/// Everything that is found, the worst first, by object.
pub fn check(snapshot: &Snapshot) -> Vec<Finding> {
    let mut found = services::check(snapshot);
    found.extend(policies::check(snapshot));
    found.extend(members::check(snapshot));
    let place = |it: &Finding| (it.level, it.kind.clone(), it.namespace.clone(), it.name.clone());
    found.sort_by_key(place);
    found
}

impl fmt::Display for Finding {
    /// One line: level, object, finding and next step.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, kind, namespace, name, message, next } = self;
        let level = match level {
            Level::Problem => "problem",
            Level::Note => "note",
        };
        let known = Kind::ALL.iter().find(|known| known.resource().kind == *kind);
        let word = known.map_or(kind.as_str(), |known| known.word());
        write!(f, "{level:<8} {word} {namespace}/{name}: {message}; next: {next}")
    }
}

/// What goes on by itself is done within minutes: after this long somebody should look.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

fn level_since(since: Option<Timestamp>, now: Timestamp) -> Level {
    match since {
        Some(since) if now.duration_since(since) <= PATIENCE => Level::Note,
        _ => Level::Problem,
    }
}

/// Which the request itself tells, with the command that decides.
fn waits_for_people(said: &str) -> bool {
    said.starts_with(Reason::WaitingForApproval.word())
}

fn condition<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

fn described<K: Resource<DynamicType = ()>>(word: &str, object: &K) -> String {
    format!("meshroot describe {word} {}", full_name(object.meta()))
}

#[cfg(test)]
mod tests;
