//! One mesh of the model: what it was told, what its control plane has loaded, what its workloads have.

use jiff::{SignedDuration, Timestamp};
use meshroot_core::rotation::{Chain, Held, Position, RootSet};

use crate::code::{Code, Few, Queue};

/// The hub's clock: it stands still, and what is observed was observed before or is not.
pub(crate) const NOW: Timestamp = Timestamp::UNIX_EPOCH;

const LAG: SignedDuration = SignedDuration::from_hours(24);

/// What the hub knows of what it told last.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Seen {
    Nothing,
    /// It was seen to be loaded.
    Loaded,
    /// … and the longest lifetime of a leaf ago.
    Settled,
}

/// A chain or anchors: as MeshTrust has it, and as it is in the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Side<T> {
    pub(crate) told: T,
    pub(crate) former: Few<T>,
    pub(crate) loaded: T,
    /// What was told since that was told, in this order: an agent may skip, and never goes back.
    pub(crate) pending: Queue<T>,
    /// What workloads have.
    pub(crate) out: Few<T>,
    pub(crate) seen: Seen,
}

impl<T: Code + Ord> Side<T> {
    /// Told, loaded and everywhere.
    fn new(told: T) -> Self {
        let none = Few::from_iter([]);
        let pending = Queue::new();
        Self {
            told,
            former: none,
            loaded: told,
            pending,
            out: none.with(told),
            seen: Seen::Settled,
        }
    }

    /// MeshTrust was lost and is made anew: anything may have been told before.
    pub(crate) fn lose(&mut self, all: impl IntoIterator<Item = T>) {
        self.former = all.into_iter().collect();
        self.pending = Queue::new().push(self.told);
        self.seen = Seen::Nothing;
    }

    /// As the hub knows it.
    pub(crate) fn held(&self) -> Held<T> {
        let since = match self.seen {
            Seen::Nothing => None,
            Seen::Loaded => Some(NOW),
            Seen::Settled => Some(Timestamp::MIN),
        };
        Held::new(self.told, self.former.iter(), LAG).loaded(since)
    }

    fn tell(&mut self, next: T) {
        self.former = self.held().tell(next, NOW).former().collect();
        self.told = next;
        self.pending = self.pending.push(next);
        self.seen = Seen::Nothing;
    }

    /// The control plane loads what was told so many times ago, and the first workload gets it.
    pub(crate) fn load(&mut self, at: usize) {
        let Some(value) = self.pending.iter().nth(at) else { return };
        self.pending = self.pending.after(at + 1);
        self.loaded = value;
        self.out = self.out.with(value);
    }

    /// It loads what was told last.
    pub(crate) fn load_last(&mut self) {
        let pending = self.pending.iter().count();
        self.load(pending.saturating_sub(1));
    }

    /// The last workload has what is loaded, and nothing else.
    pub(crate) fn settle(&mut self) {
        self.out = [self.loaded].into_iter().collect();
        self.seen = Seen::Settled;
    }

    /// What workloads have, and whatever they may have by what was told.
    fn any(&self) -> Few<T> {
        self.held().may(NOW).chain(self.out.iter()).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Presence {
    /// It joins later.
    Absent,
    /// It has a MeshTrust that tells nothing yet.
    Joining,
    Present,
    /// A person goes on without it.
    Excluded,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Mesh {
    pub(crate) chain: Side<Chain>,
    pub(crate) anchors: Side<RootSet>,
    pub(crate) presence: Presence,
    /// It was told for the goal that there is now.
    pub(crate) follows: bool,
    /// What a hub that stopped in the middle of a write was about to tell it, by what it knew then.
    pub(crate) in_flight: Option<Position>,
}

impl Mesh {
    pub(crate) fn new(position: Position, presence: Presence) -> Self {
        let Position { chain, anchors } = position;
        let (chain, anchors) = (Side::new(chain), Side::new(anchors));
        Self { chain, anchors, presence, follows: true, in_flight: None }
    }

    /// Whether it was ever told anything.
    pub(crate) fn is_there(&self) -> bool {
        !matches!(self.presence, Presence::Absent | Presence::Joining)
    }

    pub(crate) fn told(&self) -> Position {
        Position { chain: self.chain.told, anchors: self.anchors.told }
    }

    /// One write of its MeshTrust. Others that are based on what was there before fail.
    pub(crate) fn tell(&mut self, next: Position) {
        let Position { chain, anchors } = next;
        if chain != self.chain.told {
            self.chain.tell(chain);
        }
        if anchors != self.anchors.told {
            self.anchors.tell(anchors);
        }
        self.follows = true;
        self.in_flight = None;
    }

    /// Whether its workloads verify whatever the other's may send.
    pub(crate) fn verifies(&self, other: &Self) -> bool {
        all_verify(self.anchors.out, other.chain.out)
    }

    /// Whether they do, and will whatever of what was told the two have loaded by then.
    pub(crate) fn will_verify(&self, other: &Self) -> bool {
        all_verify(self.anchors.any(), other.chain.any())
    }
}

fn all_verify(anchors: Few<RootSet>, chains: Few<Chain>) -> bool {
    anchors.iter().all(|anchors| chains.iter().all(|chain| chain.verifies(anchors)))
}
