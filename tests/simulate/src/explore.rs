//! The search.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::mutants::Mutant;
use crate::scenario::Scenario;
use crate::state::State;
use crate::step::{Event, has_arrived, round, steps};

/// What a search found.
#[derive(Debug)]
pub struct Outcome {
    /// States that can be reached.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The first fault, and the shortest way to it.
    pub fault: Option<Fault>,
}

/// What went wrong, after which steps.
#[derive(Debug)]
pub struct Fault {
    what: String,
    steps: Vec<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "  {step}")?;
        }
        write!(f, "  {}", self.what)
    }
}

/// Visits every state that can be reached, nearest first, until a fault is found: trust that is lost, or, where no mutant
/// that loses trust is searched for, a goal that is not reached.
pub fn explore(scenario: &Scenario, mutant: Option<Mutant>) -> Outcome {
    let first = State::first(scenario);
    let mut known: HashMap<State, usize> = HashMap::from([(first.clone(), 0)]);
    let mut visited: Vec<Visit> = vec![Visit { state: first, from: 0, step: Event::Begins }];
    let mut arriving = HashSet::new();
    let mut taken = 0;
    let mut at = 0;
    while at < visited.len() {
        let state = visited[at].state.clone();
        if let Some(what) = wrong(&state, scenario, mutant, &mut arriving) {
            let fault = Some(Fault { what, steps: path(&visited, at) });
            return Outcome { states: visited.len(), steps: taken, fault };
        }
        for (step, state) in steps(&state, scenario, mutant) {
            taken += 1;
            let next = visited.len();
            if let Entry::Vacant(entry) = known.entry(state) {
                visited.push(Visit { state: entry.key().clone(), from: at, step });
                entry.insert(next);
            }
        }
        at += 1;
    }
    Outcome { states: visited.len(), steps: taken, fault: None }
}

struct Visit {
    state: State,
    from: usize,
    step: Event,
}

/// `arriving`: states that are known to lead to the goal.
fn wrong(
    state: &State,
    scenario: &Scenario,
    mutant: Option<Mutant>,
    arriving: &mut HashSet<State>,
) -> Option<String> {
    if let Some((one, other)) = state.broken() {
        let trusted: Vec<_> = state.meshes[one].anchors.out.iter().collect();
        let sent: Vec<_> = state.meshes[other].chain.out.iter().collect();
        return Some(format!("m{one} trusts {trusted:?} and m{other} sends {sent:?}"));
    }
    if !scenario.arrives || mutant.is_some_and(|mutant| !mutant.gets_stuck()) {
        return None;
    }
    let end = stuck(state, scenario, mutant, arriving)?;
    let stays = |index: usize| {
        let mesh = &end.meshes[index];
        format!("m{index} stays at {} trusting {}", mesh.chain.told, mesh.anchors.told)
    };
    Some(end.members().map(stays).collect::<Vec<_>>().join(", "))
}

/// Where everybody stays, with nothing left to be done, before the goal.
fn stuck(
    state: &State,
    scenario: &Scenario,
    mutant: Option<Mutant>,
    arriving: &mut HashSet<State>,
) -> Option<State> {
    let mut passed = Vec::new();
    let mut state = state.clone();
    while !arriving.contains(&state) && !has_arrived(&state, scenario) {
        let next = round(&state, scenario, mutant);
        if next == state || passed.contains(&next) {
            return Some(next);
        }
        passed.push(std::mem::replace(&mut state, next));
    }
    arriving.extend(passed);
    arriving.insert(state);
    None
}

fn path(visited: &[Visit], mut at: usize) -> Vec<String> {
    let mut steps = Vec::new();
    while at != 0 {
        steps.push(visited[at].step.to_string());
        at = visited[at].from;
    }
    steps.reverse();
    steps
}
