//! What a rotation will do from here on, and who verifies whom on the way.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use meshroot_api::rotation::Step;

use super::plan::plan;
use super::roots::Position;
use super::state::Rotation;
use super::told;
use super::verdicts::{Refusals, groups, minute, refusals, verifies};
use super::walk::{End, Walked, walk};
use super::world::{AnchorChange, Member, World};
use crate::membership::{Key, named};

/// What members will be told, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// In this order.
    pub stages: Vec<Stage>,
    /// What stands in the way for good, if something does.
    pub blocked: Option<String>,
}

/// What members are told at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The step that somebody is to confirm before; `None` where it goes on by itself.
    pub confirms: Option<Step>,
    /// Who is told what.
    pub moves: Vec<Move>,
    /// How long it takes at least until the next: the longest lifetime of a leaf, from when all have loaded it.
    pub lasts: SignedDuration,
    /// Whose workloads refuse each other once it is loaded, where somebody accepts that.
    pub refusals: Option<Refusals>,
}

/// What one member is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The mesh.
    pub mesh: Key,
    /// What its workloads are to send.
    pub sends: String,
    /// What they are to trust.
    pub trusts: String,
    /// Whether it gets another certificate for that.
    pub reissues: bool,
    /// Whether its control plane must be restarted for that.
    pub restarts: bool,
}

/// Members that have the same: what each of them can verify of each of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Who verifies.
    pub by: Vec<Key>,
    /// Whose workloads.
    pub of: Vec<Key>,
    /// Whether every workload does, now.
    pub now: bool,
    /// And once the next step is told.
    pub next: bool,
    /// What is sent and trusted, at worst.
    pub why: String,
}

impl Rotation {
    /// What will be told if all members load at once what they are told, and each step is confirmed as soon as it waits for
    /// that: no sooner can it be. The same planner says so that then does it.
    pub fn forecast(&self) -> Forecast {
        let walk = walk(&self.world);
        let stage = |stage: &Walked| Stage {
            confirms: stage.confirms,
            moves: stage.told.iter().map(|(member, next)| self.step(member, *next)).collect(),
            lasts: stage.lasts,
            refusals: stage.refusals.clone(),
        };
        let blocked = match &walk.end {
            End::Complete => None,
            End::Waits(blocked) => {
                blocked.as_ref().map(|blocked| self.sentence(blocked, &BTreeMap::new()))
            }
            End::Circle => Some("it does not come to an end".to_owned()),
        };
        Forecast { stages: walk.stages.iter().map(stage).collect(), blocked }
    }

    /// A root that ends before every workload can have gone on from it, in one sentence: no plan mends that.
    pub fn too_late(&self) -> Option<String> {
        if self.is_complete() {
            return None;
        }
        let walk = walk(&self.world);
        let lasts = walk.stages.iter().fold(SignedDuration::ZERO, |sum, stage| sum + stage.lasts);
        let over = self.world.now.checked_add(lasts).unwrap_or(Timestamp::MAX);
        let goal = self.goal().number;
        let former = self.roots().filter(|own| own.number != goal && self.is_in_use(own.number));
        let ends =
            former.filter_map(|own| Some((own.certificate.as_ref()?.not_after(), own.number)));
        let (end, number) = ends.min().filter(|(end, _)| *end < over)?;
        Some(format!(
            "root {number} ends {end}, and its replacement takes longer: from then on workloads that have not come to root \
             {goal} and those that have refuse each other; let workloads' certificates live shorter (docs/rotation.md), or \
             restart workloads once their mesh has loaded each step"
        ))
    }

    /// The meshes whose workloads may still trust the root whose key is believed stolen, and until when at the earliest;
    /// `None` where that has no end as things are.
    pub fn exposed(&self) -> Vec<(Key, Option<Timestamp>)> {
        let Some(root) = self.world.tainted else { return Vec::new() };
        let now = self.world.now;
        let gone = walk(&self.world).gone;
        let all = self.world.members.iter().chain(self.left.values());
        let trusting = all.filter(|member| member.may_trust(root, now));
        trusting.map(|member| (member.mesh.clone(), gone.get(&member.mesh).copied())).collect()
    }

    /// The same in one sentence; `None` where no workload trusts it.
    pub fn exposure(&self) -> Option<String> {
        let root = self.world.tainted?;
        let exposed = self.exposed();
        let latest = exposed.iter().filter_map(|(_, until)| *until).max();
        let excluded = |mesh: &Key| self.left.contains_key(mesh);
        let by = |is_it: &dyn Fn(&Key, Option<Timestamp>) -> bool| {
            let those = exposed.iter().filter(|(mesh, until)| is_it(mesh, *until));
            named(those.map(|(mesh, _)| mesh))
        };
        let ends = by(&|_, until| until.is_some());
        let left = by(&|mesh, _| excluded(mesh));
        let stuck = by(&|mesh, until| until.is_none() && !excluded(mesh));
        let parts = [
            (ends, latest.map(|latest| format!("until {} at the earliest", minute(latest)))),
            (left, Some("as long as they are excluded".to_owned())),
            (stuck, Some("as long as this cannot go on".to_owned())),
        ];
        let said =
            parts.into_iter().filter_map(|(meshes, long)| Some(format!("{} {}", meshes?, long?)));
        let said: Vec<String> = said.collect();
        let name = self.name(root);
        (!said.is_empty()).then(|| {
            format!(
                "{name}, whose key is believed stolen, is trusted by workloads of {}",
                said.join(", of ")
            )
        })
    }

    /// Whose workloads refuse each other now, because somebody accepts that, in one sentence.
    pub fn cut_off(&self) -> Option<String> {
        refusals(&self.world).map(|refusals| refusals.sentence("latest"))
    }

    fn step(&self, member: &Member, next: Position) -> Move {
        let name = |root| self.name(root);
        let told = member.told();
        Move {
            mesh: member.mesh.clone(),
            sends: told::sends(next.chain, name),
            trusts: told::trusts(next.anchors, name),
            reissues: told.chain.issuer != next.chain.issuer,
            restarts: told.anchors != next.anchors && member.capability == AnchorChange::Restart,
        }
    }

    /// Who verifies whom, now and after the next step, for members that have the same together.
    pub fn pairs(&self) -> Vec<Pair> {
        let (mut now, mut next) = (self.world.clone(), self.world.clone());
        for (member, step) in next.members.iter_mut().zip(plan(&self.world)) {
            *member = member.tell(step.told, self.world.now);
        }
        // Those that a person excluded are as they are.
        for world in [&mut now, &mut next] {
            world.members.extend(self.left.values().cloned());
        }
        let groups = groups(&now);
        let mut pairs = Vec::new();
        for by in &groups {
            for of in &groups {
                pairs.push(self.pair(&now, &next, by, of));
            }
        }
        pairs
    }

    fn pair(&self, now: &World, next: &World, by: &[usize], of: &[usize]) -> Pair {
        let names = |group: &[usize]| {
            group.iter().map(|index| now.members[*index].mesh.clone()).collect::<Vec<_>>()
        };
        let all = |world: &World| {
            by.iter().all(|by| of.iter().all(|of| verifies(world, *by, *of).is_ok()))
        };
        let why = match verifies(now, by[0], of[0]) {
            Ok((chain, anchors)) | Err((chain, anchors)) => format!(
                "{} against {}",
                told::sends(chain, |root| self.name(root)),
                told::trusts(anchors, |root| self.name(root))
            ),
        };
        Pair { by: names(by), of: names(of), now: all(now), next: all(next), why }
    }
}
