//! A state of the model.

use meshroot_core::membership::Key;
use meshroot_core::rotation::{Member, Position, Root, Way, World};

use crate::code::root;
use crate::mesh::{Mesh, NOW, Presence};
use crate::scenario::{Scenario, Start};

/// The root of the virtual mesh at the beginning, the next one, and one that a mesh comes with.
pub(crate) fn roots() -> [Root; 3] {
    [1, 2, 3].map(root)
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) meshes: Vec<Mesh>,
    /// A person wants the old root back.
    pub(crate) back: bool,
    pub(crate) turns: u8,
    pub(crate) exclusions: u8,
    pub(crate) stops: u8,
    pub(crate) losses: u8,
    /// How many steps a person is still to confirm.
    pub(crate) gates: u8,
    /// Pairs of which the first verifies the second, a bit each. It must stay so.
    pub(crate) pairs: u16,
}

impl State {
    pub(crate) fn first(scenario: &Scenario) -> Self {
        let [old, _, own] = roots();
        let mesh = |start: Start| match start {
            Start::Member => Mesh::new(Position::alone(old), Presence::Present),
            Start::Newcomer => Mesh::new(Position::alone(old), Presence::Absent),
            Start::Own | Start::Foreign => Mesh::new(Position::alone(own), Presence::Present),
        };
        let meshes: Vec<Mesh> = scenario.meshes.iter().map(|(_, start)| mesh(*start)).collect();
        let mut first = Self {
            meshes,
            back: false,
            turns: scenario.turns,
            exclusions: scenario.exclusions,
            stops: scenario.stops,
            losses: scenario.losses,
            gates: if scenario.gated { 3 } else { 0 },
            pairs: 0,
        };
        first.note_pairs();
        first
    }

    /// Pairs that have come to trust each other, once all were told who counts.
    pub(crate) fn note_pairs(&mut self) {
        if !self.is_announced() {
            return;
        }
        for (one, other) in self.all_pairs() {
            if self.meshes[one].will_verify(&self.meshes[other]) {
                self.pairs |= pair(one, other);
            }
        }
    }

    /// A pair that trusted each other and does not any more.
    pub(crate) fn broken(&self) -> Option<(usize, usize)> {
        self.all_pairs().into_iter().find(|(one, other)| {
            self.pairs & pair(*one, *other) != 0
                && !self.meshes[*one].verifies(&self.meshes[*other])
        })
    }

    pub(crate) fn forget_pairs(&mut self, mesh: usize) {
        for other in (0..self.meshes.len()).filter(|other| *other != mesh) {
            self.pairs &= !(pair(mesh, other) | pair(other, mesh));
        }
    }

    /// Those that are there and count for each other; each with itself, in any case.
    fn all_pairs(&self) -> Vec<(usize, usize)> {
        let counts = |index: usize| self.meshes[index].presence == Presence::Present;
        let is_there = |index: usize| self.meshes[index].is_there();
        let all = 0..self.meshes.len();
        all.clone()
            .flat_map(|one| all.clone().map(move |other| (one, other)))
            .filter(|(one, other)| {
                (one == other && is_there(*one)) || (counts(*one) && counts(*other))
            })
            .collect()
    }

    /// Every MeshTrust there is was written for the goal that there is now.
    pub(crate) fn is_announced(&self) -> bool {
        self.meshes.iter().all(|mesh| mesh.follows || mesh.presence == Presence::Absent)
    }

    /// There is another goal, or others count: everybody is to be told of it.
    pub(crate) fn turn(&mut self) {
        for mesh in &mut self.meshes {
            mesh.follows = false;
        }
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = usize> {
        let is_member = |index: &usize| self.meshes[*index].presence == Presence::Present;
        (0..self.meshes.len()).filter(is_member)
    }

    /// What the hub knows.
    pub(crate) fn world(&self, scenario: &Scenario) -> World {
        let [old, new, own] = roots();
        let member = |index: usize| Member {
            mesh: Key::new("m", index.to_string()),
            chain: self.meshes[index].chain.held(),
            anchors: self.meshes[index].anchors.held(),
            capability: scenario.meshes[index].0,
        };
        let mut crosses = Vec::new();
        if scenario.way == Way::CrossSigned {
            crosses.push((new, old));
            if scenario.meshes.iter().any(|(_, start)| *start == Start::Own) {
                crosses.extend([(new, own), (old, own)]);
            }
        }
        let way = if self.back { Way::Back } else { scenario.way };
        let mut gated = if self.back { Vec::new() } else { scenario.way.steps() };
        gated.drain(..gated.len().saturating_sub(self.gates.into()));
        World {
            members: self.members().map(member).collect(),
            roots: [old, new].into_iter().collect(),
            crosses,
            goal: Position::alone(if self.back { old } else { new }),
            way,
            gated,
            tainted: scenario.tainted.then_some(old),
            accepts_refusals: false,
            now: NOW,
        }
    }
}

/// The bit of a pair of at most four.
pub(crate) fn pair(one: usize, other: usize) -> u16 {
    1 << (4 * one + other)
}
