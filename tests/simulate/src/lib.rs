//! A model of a virtual mesh whose root is replaced, and an exhaustive search through it.
//!
//! The decisions are the product's own ([`meshroot_core::rotation`]); everything around them is a model: MeshTrusts,
//! control planes that load what they are told when they like, workloads that follow later, observations that come late,
//! come twice or are lost, a hub that dies between any two writes or carries out a plan that is old by then, a person who
//! changes their mind. [`explore`] visits every state that can be reached, and in each asks whether two workloads could
//! fail to trust each other, and whether the goal is still reached from there once nothing goes wrong any more.

mod code;
mod explore;
mod mesh;
mod mutants;
mod scenario;
mod state;
mod step;

pub use explore::{Outcome, explore};
pub use mutants::{MUTANTS, Mutant};
pub use scenario::{SMALL, Scenario, WHOLE};
