//! Where a plan leads if everything goes as fast as it can.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use meshroot_api::rotation::Step;

use super::plan::{is_complete, plan};
use super::roots::Position;
use super::verdicts::{Refusals, refusals};
use super::world::{Blocked, Member, World};
use crate::membership::Key;

/// A rotation has fewer steps: so many mean that it goes in a circle.
const MOST: usize = 32;

/// Where a plan leads.
pub(super) struct Walk {
    pub(super) stages: Vec<Walked>,
    pub(super) end: End,
    /// From when on no workload of a mesh trusts the root whose key is believed stolen.
    pub(super) gone: BTreeMap<Key, Timestamp>,
}

/// Who is told what at one time, what is to be confirmed before, and how long it lasts.
pub(super) struct Walked {
    pub(super) confirms: Option<Step>,
    pub(super) told: Vec<(Member, Position)>,
    pub(super) lasts: SignedDuration,
    pub(super) refusals: Option<Refusals>,
}

/// How it ends.
pub(super) enum End {
    Complete,
    Waits(Option<Blocked>),
    Circle,
}

/// From when on no workload of any member trusts the root whose key is believed stolen, at the earliest; the end of time
/// where that never is.
pub(super) fn is_gone(world: &World) -> Timestamp {
    let gone = walk(world).gone;
    let all = world.members.iter().map(|member| gone.get(&member.mesh).copied());
    all.map(|gone| gone.unwrap_or(Timestamp::MAX)).max().unwrap_or(world.now)
}

/// Goes where the planner leads, as fast as can be.
pub(super) fn walk(world: &World) -> Walk {
    let mut world = world.clone();
    let (mut stages, mut gone, mut confirms) = (Vec::<Walked>::new(), BTreeMap::new(), None);
    for _ in 0..MOST {
        note_gone(&world, &mut gone);
        let next = plan(&world);
        let before = world.clone();
        let mut told = Vec::new();
        for (member, next) in world.members.iter_mut().zip(&next) {
            if next.told != member.told() {
                told.push((member.clone(), next.told));
                *member = loaded(member.tell(next.told, before.now), &before);
            }
        }
        if !told.is_empty() {
            let (confirms, lasts) = (confirms.take(), SignedDuration::ZERO);
            stages.push(Walked { confirms, told, lasts, refusals: refusals(&world) });
            continue;
        }
        let waits = next.iter().filter_map(|next| next.waits.as_ref());
        if let Some(step) = world.first_gate(waits.map(|(_, blocked)| blocked)) {
            world.gated.retain(|gated| *gated != step);
            confirms = Some(step);
            continue;
        }
        if is_complete(&world) {
            return Walk { stages, end: End::Complete, gone };
        }
        let waits = next.into_iter().find_map(|next| next.waits);
        // What was told before this began must be loaded first.
        world.members.iter_mut().for_each(|member| *member = loaded(member.clone(), &before));
        let settles = world
            .members
            .iter()
            .flat_map(|member| [member.chain.settles(), member.anchors.settles()]);
        let Some(then) = settles.flatten().filter(|then| *then > world.now).min() else {
            let blocked = waits.map(|(_, blocked)| blocked);
            return Walk { stages, end: End::Waits(blocked), gone };
        };
        if let Some(last) = stages.last_mut() {
            last.lasts += then.duration_since(world.now);
        }
        world.now = then;
    }
    Walk { stages, end: End::Circle, gone }
}

fn note_gone(world: &World, gone: &mut BTreeMap<Key, Timestamp>) {
    let Some(root) = world.tainted else { return };
    for member in world.members.iter().filter(|member| !member.may_trust(root, world.now)) {
        gone.entry(member.mesh.clone()).or_insert(world.now);
    }
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
