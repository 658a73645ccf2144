//! What a member was told, and what its workloads may still have.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

/// One thing that a member was told (its chain, its anchors), and what its workloads may still have instead.
///
/// `told` and `former` are facts: they stand in the MeshTrust that tells, and change with it in one write. `loaded` is an
/// observation and may be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held<T> {
    told: T,
    former: BTreeSet<T>,
    loaded: Option<Timestamp>,
    lag: SignedDuration,
}

/// How far the clocks of those who issue, renew and observe may differ, together. Where leaves live shorter than that
/// nothing would work with such clocks.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// How long after a control plane loaded something no workload has anything else, by the longest lifetime of a leaf.
pub fn settling(leaf_lifetime: SignedDuration) -> SignedDuration {
    leaf_lifetime.saturating_add(CLOCKS.min(leaf_lifetime))
}

impl<T: Copy + Ord> Held<T> {
    /// What was told now and before, as MeshTrust has it. `lag`: how long after the control plane loaded it the last
    /// workload follows, by the longest lifetime that a leaf had since it was told.
    ///
    /// Without anything former, what was told is all that workloads have: true of a mesh that has none yet. Where
    /// MeshTrust was lost and made anew, all that the mesh may ever have been told is former.
    pub fn new(told: T, former: impl IntoIterator<Item = T>, lag: SignedDuration) -> Self {
        let mut former: BTreeSet<T> = former.into_iter().collect();
        former.remove(&told);
        Self { told, former, loaded: None, lag }
    }

    /// The control plane has had it loaded since then, by the hub's own clock; `None` where nobody has seen that.
    #[must_use]
    pub fn loaded(self, since: Option<Timestamp>) -> Self {
        Self { loaded: since, ..self }
    }

    /// What was told last.
    pub fn told(&self) -> T {
        self.told
    }

    /// What is to be kept beside what is told.
    pub fn former(&self) -> impl Iterator<Item = T> {
        self.former.iter().copied()
    }

    /// From when on no workload has anything else. `None` while the control plane was not seen to have loaded it.
    pub fn settles(&self) -> Option<Timestamp> {
        Some(self.loaded?.checked_add(settling(self.lag)).unwrap_or(Timestamp::MAX))
    }

    /// Whether all workloads have what was told, and nothing else.
    pub fn is_settled(&self, now: Timestamp) -> bool {
        self.former.is_empty() || self.settles().is_some_and(|settled| settled <= now)
    }

    /// What workloads may have: what was told, first, and what was told before unless that is over.
    pub fn may(&self, now: Timestamp) -> impl Iterator<Item = T> {
        let former = (!self.is_settled(now)).then(|| self.former()).into_iter().flatten();
        std::iter::once(self.told).chain(former)
    }

    /// Whether the control plane was seen to have loaded what was told last.
    pub(super) fn is_loaded(&self) -> bool {
        self.loaded.is_some()
    }

    /// The same after `next` was told: what workloads may have now they may have then.
    #[must_use]
    pub fn tell(&self, next: T, now: Timestamp) -> Self {
        if next == self.told {
            return self.clone();
        }
        Self::new(next, self.may(now), self.lag)
    }
}
