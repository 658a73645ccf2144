//! What each member may be told next.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::held::Held;
use super::roots::{Chain, Position, Root, RootSet};
use super::way::{Change, Way};
use super::world::{AnchorChange, Blocked, Member, World};

/// What one member may be told now, and what stands against more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// What it may be told: what it was told already, where nothing may be changed.
    pub told: Position,
    /// The next change of its way that is not allowed yet, and what stands against it. `None` where it is told the goal.
    pub waits: Option<(Change, Blocked)>,
}

/// What each member may be told now, in the order of `world.members`.
///
/// Any part of the plan may be carried out, in any order, and chain and anchors of one member apart from each other: each
/// change is checked with all those before it in mind.
pub fn plan(world: &World) -> Vec<Next> {
    let mut world = world.clone();
    (0..world.members.len())
        .map(|index| {
            let next = advance(&world, &world.members[index]);
            world.members[index] = world.members[index].tell(next.told, world.now);
            next
        })
        .collect()
}

fn advance(world: &World, member: &Member) -> Next {
    let way = way(world, member);
    let (mut told, mut left) = (member.told(), None);
    for change in way.changes() {
        match apply(world, member, told, way, *change) {
            Ok(next) if next != told && world.gated.contains(&change.step()) => {
                let step = change.step();
                return Next { told, waits: Some((*change, Blocked::Gate { step })) };
            }
            Ok(next) => told = next,
            // It makes later changes possible, and is in nobody's way.
            Err(_) if *change == Change::Bridge => {}
            // Nothing to wait for where there is a hurry.
            Err(blocked) if *change == Change::Unbridge && world.accepts_refusals => {
                left = Some((*change, blocked));
            }
            Err(blocked) => return Next { told, waits: Some((*change, blocked)) },
        }
    }
    Next { told, waits: left }
}

/// The way of one member: by a cross-certificate where the root that it has signed one, else it trusts both roots first.
fn way(world: &World, member: &Member) -> Way {
    let (from, to) = (member.told().chain.issuer, world.goal.chain.issuer);
    match world.way {
        Way::CrossSigned if from != to && !world.has_cross(to, from) => Way::BundleFirst,
        Way::Back if world.has_cross(to, from) => Way::CrossSigned,
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
        Change::Bridge if world.has_cross(from.chain.issuer, goal.chain.issuer) => {
            Position { chain: from.chain.through(goal.chain.issuer), ..from }
        }
        Change::Reissue if from.chain.issuer != goal.chain.issuer => {
            let bridged = way == Way::CrossSigned;
            let chain = if bridged { goal.chain.through(from.chain.issuer) } else { goal.chain };
            Position { chain, ..from }
        }
        Change::Trust if !goal.anchors.is_subset(from.anchors) => {
            let anchors = trusting(world, member, from, way)
                .ok_or_else(|| Blocked::NoWay { mesh: member.mesh.clone() })?;
            Position { anchors, ..from }
        }
        Change::Unbridge => {
            let is_goal = from.chain.issuer == goal.chain.issuer;
            let through = goal.chain.through.filter(|_| is_goal);
            Position { chain: Chain { through, ..from.chain }, ..from }
        }
        Change::Distrust if from.anchors != goal.anchors => {
            bridges_are_gone(world, member)?;
            Position { anchors: goal.anchors, ..from }
        }
        _ => from,
    };
    world.check_among(world.protected(change), member, next).map(|()| next)
}

/// What a member trusts that is to trust the goal's roots; `None` where it cannot trust as many as it takes.
fn trusting(world: &World, member: &Member, from: Position, way: Way) -> Option<RootSet> {
    let goal = world.goal.anchors;
    // All chains lead to the goal's roots before anybody trusts nothing else.
    let at_once = match way {
        Way::CrossSigned => true,
        Way::BundleFirst => false,
        Way::Back => from.chain.verifies(goal),
    };
    match member.capability {
        AnchorChange::Single => (at_once && goal.len() == 1).then_some(goal),
        // One restart rather than two.
        AnchorChange::Restart if at_once => Some(goal),
        AnchorChange::Restart => Some(from.anchors.union(goal)),
        // Whichever it has by then, it loads one that holds all of them.
        AnchorChange::Live => {
            let whose = world.protected(Change::Trust);
            Some(member.trusts(whose, world.now).fold(goal, RootSet::union))
        }
    }
}

/// Some peers take the chain that is sent for the whole path: where there is a choice, the cross-certificate is sent no
/// more before the root that signed it leaves the anchors.
fn bridges_are_gone(world: &World, member: &Member) -> Result<(), Blocked> {
    // No courtesy is worth trusting whoever stole a key.
    if member.capability != AnchorChange::Live || world.tainted.is_some() {
        return Ok(());
    }
    let leads_through = |chain: &Chain| {
        let through = chain.through.filter(|root| !world.goal.anchors.contains(*root));
        through.is_some_and(|root| member.told().anchors.contains(root))
    };
    let first = world.members.iter().find_map(|other| {
        let chain = other.chain.may(world.now).find(leads_through)?;
        Some(Blocked::sends(other, chain))
    });
    first.map_or(Ok(()), Err)
}

/// What a mesh that joins with nothing of its own is told first: the position nearest to the goal that verifies
/// everywhere and verifies everything, now and when the members are at the goal. So a hub that goes on with a plan for
/// this goal and does not know of the mesh does it no harm. `None` where there is none: it waits until the members have
/// gone on.
///
/// Members that send nothing that leads to `world.roots` trust each other with nobody yet, and are not asked.
pub fn entry(world: &World, capability: AnchorChange) -> Option<Position> {
    let Position { chain: last, anchors: end } = world.goal;
    let mut sent = BTreeSet::from([last]);
    let mut trusted = BTreeSet::from([end]);
    for member in &world.members {
        sent.extend(member.chain.may(world.now).filter(|chain| chain.verifies(world.roots)));
        trusted.extend(member.anchors.may(world.now).filter(|anchors| anchors.meets(world.roots)));
    }
    let mut sets = vec![end];
    if capability != AnchorChange::Single {
        sets.push(world.roots.union(end));
    }
    let fits = |Position { chain, anchors }: &Position| {
        trusted.iter().all(|anchors| chain.verifies(*anchors))
            && sent.iter().all(|chain| chain.verifies(*anchors))
    };
    let mut positions = chains(world)
        .into_iter()
        .flat_map(|chain| sets.iter().map(move |anchors| Position { chain, anchors: *anchors }));
    positions.find(fits)
}

/// The chains that there can be: those of the goal's root first.
fn chains(world: &World) -> Vec<Chain> {
    let goal = world.goal.chain.issuer;
    let issuers = std::iter::once(goal).chain(world.roots.iter().filter(|root| *root != goal));
    let bridged = |issuer: Root| {
        let crosses = world.crosses.iter().filter(move |(subject, _)| *subject == issuer);
        crosses.map(move |(_, signer)| Chain::new(issuer).through(*signer))
    };
    issuers.flat_map(|issuer| std::iter::once(Chain::new(issuer)).chain(bridged(issuer))).collect()
}

/// Whether all members were told the goal, and no workload of theirs has anything else.
pub fn is_complete(world: &World) -> bool {
    world.members.iter().all(|member| {
        member.told() == world.goal
            && member.chain.is_settled(world.now)
            && member.anchors.is_settled(world.now)
    })
}

/// Whether no workload of these meshes can have anything of this root any more: what it signed, or trust in it. To be
/// asked of all, those that were excluded too, before a key is destroyed.
pub fn is_out_of_use<'a>(
    meshes: impl IntoIterator<Item = &'a Member>,
    root: Root,
    now: Timestamp,
) -> bool {
    let trusted = |held: &Held<RootSet>| held.may(now).any(|anchors| anchors.contains(root));
    let sent = |held: &Held<Chain>| held.may(now).any(|chain| chain.roots().contains(root));
    !meshes.into_iter().any(|member| trusted(&member.anchors) || sent(&member.chain))
}
