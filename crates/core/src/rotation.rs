//! How the root of a virtual mesh is replaced without a moment in which two workloads fail to trust each other.
//!
//! A mesh is *told* a chain and trust anchors. Its control plane loads them later, and its workloads follow later still: a
//! leaf keeps the chain that it was issued with until it ends. [`Held`] says for each member what its workloads may have.
//! [`plan`] computes from that, and from nothing else, what each member may be told next. No step is stored anywhere: a
//! crash, a new leader or a lost status can only make it wait longer.
//!
//! Everything is checked against one rule before it is returned ([`World::check`]): **what a member is told next verifies
//! wherever what it was told before does, and verifies all that it did.** So pairs of workloads that trust each other keep
//! doing so, whatever part of a plan is carried out, in whatever order.

mod catalog;
mod forecast;
mod held;
mod plan;
mod read;
mod roots;
mod snapshot;
mod state;
mod summary;
mod told;
mod verdicts;
mod walk;
mod way;
mod world;

pub(crate) use catalog::Catalog;
pub use catalog::OwnRoot;
pub use forecast::{Forecast, Move, Pair, Stage};
pub use held::{Held, settling};
pub use plan::{Next, entry, is_complete, is_out_of_use, plan};
pub use read::read;
pub use roots::{Chain, Position, Root, RootSet};
pub use snapshot::Snapshot;
pub use state::{Rotation, Told, is_planned};
pub use summary::Summary;
pub use told::{View, is_loaded};
pub use verdicts::Refusals;
pub use way::{Change, Way};
pub use world::{AnchorChange, Blocked, Member, World};
