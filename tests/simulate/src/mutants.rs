//! Planners that are wrong in one place each. A search that does not find them finds nothing.

use meshroot_core::rotation::{AnchorChange, Held, Member, Next, Position, Way, World, plan};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Certificates of the new root before anybody trusts it, without the cross-certificate.
    OrderSwapped,
    /// What is told is taken for what workloads have.
    WaitDropped,
    /// What was told before is not kept when something else is told.
    FormerForgotten,
    /// A report about what was told before is taken for one about what was told last.
    StaleReportBelieved,
    /// A report of the very same, from before it was told a second time, is taken for one about the second time.
    SameReportBelieved,
    /// The old root leaves a member's anchors as soon as the new one is in them.
    RootRemovedEarly,
    /// The cross-certificate leaves a chain as soon as it is in it.
    BridgeDroppedEarly,
    /// Going back issues under the old root at once.
    BackWithoutLooking,
    /// Anchors that a mesh cannot load while it runs are told to it.
    LoadsAnything,
    /// Something is done for a goal before all have been told of it.
    GoalNotAnnounced,
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    Mutant::OrderSwapped,
    Mutant::WaitDropped,
    Mutant::FormerForgotten,
    Mutant::StaleReportBelieved,
    Mutant::SameReportBelieved,
    Mutant::RootRemovedEarly,
    Mutant::BridgeDroppedEarly,
    Mutant::BackWithoutLooking,
    Mutant::LoadsAnything,
    Mutant::GoalNotAnnounced,
];

impl Mutant {
    /// Whether it is found because nothing goes on, rather than because trust is lost.
    pub fn gets_stuck(self) -> bool {
        self == Self::LoadsAnything
    }

    pub(crate) fn plan(self, world: &World) -> Vec<Next> {
        let mut next = match self {
            Self::WaitDropped => plan(&World {
                members: world.members.iter().map(without_former).collect(),
                ..world.clone()
            }),
            Self::LoadsAnything => plan(&World {
                members: world.members.iter().map(restarting).collect(),
                ..world.clone()
            }),
            _ => plan(world),
        };
        for (next, member) in next.iter_mut().zip(&world.members) {
            self.spoil(world, member.told(), &mut next.told);
        }
        next
    }

    fn spoil(self, world: &World, told: Position, next: &mut Position) {
        let goal = world.goal;
        let is_there = told.chain.issuer == goal.chain.issuer;
        match self {
            Self::OrderSwapped if world.way != Way::Back => next.chain = goal.chain,
            Self::RootRemovedEarly if goal.anchors.is_subset(told.anchors) => {
                next.anchors = goal.anchors;
            }
            Self::BridgeDroppedEarly if is_there => next.chain = goal.chain,
            Self::BackWithoutLooking if world.way == Way::Back => next.chain = goal.chain,
            _ => {}
        }
    }
}

fn without_former(member: &Member) -> Member {
    let Position { chain, anchors } = member.told();
    let lag = jiff::SignedDuration::ZERO;
    Member {
        chain: Held::new(chain, [], lag),
        anchors: Held::new(anchors, [], lag),
        ..member.clone()
    }
}

fn restarting(member: &Member) -> Member {
    Member { capability: AnchorChange::Restart, ..member.clone() }
}
