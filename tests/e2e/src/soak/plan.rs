//! What is disturbed when: the same seed gives the same plan.

use std::time::Duration;

use super::random::Random;

/// The clusters; each has one mesh.
pub(crate) const CLUSTERS: [&str; 2] = ["east", "west"];
/// How long a round of disturbances goes on, at most, before all is undone.
///
/// With the time in which everything must settle it is shorter than what is left of a certificate whose renewal is due.
pub(crate) const ROUND: Duration = Duration::from_secs(75);

/// What is done, and later undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Another virtual mesh claims a member, and lets go.
    Claim(&'static str),
    /// The virtual mesh is deleted, another one takes a member, and the first comes back.
    Usurp(&'static str),
    /// The virtual mesh is deleted and made again.
    VirtualMeshRemade,
    /// `spec.limited`, which is not supported.
    Limited,
    /// The policy is deleted and made again.
    PolicyRemade,
    /// A policy of another name takes its place.
    PolicyRenamed,
    /// Two policies for one virtual mesh; then the first alone is removed.
    PolicyDoubled,
    /// People decide; a renewal is asked for.
    ThirdParty,
    /// `meshroot renew`.
    Renewal(&'static str),
    /// `intermediate.pathLen` is another one.
    PathLen,
    /// `intermediate.ttl` is another one.
    Lifetime,
    /// `intermediate.key` is another one.
    KeyAlgorithm,
    /// `intermediate.renewAtPercent` is another one.
    RenewAt(u8),
    /// The hub is killed and started.
    HubKilled,
    /// An agent is killed and started.
    AgentKilled(&'static str),
    /// An agent's clock is wrong by so many seconds.
    ClockWrong(&'static str, i64),
    /// The Secret with the key in use is deleted.
    KeyLost(&'static str),
    /// `cacerts` is deleted.
    CacertsDeleted(&'static str),
    /// Somebody writes rubbish into `cacerts`.
    CacertsSpoiled(&'static str),
    /// An administrator deletes the newest request.
    RequestDeleted(&'static str),
    /// The root Secret is taken away and put back.
    RootTaken,
    /// The Mesh is deleted; discovery makes it again.
    MeshDeleted(&'static str),
}

/// What two disturbances at once must not both hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    VirtualMesh,
    Claim,
    Policies,
    Mode,
    Terms,
    Hub,
    Agent(&'static str),
    Secrets(&'static str),
    Request(&'static str),
    Root,
    Mesh(&'static str),
}

/// One disturbance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disturbance {
    pub(crate) kind: Kind,
    /// When it begins, from the beginning of its round.
    pub(crate) at: Duration,
    /// How long until it is undone.
    pub(crate) lasts: Duration,
}

/// The disturbances of one round, in the order in which they begin.
pub(crate) fn round(seed: u64, number: u64) -> Vec<Disturbance> {
    let mut random = Random::of(seed, &format!("round {number}"));
    let (mut all, mut at) = (Vec::<Disturbance>::new(), Duration::from_secs(1));
    while at < ROUND {
        let together = if random.chance(20) { 2 } else { 1 };
        for _ in 0..together {
            let kind = kind(&mut random);
            let lasts = lasts(kind, &mut random).min(ROUND.saturating_sub(at));
            let wanted = Disturbance { kind, at, lasts };
            if all.iter().all(|other| !collide(other, &wanted)) {
                all.push(wanted);
            }
        }
        at += Duration::from_millis(random.between(2_000, 6_000));
    }
    all
}

fn kind(random: &mut Random) -> Kind {
    let cluster = random.pick(&CLUSTERS);
    // What people decide is where most can go wrong: it is drawn more often.
    match random.between(0, 27) {
        0 | 1 => Kind::Claim(cluster),
        2 => Kind::Usurp(cluster),
        3 => Kind::VirtualMeshRemade,
        4 => Kind::Limited,
        5 => Kind::PolicyRemade,
        6 => Kind::PolicyRenamed,
        7 => Kind::PolicyDoubled,
        8..=10 => Kind::ThirdParty,
        11 => Kind::PathLen,
        12 => Kind::Lifetime,
        13 => Kind::KeyAlgorithm,
        14 => Kind::RenewAt(random.pick(&[10, 15, 30])),
        15 => Kind::HubKilled,
        16 => Kind::AgentKilled(cluster),
        17 | 25 | 26 => Kind::ClockWrong(cluster, wrong_by(random)),
        18 => Kind::KeyLost(cluster),
        19 => Kind::CacertsDeleted(cluster),
        20 => Kind::CacertsSpoiled(cluster),
        21 => Kind::RequestDeleted(cluster),
        22 => Kind::RootTaken,
        23 | 24 => Kind::Renewal(cluster),
        _ => Kind::MeshDeleted(cluster),
    }
}

/// Minutes to hours, in either direction.
fn wrong_by(random: &mut Random) -> i64 {
    let seconds = random.pick(&[120, 600, 3_600, 6 * 3_600, 48 * 3_600]);
    if random.chance(50) { seconds } else { -seconds }
}

fn lasts(kind: Kind, random: &mut Random) -> Duration {
    let (least, most) = match kind {
        Kind::RootTaken => (30, 30),
        Kind::ThirdParty => (20, 60),
        Kind::Claim(_) | Kind::Usurp(_) | Kind::ClockWrong(..) => (10, 40),
        Kind::HubKilled | Kind::AgentKilled(_) => (1, 10),
        Kind::KeyLost(_)
        | Kind::Renewal(_)
        | Kind::CacertsDeleted(_)
        | Kind::CacertsSpoiled(_)
        | Kind::RequestDeleted(_)
        | Kind::MeshDeleted(_) => (0, 0),
        _ => (2, 25),
    };
    Duration::from_secs(random.between(least, most))
}

fn slots(kind: Kind) -> Vec<Slot> {
    match kind {
        Kind::Claim(_) => vec![Slot::Claim],
        Kind::Usurp(_) => vec![Slot::VirtualMesh, Slot::Claim],
        Kind::VirtualMeshRemade | Kind::Limited => vec![Slot::VirtualMesh],
        Kind::PolicyRemade | Kind::PolicyRenamed | Kind::PolicyDoubled => vec![Slot::Policies],
        Kind::ThirdParty => vec![Slot::Mode],
        Kind::PathLen | Kind::Lifetime | Kind::KeyAlgorithm | Kind::RenewAt(_) => vec![Slot::Terms],
        Kind::HubKilled => vec![Slot::Hub],
        Kind::AgentKilled(cluster) | Kind::ClockWrong(cluster, _) => vec![Slot::Agent(cluster)],
        Kind::KeyLost(cluster) | Kind::CacertsDeleted(cluster) | Kind::CacertsSpoiled(cluster) => {
            vec![Slot::Secrets(cluster)]
        }
        Kind::RequestDeleted(cluster) | Kind::Renewal(cluster) => vec![Slot::Request(cluster)],
        Kind::RootTaken => vec![Slot::Root],
        Kind::MeshDeleted(cluster) => vec![Slot::Mesh(cluster)],
    }
}

/// Whether one begins before the other has been undone, and both hold the same.
fn collide(one: &Disturbance, two: &Disturbance) -> bool {
    const APART: Duration = Duration::from_secs(2);
    let held = slots(one.kind);
    let share = slots(two.kind).iter().any(|slot| held.contains(slot));
    let (first, second) = if one.at <= two.at { (one, two) } else { (two, one) };
    share && first.at + first.lasts + APART > second.at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_plan_and_rounds_differ() {
        assert_eq!(round(1, 0), round(1, 0));
        assert_ne!(round(1, 0), round(1, 1));
        assert_ne!(round(1, 0), round(2, 0));
    }

    #[test]
    fn a_round_is_full_and_over_in_time() {
        for number in 0..200 {
            let all = round(3, number);
            assert!(all.len() >= 8, "round {number} has {} disturbances", all.len());
            assert!(all.iter().all(|one| one.at + one.lasts <= ROUND), "round {number} is late");
        }
    }

    #[test]
    fn nothing_is_held_twice_at_once() {
        for number in 0..200 {
            let all = round(4, number);
            for (place, one) in all.iter().enumerate() {
                let clash = all[place + 1..].iter().find(|two| collide(one, two));
                assert_eq!(clash, None, "round {number}: {one:?}");
            }
        }
    }

    #[test]
    fn disturbances_of_one_object_collide_and_others_do_not() {
        let at = |kind, at, lasts| Disturbance {
            kind,
            at: Duration::from_secs(at),
            lasts: Duration::from_secs(lasts),
        };
        let usurped = at(Kind::Usurp("east"), 10, 20);
        assert!(collide(&usurped, &at(Kind::Limited, 25, 1)));
        assert!(collide(&at(Kind::Claim("west"), 5, 10), &usurped));
        assert!(!collide(&usurped, &at(Kind::Limited, 40, 1)));
        assert!(!collide(&usurped, &at(Kind::RootTaken, 15, 30)));
    }
}
