//! Ten years in one process: the hub and the agents of many clusters on a virtual clock, and workloads that shake hands all
//! the time.
//!
//! Hub and agents are the product's own processes, each with its watches, queues, timers and Lease, on embedded API servers of
//! this process. What is a model: istiod (`istiod`), workloads (`workload`), and the people and mishaps of `fate`. Calls to APIs
//! fail by chance (`line`). Time stands while anybody has something to do, and then leaps (`time`): by hours while a root is
//! replaced, by days else, as if all machines had slept so long; after each leap it runs for a minute.
//!
//! Workloads verify each other as the strictest peer does (`handshakes`): at each leap, each leaf with what is sent above it
//! against each set of anchors that anybody holds.

mod chance;
mod cluster;
mod fate;
mod handshakes;
mod hub;
mod istiod;
mod line;
mod outcome;
mod process;
mod story;
mod time;
mod virtual_mesh;
mod workload;

use anyhow::Result;
use jiff::SignedDuration;

pub use handshakes::Tally;
pub use outcome::Outcome;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Options {
    /// What happens by chance.
    pub seed: u64,
    /// Half of them in a virtual mesh that goes cross-signed, half in one that goes bundle first; in each, control planes
    /// with and without multi-root.
    pub clusters: usize,
    /// In each cluster.
    pub workloads: usize,
    /// How long.
    pub span: SignedDuration,
    /// Life of the hub's roots: half of it from one rotation to the next.
    pub root_days: i64,
    /// Life of an intermediate.
    pub intermediate_days: i64,
    /// Calls to APIs that fail, in percent.
    pub faults: u64,
    /// Whether to restore the hub from an old backup in the middle.
    pub restores: bool,
    /// What is wrong on purpose.
    pub mutant: Option<Mutant>,
    /// Whether to say how far it is.
    pub talks: bool,
}

/// Something that must be found: one thing in the world is not as the product is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Workloads keep a leaf ten times as long as their control plane is set up for.
    LongLeaves,
    /// Control planes show an agent what it has written, and sign with what they had before for two days more.
    Pretence,
}

/// Runs it. One at a time in a process, which has one clock.
pub fn run(options: &Options) -> Result<Outcome> {
    let watched = time::Watched::start()?;
    watched.runtime.block_on(story::tell(options, &watched.activity))
}
