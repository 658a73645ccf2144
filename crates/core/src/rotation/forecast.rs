//! What a rotation will do from here on, and who verifies whom on the way.

use jiff::SignedDuration;
use meshroot_api::rotation::Step;

use super::plan::{is_complete, plan};
use super::state::Rotation;
use super::told;
use super::world::{AnchorChange, Member, World};
use crate::membership::Key;

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

/// A rotation has fewer steps: so many mean that it goes in a circle.
const MOST: usize = 32;

impl Rotation {
    /// What will be told if all members load at once what they are told, and each step is confirmed as soon as it waits for
    /// that: no sooner can it be. The same planner says so that then does it.
    pub fn forecast(&self) -> Forecast {
        let mut world = self.world.clone();
        let mut stages: Vec<Stage> = Vec::new();
        let mut confirms = None;
        for _ in 0..MOST {
            let next = plan(&world);
            let before = world.clone();
            let mut moves = Vec::new();
            for (member, next) in world.members.iter_mut().zip(&next) {
                if next.told != member.told() {
                    moves.push(self.step(member, next.told));
                    *member = loaded(member.tell(next.told, before.now), &before);
                }
            }
            if !moves.is_empty() {
                stages.push(Stage {
                    confirms: confirms.take(),
                    moves,
                    lasts: SignedDuration::ZERO,
                });
                continue;
            }
            let waits = next.iter().filter_map(|next| next.waits.as_ref());
            if let Some(step) = world.first_gate(waits.map(|(_, blocked)| blocked)) {
                world.gated.retain(|gated| *gated != step);
                confirms = Some(step);
                continue;
            }
            if is_complete(&world) {
                return Forecast { stages, blocked: None };
            }
            let waits = next.into_iter().find_map(|next| next.waits);
            // What was told before this began must be loaded first.
            world.members.iter_mut().for_each(|member| *member = loaded(member.clone(), &before));
            let settles = world
                .members
                .iter()
                .flat_map(|member| [member.chain.settles(), member.anchors.settles()]);
            let Some(then) = settles.flatten().filter(|then| *then > world.now).min() else {
                let blocked = waits.map(|(_, blocked)| {
                    self.sentence(&blocked, &std::collections::BTreeMap::new())
                });
                return Forecast { stages, blocked };
            };
            if let Some(last) = stages.last_mut() {
                last.lasts += then.duration_since(world.now);
            }
            world.now = then;
        }
        Forecast { stages, blocked: Some("it does not come to an end".to_owned()) }
    }

    fn step(&self, member: &Member, next: super::Position) -> Move {
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

type Sent = (super::Chain, super::RootSet);

/// Whether every workload of one member verifies every one of another; with the case that fails, or the last told.
fn verifies(world: &World, by: usize, of: usize) -> Result<Sent, Sent> {
    let (by, of) = (&world.members[by], &world.members[of]);
    for chain in of.chain.may(world.now) {
        for anchors in by.anchors.may(world.now) {
            if !chain.verifies(anchors) {
                return Err((chain, anchors));
            }
        }
    }
    Ok((of.chain.told(), by.anchors.told()))
}

/// Members whose workloads have the same.
fn groups(world: &World) -> Vec<Vec<usize>> {
    let has = |index: usize| {
        let member = &world.members[index];
        let chains: Vec<_> = member.chain.may(world.now).collect();
        (chains, member.anchors.may(world.now).collect::<Vec<_>>())
    };
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in 0..world.members.len() {
        match groups.iter_mut().find(|group| has(group[0]) == has(index)) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// As if the control plane had just loaded what it was told, unless it was seen to have.
fn loaded(member: Member, world: &World) -> Member {
    let now = Some(world.now);
    let (chain, anchors) = (member.chain.settles().is_none(), member.anchors.settles().is_none());
    Member {
        chain: if chain { member.chain.loaded(now) } else { member.chain },
        anchors: if anchors { member.anchors.loaded(now) } else { member.anchors },
        ..member
    }
}
