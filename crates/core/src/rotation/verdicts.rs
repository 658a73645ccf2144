//! Who verifies whom, and who does not because somebody accepts that.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::roots::{Chain, RootSet};
use super::world::World;
use crate::membership::{Key, named};

/// Workloads that are older than what their control plane has loaded, and that refuse others or are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusals {
    /// The meshes of those that refuse.
    pub by: Vec<Key>,
    /// The meshes of those that are refused.
    pub of: Vec<Key>,
    /// When it is over by itself; `None` where something is to be loaded before that can be said.
    pub until: Option<Timestamp>,
}

/// Up, so that what is said is true and does not change with every look.
pub(super) fn minute(moment: Timestamp) -> Timestamp {
    let seconds = moment.as_second().saturating_add(59) / 60 * 60;
    Timestamp::from_second(seconds).unwrap_or(moment)
}

impl Refusals {
    /// In one sentence, without an end. `bound`: what is known of the moment at which it is over.
    pub fn sentence(&self, bound: &str) -> String {
        let names = |all: &[Key]| named(all.iter()).unwrap_or_default();
        let until = self.until.map(|until| format!(", until {} at the {bound}", minute(until)));
        format!(
            "accepted: workloads of {} refuse workloads of {} where one of the two is older than what its control plane has \
             loaded{}; restart them to have it over sooner",
            names(&self.by),
            names(&self.of),
            until.unwrap_or_default()
        )
    }
}

/// Whose workloads refuse each other: nobody's unless somebody accepts that, or did. A mesh with a CA of its own, which
/// verifies with nobody, is none of them.
pub(super) fn refusals(world: &World) -> Option<Refusals> {
    // Nobody may be told to trust it any more.
    let roots = world.roots.union(RootSet::from(world.tainted?));
    let groups = groups(world);
    let (mut by, mut of) = (BTreeSet::<usize>::new(), BTreeSet::<usize>::new());
    for (left, right) in groups.iter().flat_map(|by| groups.iter().map(move |of| (by, of))) {
        let refused = verifies(world, left[0], right[0]).err();
        if refused.is_some_and(|(chain, anchors)| chain.verifies(roots) && anchors.meets(roots)) {
            by.extend(left.iter().copied());
            of.extend(right.iter().copied());
        }
    }
    let settles = by.iter().map(|index| world.members[*index].anchors.settles());
    let settles = settles.chain(of.iter().map(|index| world.members[*index].chain.settles()));
    let settles: Option<Vec<Timestamp>> = settles.collect();
    let names = |all: &BTreeSet<usize>| {
        all.iter().map(|index| world.members[*index].mesh.clone()).collect()
    };
    (!by.is_empty()).then(|| Refusals {
        by: names(&by),
        of: names(&of),
        until: settles.and_then(|all| all.into_iter().max()),
    })
}

pub(super) type Sent = (Chain, RootSet);

/// Whether every workload of one member verifies every one of another; with the case that fails, or the last told.
pub(super) fn verifies(world: &World, by: usize, of: usize) -> Result<Sent, Sent> {
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
pub(super) fn groups(world: &World) -> Vec<Vec<usize>> {
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
