//! `cargo xtask simulate --full` runs it: ten years in minutes.

use anyhow::Result;
use clap::Parser;
use jiff::SignedDuration;
use meshroot_years::Options;

/// Hub and agents on a virtual clock, and workloads that shake hands all the time.
#[derive(Parser)]
struct Arguments {
    /// By which everything is drawn that happens by chance
    #[arg(long, default_value = "1")]
    seed: u64,
    /// How many clusters
    #[arg(long, default_value = "20")]
    clusters: usize,
    /// How many workloads in each
    #[arg(long, default_value = "12")]
    workloads: usize,
    /// How many days
    #[arg(long, default_value = "3653")]
    days: i64,
    /// Calls to APIs that fail, in percent
    #[arg(long, default_value = "5")]
    faults: u64,
    /// Say how far it is, at each leap of the clock
    #[arg(long)]
    verbose: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let outcome = meshroot_years::run(&Options {
        seed: arguments.seed,
        clusters: arguments.clusters,
        workloads: arguments.workloads,
        span: SignedDuration::from_hours(24 * arguments.days),
        root_days: 730,
        intermediate_days: 90,
        faults: arguments.faults,
        restores: arguments.days > 1500,
        mutant: None,
        talks: arguments.verbose,
    })?;
    println!("{outcome}");
    outcome.check()
}
