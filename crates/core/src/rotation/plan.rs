//! What each member may be told next.

use std::collections::BTreeSet;

use super::roots::{Chain, Position, RootSet};
use super::way::{Change, Way};
use super::world::{AnchorChange, Blocked, Member, World};
use super::{Root, held::Held};

/// What one member may be told now, and what stands against more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// What it may be told: what it was told already, where nothing may be changed.
    pub told: Position,
    /// What it waits for: the next change of the way, and what stands against it. `None` where it is at the goal.
    pub waits: Option<(Change, Blocked)>,
}

/// What each member may be told now, in the order of `world.members`.
///
/// Whoever does not follow the goal yet is to be told what it was told already, for this goal.
///
/// Each change is checked with all changes before it in mind, so that any part of the plan may be carried out, in any
/// order, and chain and anchors of one member apart from each other.
pub fn plan(world: &World) -> Vec<Next> {
    if let Some(late) = world.members.iter().find(|member| !member.follows) {
        let first = world.way.changes().first().copied();
        let waits = first.map(|change| (change, Blocked::Follows { mesh: late.mesh.clone() }));
        let same = |member: &Member| Next { told: member.told(), waits: waits.clone() };
        return world.members.iter().map(same).collect();
    }
    let mut world = world.clone();
    (0..world.members.len())
        .map(|index| {
            let next = advance(&world, index);
            world.members[index] = world.members[index].tell(next.told, world.now);
            next
        })
        .collect()
}

fn advance(world: &World, index: usize) -> Next {
    let member = &world.members[index];
    let way = way(world, member);
    let mut told = member.told();
    for change in way.changes() {
        match apply(world, member, told, way, *change) {
            Ok(next) => told = next,
            Err(blocked) => return Next { told, waits: Some((*change, blocked)) },
        }
    }
    Next { told, waits: None }
}

/// The way of one member: where nobody can cross-sign for the root that it has, it trusts both first.
fn way(world: &World, member: &Member) -> Way {
    let (from, to) = (member.told().chain.issuer, world.goal.chain.issuer);
    match world.way {
        Way::CrossSigned if from != to && !world.has_cross(to, from) => Way::BundleFirst,
        way => way,
    }
}

/// The position after the change, where the rule allows it.
fn apply(
    world: &World,
    member: &Member,
    from: Position,
    way: Way,
    change: Change,
) -> Result<Position, Blocked> {
    let goal = world.goal;
    let next = match change {
        Change::Bridge if is_bridged(world, from.chain) => {
            Position { chain: from.chain.through(goal.chain.issuer), ..from }
        }
        Change::Reissue if from.chain.issuer != goal.chain.issuer => {
            let next = Chain::new(goal.chain.issuer);
            let bridged = way == Way::CrossSigned;
            let chain = if bridged { next.through(from.chain.issuer) } else { next };
            Position { chain, ..from }
        }
        Change::Trust if !goal.anchors.is_subset(from.anchors) => {
            let anchors = trusting(world, member, from, way)
                .ok_or_else(|| Blocked::NoWay { mesh: member.mesh.clone() })?;
            Position { anchors, ..from }
        }
        Change::Unbridge => Position { chain: Chain { through: None, ..from.chain }, ..from },
        Change::Distrust => Position { anchors: goal.anchors, ..from },
        _ => from,
    };
    world.check(member, next).map(|()| next)
}

/// Whether there is a cross-certificate that leads from a chain back to the goal's root.
fn is_bridged(world: &World, chain: Chain) -> bool {
    world.has_cross(chain.issuer, world.goal.chain.issuer)
}

/// What a member trusts that is to trust the goal's roots; `None` where it cannot trust as many as it takes.
fn trusting(world: &World, member: &Member, from: Position, way: Way) -> Option<RootSet> {
    let goal = world.goal.anchors;
    // All chains lead to the goal's roots before anybody trusts nothing else.
    let at_once = match way {
        Way::CrossSigned => true,
        Way::BundleFirst => false,
        Way::Back => is_bridged(world, from.chain),
    };
    match member.capability {
        AnchorChange::Single => (at_once && goal.len() == 1).then_some(goal),
        // One restart rather than two.
        AnchorChange::Restart if at_once => Some(goal),
        AnchorChange::Live | AnchorChange::Restart => Some(from.anchors.union(goal)),
    }
}

/// What a mesh that joins with nothing of its own is told first: the position nearest to the goal that verifies
/// everywhere and verifies everything, now and when the members are at the goal. So whoever goes on with a plan that does
/// not know of it does it no harm. `None` where there is none: it waits until the members have gone on.
pub fn entry(world: &World, capability: AnchorChange) -> Option<Position> {
    let Position { chain: last, anchors: end } = world.goal;
    let mut sent = BTreeSet::from([last]);
    let mut trusted = BTreeSet::from([end]);
    for member in &world.members {
        sent.extend(member.chain.may(world.now));
        trusted.extend(member.anchors.may(world.now));
    }
    let all = trusted.iter().copied().fold(end, RootSet::union);
    let mut sets = vec![end];
    if capability != AnchorChange::Single {
        sets.push(all);
    }
    let fits = |Position { chain, anchors }: &Position| {
        trusted.iter().all(|anchors| chain.verifies(*anchors))
            && sent.iter().all(|chain| chain.verifies(*anchors))
    };
    let mut positions = chains(world, all)
        .into_iter()
        .flat_map(|chain| sets.iter().map(move |anchors| Position { chain, anchors: *anchors }));
    positions.find(fits)
}

/// The chains that there can be: those of the goal's root first.
fn chains(world: &World, all: RootSet) -> Vec<Chain> {
    let mut issuers = vec![world.goal.chain.issuer];
    issuers.extend(all.iter().filter(|root| *root != world.goal.chain.issuer));
    let bridged = |issuer: Root| {
        let crosses = world.crosses.iter().filter(move |(subject, _)| *subject == issuer);
        crosses.map(move |(_, signer)| Chain::new(issuer).through(*signer))
    };
    issuers
        .into_iter()
        .flat_map(|issuer| std::iter::once(Chain::new(issuer)).chain(bridged(issuer)))
        .collect()
}

/// Whether all members are at the goal, and their workloads with them.
pub fn is_complete(world: &World) -> bool {
    world.members.iter().all(|member| {
        member.told() == world.goal
            && member.chain.is_settled(world.now)
            && member.anchors.is_settled(world.now)
    })
}

/// Whether no workload can have anything of this root any more: what it signed, or trust in it.
pub fn is_out_of_use(world: &World, root: Root) -> bool {
    let trusted = |held: &Held<RootSet>| held.may(world.now).any(|anchors| anchors.contains(root));
    let sent = |held: &Held<Chain>| held.may(world.now).any(|chain| chain.roots().contains(root));
    !world.members.iter().any(|member| trusted(&member.anchors) || sent(&member.chain))
}
