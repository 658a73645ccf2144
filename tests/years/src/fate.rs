//! What happens to hub and clusters, and when: drawn from the seed beforehand.

use jiff::{SignedDuration, Timestamp};

use crate::Options;
use crate::chance::Chance;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The hub's cluster is away.
    HubAway,
    HubBack,
    /// Statuses of a kind are lost.
    Wipe(u64),
    /// The agent of a cluster starts anew.
    AgentRestarts(usize),
    /// The key of a mesh is believed stolen, and its agent says nothing until it starts anew.
    Stolen(usize),
    /// The control plane of a cluster starts anew.
    ControlPlaneRestarts(usize),
    /// The backup that the hub is restored from later, by mistake.
    OldBackup,
    OldRestored,
    /// The backup that was made right before that is found.
    NewRestored,
}

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// How long the hub works on an old backup.
pub(crate) const MISTAKEN: SignedDuration = days(4);

/// All of it, in its order.
pub(crate) fn drawn(options: &Options, start: Timestamp) -> Vec<(Timestamp, Event)> {
    let (life, end) = (days(options.intermediate_days), start + options.span);
    let mut fate = Vec::new();
    // Right after the middle: the backup is older than the latest rotation.
    let restored = start + options.span * 11 / 20;
    let backup = restored - days(options.root_days / 2) - life * 4 / 5;
    if options.restores {
        fate.push((backup, Event::OldBackup));
        fate.push((restored, Event::OldRestored));
        fate.push((restored + MISTAKEN, Event::NewRestored));
    }
    away(options, (start, end), restored, &mut fate);
    let mut often = |of: u64, every: SignedDuration, event: &dyn Fn(&mut Chance) -> Event| {
        let mut chance = Chance::new(options.seed, of);
        let mut at = start + life / 9;
        loop {
            at += chance.span(every / 2, every * 3 / 2);
            if at >= end {
                return;
            }
            fate.push((at, event(&mut chance)));
        }
    };
    let any = |chance: &mut Chance| {
        usize::try_from(chance.below(options.clusters as u64)).unwrap_or_default()
    };
    often(2, life / 3, &|chance| Event::Wipe(chance.next()));
    often(3, life / 3, &|chance| Event::AgentRestarts(any(chance)));
    often(4, life / 9, &|chance| Event::ControlPlaneRestarts(any(chance)));
    stolen(options, (start, end), restored, &mut fate);
    fate.sort_by_key(|(at, _)| *at);
    fate
}

/// While the hub is there: for an agent that has just that hour left to carry out a renewal it would be too much.
fn stolen(
    options: &Options,
    (start, end): (Timestamp, Timestamp),
    restored: Timestamp,
    fate: &mut Vec<(Timestamp, Event)>,
) {
    let life = days(options.intermediate_days);
    let back = |(at, event): &(Timestamp, Event)| (*event == Event::HubBack).then_some(*at);
    let mut backs: Vec<Timestamp> = fate.iter().filter_map(back).collect();
    backs.sort();
    let mut chance = Chance::new(options.seed, 5);
    for pair in backs.windows(2).step_by(2) {
        let at = pair[0] + days(1);
        let is_there = fate
            .iter()
            .all(|(then, event)| *event != Event::HubAway || *then < at || *then > at + days(1));
        let meets = options.restores && at > restored - life && at < restored + MISTAKEN + days(1);
        let number = usize::try_from(chance.below(options.clusters as u64)).unwrap_or_default();
        if at > start + life / 9 && at + days(1) < end && is_there && !meets {
            fate.push((at, Event::Stolen(number)));
            // An hour is waited for it.
            fate.push((at + SignedDuration::from_hours(2), Event::AgentRestarts(number)));
        }
    }
}

/// Every third absence is as long as it may be: a third of the life of an intermediate is left when its renewal is due, and
/// an hour of it to carry that out.
fn away(
    options: &Options,
    (start, end): (Timestamp, Timestamp),
    restored: Timestamp,
    fate: &mut Vec<(Timestamp, Event)>,
) {
    let life = days(options.intermediate_days);
    let longest = life * 33 / 100 - SignedDuration::from_hours(1);
    let mut chance = Chance::new(options.seed, 1);
    let (mut at, mut number) = (start + life / 4, 0);
    loop {
        at += chance.span(life / 4, life * 4 / 3);
        number += 1;
        let span = match number % 3 {
            0 => longest,
            _ => chance.span(SignedDuration::from_hours(1), longest),
        };
        if at + span >= end {
            return;
        }
        let meets = options.restores
            && at < restored + MISTAKEN + days(1)
            && at + span > restored - days(1);
        if !meets {
            fate.push((at, Event::HubAway));
            fate.push((at + span, Event::HubBack));
        }
        at += span;
    }
}
