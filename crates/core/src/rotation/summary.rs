//! How far a rotation is, for people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use meshroot_api::Reason;
use meshroot_api::RootRotation;
use meshroot_api::rotation::{RootRotationStatus, RotatingMember, Step};
use meshroot_api::shared::ResourceRef;

use super::state::Rotation;
use super::told;
use super::way::Change;
use super::world::Blocked;
use crate::findings::STALLED;
use crate::membership::Key;
use crate::notice::Notice;

/// Where a rotation stands: its step, and one sentence on what is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// For people.
    pub step: Step,
    /// What is waited for, until when at the earliest, and why; `Reason::SpecInvalid` and the like where somebody must
    /// change something.
    pub said: Notice,
}

impl Summary {
    /// What cannot be done as things are, or goes on by itself.
    pub fn of(step: Step, said: Notice) -> Self {
        Self { step, said }
    }

    /// Whether somebody must change something.
    pub fn is_stalled(&self) -> bool {
        self.said.reason.needs_attention()
    }

    /// The status of a rotation. `members` in the order of the virtual mesh.
    pub fn status(
        &self,
        rotation: &RootRotation,
        (old_root, new_root): (String, String),
        members: Vec<RotatingMember>,
        now: &Time,
    ) -> RootRotationStatus {
        let before = rotation.status.clone().unwrap_or_default();
        let is_final = self.step.is_final();
        let flags = [
            ("Progressing", !is_final && !self.is_stalled()),
            (STALLED, !is_final && self.is_stalled()),
            ("Complete", self.step == Step::Complete),
            ("RolledBack", self.step == Step::RolledBack),
        ];
        let condition = |(kind, is_so): (&str, bool)| {
            let status = if is_so { "True" } else { "False" };
            let same =
                before.conditions.iter().find(|one| one.type_ == kind && one.status == status);
            Condition {
                type_: kind.to_owned(),
                status: status.to_owned(),
                reason: self.said.reason.word().to_owned(),
                message: if is_so { self.said.message.clone() } else { String::new() },
                observed_generation: rotation.metadata.generation,
                last_transition_time: same
                    .map_or_else(|| now.clone(), |one| one.last_transition_time.clone()),
            }
        };
        RootRotationStatus {
            step: self.step,
            waiting_for: if is_final { String::new() } else { self.said.message.clone() },
            old_root,
            new_root,
            members,
            observed_generation: rotation.metadata.generation,
            conditions: flags.into_iter().map(condition).collect(),
        }
    }
}

impl Rotation {
    /// Where it stands. `unseen`: what is said of the members that have not loaded what they were told.
    pub fn summary(&self, unseen: &BTreeMap<Key, String>) -> Summary {
        let mut summary = self.stands(unseen);
        for further in [self.exposure(), self.cut_off(), self.too_late()].into_iter().flatten() {
            summary.said.message = format!("{}; {further}", summary.said.message);
        }
        summary
    }

    fn stands(&self, unseen: &BTreeMap<Key, String>) -> Summary {
        let step = |step, message: String| Summary {
            step,
            said: Notice::new(Reason::RootReplaced, message),
        };
        if let Some(number) = self.no_way_back {
            let message = format!(
                "root {number}, which it is to go back to, is not there or cannot be used: restore its Secret from a backup, or \
                 set spec.rollback: false to go on"
            );
            return Summary::of(Step::Settling, Notice::new(Reason::RotationStuck, message));
        }
        if let Some(fault) = &self.fault {
            return Summary::of(Step::Announcing, fault.clone().into());
        }
        if self.is_complete() {
            let left = self.left_behind();
            return if self.is_rolled_back() {
                step(Step::RolledBack, format!("every workload has again what it had before{left}"))
            } else {
                let number = self.goal().number;
                step(
                    Step::Complete,
                    format!(
                        "every workload trusts root {number}, and no other of this virtual mesh{left}"
                    ),
                )
            };
        }
        if let Some(mesh) = self.unannounced() {
            let message =
                format!("MeshTrusts are written for the new goal, that of {mesh} is not yet");
            return step(Step::Announcing, message);
        }
        let waiting: Vec<(&Key, Change, &Blocked)> = self
            .assignments()
            .filter_map(|(mesh, assignment)| {
                let (change, blocked) = assignment.plan.as_ref()?.waits.as_ref()?;
                Some((mesh, *change, blocked))
            })
            .collect();
        let asks = self.reissues();
        let paused = if self.is_paused { "paused; " } else { "" };
        // Where somebody can do something it is said before what goes on by itself.
        let awaited = self.awaited().map(|step| Blocked::Gate { step });
        let first = waiting.iter().min_by_key(|(_, change, blocked)| {
            (awaited.as_ref() != Some(*blocked), order(*change), until(blocked))
        });
        match first {
            _ if let Some(mesh) = asks => step(
                Step::Reissuing,
                format!(
                    "{paused}{mesh} gets a certificate of {}",
                    self.name(self.world.goal.chain.issuer)
                ),
            ),
            Some((_, _, Blocked::NoWay { mesh })) => Summary {
                step: Step::Trusting,
                said: Notice::new(
                    Reason::RotationStuck,
                    format!(
                        "Mesh {mesh} trusts one root at a time, and the old root has signed no cross-certificate: no way leads there without a gap; roll back"
                    ),
                ),
            },
            Some((_, change, blocked)) => {
                step(change.step(), format!("{paused}{}", self.sentence(blocked, unseen)))
            }
            None => step(Step::Settling, format!("{paused}{}", self.settling(unseen))),
        }
    }

    /// What stands against a change.
    pub(super) fn sentence(&self, blocked: &Blocked, unseen: &BTreeMap<Key, String>) -> String {
        let name = |root| self.name(root);
        match blocked {
            Blocked::Sends { mesh, chain, until } => {
                format!(
                    "workloads of {mesh} may still send {} {}",
                    told::sends(*chain, name),
                    when(*until, mesh, unseen)
                )
            }
            Blocked::Trusts { mesh, anchors, until } => format!(
                "workloads of {mesh} may still trust nothing but {} {}",
                told::trusts(*anchors, name),
                when(*until, mesh, unseen)
            ),
            Blocked::Loads { mesh } => {
                format!("{mesh} must load what it was told last {}", when(None, mesh, unseen))
            }
            Blocked::Gate { step } => format!(
                "somebody is to confirm that it goes on with {}: meshroot rotate confirm {}",
                step.word(),
                self.virtual_mesh()
            ),
            Blocked::NoWay { mesh } => format!("{mesh} has no way without a gap"),
        }
    }

    /// The members that a person excluded, for the end of a sentence.
    fn left_behind(&self) -> String {
        if self.left.is_empty() {
            return String::new();
        }
        let all: Vec<String> = self.left.keys().map(ToString::to_string).collect();
        format!("; left behind by spec.excluded, where they were: {}", all.join(", "))
    }

    fn settling(&self, unseen: &BTreeMap<Key, String>) -> String {
        let now = self.world.now;
        let is_settled = |member: &&super::Member| {
            member.chain.is_settled(now) && member.anchors.is_settled(now)
        };
        let Some(member) = self.world.members.iter().find(|member| !is_settled(member)) else {
            return "members get their certificates of the new root".to_owned();
        };
        let until = member.chain.settles().max(member.anchors.settles());
        format!(
            "workloads of {} may still have what was told before {}",
            member.mesh,
            when(until, &member.mesh, unseen)
        )
    }

    /// The members, as the status of a rotation shows them.
    pub fn members(
        &self,
        revisions: &BTreeMap<Key, (i64, Option<Timestamp>)>,
    ) -> Vec<RotatingMember> {
        let of = |mesh: &Key| {
            let (sends, trusts) = self.position(mesh).unwrap_or_default();
            let (revision, since) = revisions.get(mesh).copied().unzip();
            RotatingMember {
                mesh: ResourceRef::new(&mesh.name, &mesh.namespace),
                sends,
                trusts,
                revision,
                loaded_since: since.flatten().map(Time),
            }
        };
        self.assignments().map(|(mesh, _)| of(mesh)).collect()
    }
}

fn when(until: Option<Timestamp>, mesh: &Key, unseen: &BTreeMap<Key, String>) -> String {
    match (until, unseen.get(mesh)) {
        (Some(until), _) => {
            format!("until {until}: the longest lifetime of a leaf after it was loaded")
        }
        (None, Some(why)) => format!("(not seen to be loaded: {why})"),
        (None, None) => "(it was not told yet, or has just loaded it)".to_owned(),
    }
}

fn until(blocked: &Blocked) -> Option<Timestamp> {
    match blocked {
        Blocked::Sends { until, .. } | Blocked::Trusts { until, .. } => *until,
        Blocked::Loads { .. } | Blocked::Gate { .. } | Blocked::NoWay { .. } => None,
    }
}

/// Who has come least far is waited for.
fn order(change: Change) -> u8 {
    match change {
        Change::Bridge => 0,
        Change::Trust => 1,
        Change::Reissue => 2,
        Change::Unbridge => 3,
        Change::Distrust => 4,
    }
}
