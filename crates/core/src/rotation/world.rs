//! What is known of a virtual mesh's members, and the rule that every change is checked against.

use jiff::Timestamp;
use meshroot_api::rotation::Step;

use super::held::Held;
use super::roots::{Chain, Position, Root, RootSet};
use super::way::{Change, Way};
use crate::membership::Key;

/// How a mesh changes its trust anchors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnchorChange {
    /// While it runs, as long as one set holds all of the other (Istio with `ISTIO_MULTIROOT_MESH`).
    Live,
    /// From any set to any other, by a restart.
    Restart,
    /// It has exactly one.
    Single,
}

/// Which workloads are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// All.
    All,
    /// Those that started, or got their certificate, since their control plane loaded what it has.
    New,
}

/// One mesh of the virtual mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub mesh: Key,
    /// What its workloads send.
    pub chain: Held<Chain>,
    /// What its workloads trust.
    pub anchors: Held<RootSet>,
    /// How it changes them.
    pub capability: AnchorChange,
}

impl Member {
    /// What it was told last.
    pub fn told(&self) -> Position {
        Position { chain: self.chain.told(), anchors: self.anchors.told() }
    }

    /// The same after it was told something else.
    #[must_use]
    pub fn tell(&self, next: Position, now: Timestamp) -> Self {
        Self {
            chain: self.chain.tell(next.chain, now),
            anchors: self.anchors.tell(next.anchors, now),
            ..self.clone()
        }
    }

    /// What these workloads of it may send.
    ///
    /// New ones send what was told alone once that is loaded. Before it is, they may send what was told before, but nothing
    /// that the anchors refuse that it was told: it was told these only once no new workload sent such a thing. Where several
    /// members go on, each would wait for those that went before it otherwise.
    fn sends(&self, whose: Whose, now: Timestamp) -> impl Iterator<Item = Chain> {
        let Position { chain: told, anchors } = self.told();
        let is_all = whose == Whose::All;
        let may = move |chain: &Chain| {
            is_all || *chain == told || (!self.chain.is_loaded() && chain.verifies(anchors))
        };
        self.chain.may(now).filter(may)
    }

    /// What these workloads of it may trust; of new ones that have not loaded it nothing by which they would refuse what they
    /// send themselves.
    pub(super) fn trusts(&self, whose: Whose, now: Timestamp) -> impl Iterator<Item = RootSet> {
        let Position { chain, anchors: told } = self.told();
        let is_all = whose == Whose::All;
        let may = move |anchors: &RootSet| {
            is_all || *anchors == told || (!self.anchors.is_loaded() && chain.verifies(*anchors))
        };
        self.anchors.may(now).filter(may)
    }

    /// Whether some workload of it may trust this root.
    pub(super) fn may_trust(&self, root: Root, now: Timestamp) -> bool {
        self.anchors.may(now).any(|anchors| anchors.contains(root))
    }

    /// Whether it can load these anchors, whichever it has by then.
    fn loads(&self, anchors: RootSet, held: impl IntoIterator<Item = RootSet>) -> bool {
        let is_near = |held: RootSet| held.is_subset(anchors) || anchors.is_subset(held);
        self.capability != AnchorChange::Live || held.into_iter().all(is_near)
    }
}

/// Everything that a plan is made of.
///
/// Before anything is planned for a goal, the MeshTrust of every mesh, of those that are told nothing yet as well, is
/// written for it: a hub that stopped before its writes for another goal then finds them based on what is there no more.
/// Another goal is one with other members too: those that a person excludes, or takes in again.
#[derive(Clone, Debug)]
pub struct World {
    /// Those that count: members that a person excluded are left out.
    pub members: Vec<Member>,
    /// The virtual mesh's own roots, the one that it comes from and the one that it goes to.
    pub roots: RootSet,
    /// The cross-certificates that there are: whose, and signed by whom. For [`Way::CrossSigned`] those of the goal's
    /// root are made before anything is planned: a member whose root signed none trusts both roots first.
    pub crosses: Vec<(Root, Root)>,
    /// Where the members are to be in the end.
    pub goal: Position,
    /// How they get there.
    pub way: Way,
    /// The steps that wait for somebody to confirm them: nobody is told to take one.
    pub gated: Vec<Step>,
    /// The root whose key is believed stolen: it leaves the anchors as soon as the rule allows.
    pub tainted: Option<Root>,
    /// To be rid of it sooner than that, workloads are not waited for that are older than what their control plane has
    /// loaded: they refuse and are refused.
    pub accepts_refusals: bool,
    /// The hub's clock.
    pub now: Timestamp,
}

/// What stands against a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// The workloads of a mesh may still send this, which would not be accepted any more.
    Sends {
        /// Whose.
        mesh: Key,
        /// What they may send.
        chain: Chain,
        /// Until when, at the earliest; `None` where the mesh is to be told or to load something else first.
        until: Option<Timestamp>,
    },
    /// The workloads of a mesh may still trust nothing but this, and would not accept what is sent.
    Trusts {
        /// Whose.
        mesh: Key,
        /// What they may trust.
        anchors: RootSet,
        /// Until when, at the earliest; `None` where the mesh is to be told or to load something else first.
        until: Option<Timestamp>,
    },
    /// The mesh must load what it was told last before it can load this.
    Loads {
        /// The mesh.
        mesh: Key,
    },
    /// Nothing but that somebody is to confirm the step first.
    Gate {
        /// Which.
        step: Step,
    },
    /// No way leads there without a moment in which two workloads fail to trust each other.
    NoWay {
        /// The mesh that stands in the way.
        mesh: Key,
    },
}

impl World {
    /// The rule: what this member is told next verifies wherever what it was told before does, and verifies all that it did.
    ///
    /// # Errors
    /// The first workload, of any member, this one included, that would fail to verify or to be verified.
    pub fn check(&self, member: &Member, next: Position) -> Result<(), Blocked> {
        self.check_among(Whose::All, member, next)
    }

    /// The same rule, among some workloads.
    pub(super) fn check_among(
        &self,
        whose: Whose,
        member: &Member,
        next: Position,
    ) -> Result<(), Blocked> {
        let told = member.told();
        // What stays as it is verifies wherever it did: most members, whenever it is planned.
        let asked = if next == told { &[] } else { self.members.as_slice() };
        for other in asked {
            for anchors in other.trusts(whose, self.now) {
                if told.chain.verifies(anchors) && !next.chain.verifies(anchors) {
                    return Err(Blocked::trusts(other, anchors));
                }
            }
            for chain in other.sends(whose, self.now) {
                if chain.verifies(told.anchors) && !chain.verifies(next.anchors) {
                    return Err(Blocked::sends(other, chain));
                }
            }
        }
        if told.chain.verifies(told.anchors) && !next.chain.verifies(next.anchors) {
            return Err(Blocked::trusts(member, next.anchors));
        }
        let loads = || member.loads(next.anchors, member.trusts(whose, self.now));
        if next.anchors != told.anchors && !loads() {
            return Err(Blocked::Loads { mesh: member.mesh.clone() });
        }
        Ok(())
    }

    /// Whom a change is to do no harm.
    pub(super) fn protected(&self, change: Change) -> Whose {
        // The cross-certificate keeps nobody's trust in the old root alive, and is nothing to hurry for.
        if self.accepts_refusals && change != Change::Unbridge { Whose::New } else { Whose::All }
    }

    /// The steps of the way that is gone: without any cross-certificate of the goal's root all members trust both roots
    /// first.
    pub fn steps(&self) -> Vec<Step> {
        let is_crossed = self.crosses.iter().any(|(of, _)| *of == self.goal.chain.issuer);
        match self.way {
            Way::CrossSigned if !is_crossed => Way::BundleFirst.steps(),
            way => way.steps(),
        }
    }

    /// Of the steps that wait for a confirmation and for nothing else, the first on the way.
    pub(super) fn first_gate<'a>(
        &self,
        blocked: impl Iterator<Item = &'a Blocked>,
    ) -> Option<Step> {
        let gate = |blocked: &Blocked| match blocked {
            Blocked::Gate { step } => Some(*step),
            _ => None,
        };
        let waiting: Vec<Step> = blocked.filter_map(gate).collect();
        self.steps().into_iter().find(|step| waiting.contains(step))
    }

    /// Whether there is a cross-certificate of `subject` that `issuer` signed.
    pub fn has_cross(&self, subject: Root, issuer: Root) -> bool {
        self.crosses.contains(&(subject, issuer))
    }
}

impl Blocked {
    pub(super) fn sends(member: &Member, chain: Chain) -> Self {
        let until = (chain != member.chain.told()).then(|| member.chain.settles()).flatten();
        Self::Sends { mesh: member.mesh.clone(), chain, until }
    }

    fn trusts(member: &Member, anchors: RootSet) -> Self {
        let until = (anchors != member.anchors.told()).then(|| member.anchors.settles()).flatten();
        Self::Trusts { mesh: member.mesh.clone(), anchors, until }
    }
}
