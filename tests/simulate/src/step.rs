//! What can happen in a state.

use std::fmt;

use meshroot_core::rotation::{
    AnchorChange, Chain, Next, Position, RootSet, World, entry, is_complete,
};

use crate::code::Code;
use crate::mesh::{Mesh, Presence, Seen, Side};
use crate::mutants::Mutant;
use crate::scenario::Scenario;
use crate::state::{State, pair, roots};

/// What happened to which mesh.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Begins,
    Told(usize, Position),
    HubStops,
    Announced(usize),
    ToldLate(usize, Position),
    LoadsChain(usize, Chain),
    LoadsAnchors(usize, RootSet),
    ChainSeen(usize),
    AnchorsSeen(usize),
    ChainSettled(usize),
    AnchorsSettled(usize),
    StatusLost(usize),
    MeshTrustLost(usize),
    Back,
    Forth,
    Confirmed,
    Joins(usize),
    Excluded(usize),
    TakenInAgain(usize),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begins => write!(f, "it begins"),
            Self::Told(mesh, position) => write!(f, "m{mesh} is told {position}"),
            Self::HubStops => write!(f, "a hub stops before its writes"),
            Self::Announced(mesh) => write!(f, "m{mesh}'s MeshTrust is written for this goal"),
            Self::ToldLate(mesh, position) => {
                write!(f, "the hub that stopped tells m{mesh} {position}")
            }
            Self::LoadsChain(mesh, chain) => write!(f, "m{mesh} loads {chain}"),
            Self::LoadsAnchors(mesh, anchors) => write!(f, "m{mesh} loads {anchors}"),
            Self::ChainSeen(mesh) => write!(f, "m{mesh} is seen to have loaded its chain"),
            Self::AnchorsSeen(mesh) => write!(f, "m{mesh} is seen to have loaded its anchors"),
            Self::ChainSettled(mesh) => write!(f, "m{mesh} has no older leaf any more"),
            Self::AnchorsSettled(mesh) => {
                write!(f, "m{mesh} has no workload with older anchors any more")
            }
            Self::StatusLost(mesh) => write!(f, "m{mesh} loses its status"),
            Self::MeshTrustLost(mesh) => write!(f, "m{mesh} loses its MeshTrust, and gets another"),
            Self::Back => write!(f, "back to the old root"),
            Self::Forth => write!(f, "on to the new root"),
            Self::Confirmed => write!(f, "the next step is confirmed"),
            Self::Joins(mesh) => write!(f, "m{mesh} is to join"),
            Self::Excluded(mesh) => write!(f, "m{mesh} is excluded"),
            Self::TakenInAgain(mesh) => write!(f, "m{mesh} is taken in again"),
        }
    }
}

/// What happened, and the state after it.
pub(crate) type Step = (Event, State);

/// Everything that can happen next.
pub(crate) fn steps(state: &State, scenario: &Scenario, mutant: Option<Mutant>) -> Vec<Step> {
    let mut steps = told(state, scenario, mutant);
    for index in (0..state.meshes.len()).filter(|index| state.meshes[*index].is_there()) {
        steps.extend(in_cluster(state, scenario, index, mutant));
    }
    steps.extend(by_people(state));
    for (_, next) in &mut steps {
        next.note_pairs();
    }
    steps
}

/// The hub carries out its plan, a write at a time, or stops before its writes and goes on when it likes. Chain and anchors
/// may go apart, since a certificate is issued first.
fn told(state: &State, scenario: &Scenario, mutant: Option<Mutant>) -> Vec<Step> {
    let writes = writes(state, scenario, mutant);
    let mut steps = Vec::new();
    for (index, position) in &writes {
        for part in parts(&state.meshes[*index], *position) {
            let mut next = state.clone();
            tell(&mut next, *index, part, mutant);
            steps.push((Event::Told(*index, part), next));
        }
    }
    if state.stops > 0 && !writes.is_empty() {
        let mut next = state.clone();
        next.stops -= 1;
        for (index, position) in writes {
            next.meshes[index].in_flight = Some(position);
        }
        steps.push((Event::HubStops, next));
    }
    for (index, mesh) in state.meshes.iter().enumerate().filter(|(_, mesh)| !mesh.follows) {
        if mesh.presence != Presence::Absent {
            let mut next = state.clone();
            announce(&mut next.meshes[index]);
            steps.push((Event::Announced(index), next));
        }
    }
    for (index, mesh) in state.meshes.iter().enumerate() {
        let Some(position) = mesh.in_flight else { continue };
        let mut next = state.clone();
        tell(&mut next, index, position, mutant);
        // It tells for the goal that it knew.
        next.meshes[index].follows = mesh.follows;
        steps.push((Event::ToldLate(index, position), next));
    }
    steps
}

/// The whole, and where both are others, each for itself.
fn parts(mesh: &Mesh, position: Position) -> Vec<Position> {
    let Position { chain, anchors } = mesh.told();
    let mut parts = vec![position];
    if mesh.is_there() && position.chain != chain && position.anchors != anchors {
        parts.extend([Position { chain, ..position }, Position { anchors, ..position }]);
    }
    parts
}

fn tell(state: &mut State, index: usize, position: Position, mutant: Option<Mutant>) {
    let mesh = &mut state.meshes[index];
    if mesh.presence == Presence::Joining {
        return begin(state, index, position);
    }
    mesh.tell(position);
    if mutant == Some(Mutant::FormerForgotten) {
        mesh.chain.former = [].into_iter().collect();
        mesh.anchors.former = [].into_iter().collect();
    }
}

/// A mesh that comes with nothing: it is to verify, and be verified by, everybody who trusts anybody at once.
fn begin(state: &mut State, index: usize, position: Position) {
    let mesh = &mut state.meshes[index];
    *mesh = Mesh::new(position, Presence::Present);
    mesh.chain.seen = Seen::Nothing;
    mesh.anchors.seen = Seen::Nothing;
    let [old, new, _] = roots();
    let ours = [old, new].into_iter().collect();
    for other in state.members().collect::<Vec<_>>() {
        if state.meshes[other].chain.out.iter().all(|chain| chain.verifies(ours)) {
            state.pairs |= pair(index, other);
        }
        if state.meshes[other].anchors.out.iter().all(|anchors| anchors.meets(ours)) {
            state.pairs |= pair(other, index);
        }
    }
}

/// MeshTrust is written for the goal that there is now.
fn announce(mesh: &mut Mesh) {
    mesh.follows = true;
    mesh.in_flight = None;
}

/// What is to be told to whom.
fn writes(state: &State, scenario: &Scenario, mutant: Option<Mutant>) -> Vec<(usize, Position)> {
    let mut writes = Vec::new();
    if !state.is_announced() && mutant != Some(Mutant::GoalNotAnnounced) {
        return writes;
    }
    let world = state.world(scenario);
    for (index, Next { told, .. }) in state.members().zip(plan(&world, mutant)) {
        if told != state.meshes[index].told() {
            writes.push((index, told));
        }
    }
    for (index, mesh) in state.meshes.iter().enumerate() {
        if mesh.presence == Presence::Joining
            && let Some(position) = entry(&world, scenario.meshes[index].0)
        {
            writes.push((index, position));
        }
    }
    writes
}

fn plan(world: &World, mutant: Option<Mutant>) -> Vec<Next> {
    match mutant {
        None => meshroot_core::rotation::plan(world),
        Some(mutant) => mutant.plan(world),
    }
}

/// Control plane, workloads and agent of one mesh.
fn in_cluster(
    state: &State,
    scenario: &Scenario,
    index: usize,
    mutant: Option<Mutant>,
) -> Vec<Step> {
    let mesh = state.meshes[index];
    let capability = scenario.meshes[index].0;
    let mut steps = Vec::new();
    let mut step = |event: Event, change: &dyn Fn(&mut Mesh)| {
        let mut next = state.clone();
        change(&mut next.meshes[index]);
        steps.push((event, next));
    };
    for (at, chain) in mesh.chain.pending.iter().enumerate() {
        step(Event::LoadsChain(index, chain), &|mesh| mesh.chain.load(at));
    }
    for (at, anchors) in mesh.anchors.pending.iter().enumerate() {
        if loads(capability, mesh.anchors.loaded, anchors) {
            step(Event::LoadsAnchors(index, anchors), &|mesh| mesh.anchors.load(at));
        }
    }
    if is_believed(&mesh.chain, mutant) {
        step(Event::ChainSeen(index), &|mesh| mesh.chain.seen = Seen::Loaded);
    }
    if is_believed(&mesh.anchors, mutant) {
        step(Event::AnchorsSeen(index), &|mesh| mesh.anchors.seen = Seen::Loaded);
    }
    if mesh.chain.seen == Seen::Loaded {
        step(Event::ChainSettled(index), &|mesh| mesh.chain.settle());
    }
    if mesh.anchors.seen == Seen::Loaded {
        step(Event::AnchorsSettled(index), &|mesh| mesh.anchors.settle());
    }
    if mesh.chain.seen != Seen::Nothing || mesh.anchors.seen != Seen::Nothing {
        step(Event::StatusLost(index), &|mesh| {
            mesh.chain.seen = Seen::Nothing;
            mesh.anchors.seen = Seen::Nothing;
        });
    }
    if state.losses > 0 {
        let [old, new, _] = roots();
        let chains = [Chain::new(old), Chain::new(new), Chain::new(new).through(old)];
        let anchors = [vec![old], vec![new], vec![old, new]];
        let mut next = state.clone();
        next.losses -= 1;
        let lost = &mut next.meshes[index];
        lost.chain.lose(chains);
        lost.anchors.lose(anchors.map(|roots| roots.into_iter().collect()));
        lost.in_flight = None;
        steps.push((Event::MeshTrustLost(index), next));
    }
    steps
}

/// Whether the hub takes what an agent may report now for a report that what it was told last is loaded. The report says
/// what is loaded, and which telling the agent has come to: it may be told the same a second time, with something else
/// in between.
fn is_believed<T: Code + Ord>(side: &Side<T>, mutant: Option<Mutant>) -> bool {
    let is_told = side.loaded == side.told;
    let has_come_to_it = side.pending.is_empty();
    side.seen == Seen::Nothing
        && match mutant {
            Some(Mutant::StaleReportBelieved) => true,
            Some(Mutant::SameReportBelieved) => is_told,
            _ => is_told && has_come_to_it,
        }
}

fn loads(capability: AnchorChange, loaded: RootSet, next: RootSet) -> bool {
    capability != AnchorChange::Live || loaded.is_subset(next) || next.is_subset(loaded)
}

fn by_people(state: &State) -> Vec<Step> {
    let mut steps = Vec::new();
    if state.turns > 0 {
        let back = !state.back;
        let event = if back { Event::Back } else { Event::Forth };
        let mut next = State { back, turns: state.turns - 1, ..state.clone() };
        next.turn();
        steps.push((event, next));
    }
    if state.gates > 0 {
        steps.push((Event::Confirmed, State { gates: state.gates - 1, ..state.clone() }));
    }
    for index in 0..state.meshes.len() {
        let mut next = state.clone();
        let mesh = &mut next.meshes[index];
        let event = match mesh.presence {
            Presence::Absent => {
                *mesh = Mesh::new(mesh.told(), Presence::Joining);
                Event::Joins(index)
            }
            Presence::Present if state.exclusions > 0 => {
                mesh.presence = Presence::Excluded;
                next.exclusions -= 1;
                next.forget_pairs(index);
                next.turn();
                Event::Excluded(index)
            }
            Presence::Joining | Presence::Present => continue,
            Presence::Excluded => {
                mesh.presence = Presence::Present;
                next.turn();
                Event::TakenInAgain(index)
            }
        };
        steps.push((event, next));
    }
    steps
}

/// The state after everybody has done what can be done, once: nothing goes wrong.
pub(crate) fn round(state: &State, scenario: &Scenario, mutant: Option<Mutant>) -> State {
    let mut state = State { gates: 0, ..state.clone() };
    for mesh in state.meshes.iter_mut().filter(|mesh| mesh.presence == Presence::Absent) {
        *mesh = Mesh::new(mesh.told(), Presence::Joining);
    }
    // MeshTrusts that tell nothing are announced to as well.
    if !state.is_announced() {
        state.meshes.iter_mut().for_each(announce);
    }
    for (index, position) in writes(&state, scenario, mutant) {
        tell(&mut state, index, position, mutant);
    }
    for (mesh, (capability, _)) in state.meshes.iter_mut().zip(scenario.meshes) {
        if !mesh.is_there() {
            continue;
        }
        let Mesh { chain, anchors, .. } = mesh;
        chain.load_last();
        chain.settle();
        if loads(*capability, anchors.loaded, anchors.told) {
            anchors.load_last();
            anchors.settle();
        }
    }
    state
}

/// Whether all that count are where they should be.
pub(crate) fn has_arrived(state: &State, scenario: &Scenario) -> bool {
    state.meshes.iter().all(Mesh::is_there) && is_complete(&state.world(scenario))
}
