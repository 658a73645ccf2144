//! Searches the models and prints what was visited.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use meshroot_simulate::{MUTANTS, SMALL, Scenario, WHOLE, explore};

/// Search every state that a rotation can come to for two workloads that fail to trust each other
#[derive(Parser)]
struct Arguments {
    /// Three members as well: some minutes, and some gigabytes of memory
    #[arg(long)]
    full: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let more: &[Scenario] = if arguments.full { WHOLE } else { &[] };
    let mut is_good = true;
    println!("{:<44} {:>10} {:>12} {:>8}  FAULT", "SCENARIO", "STATES", "STEPS", "SECONDS");
    for scenario in SMALL.iter().chain(more) {
        let begun = Instant::now();
        let outcome = explore(scenario, None);
        let seconds = begun.elapsed().as_secs_f64();
        let fault =
            outcome.fault.as_ref().map_or("none".to_owned(), |fault| format!("after\n{fault}"));
        println!(
            "{:<44} {:>10} {:>12} {seconds:>8.1}  {fault}",
            scenario.name, outcome.states, outcome.steps
        );
        is_good &= outcome.fault.is_none();
    }
    println!("\n{:<44} FOUND IN", "MUTANT");
    for mutant in MUTANTS {
        let found = SMALL.iter().find_map(|scenario| {
            let fault = explore(scenario, Some(*mutant)).fault?;
            Some(format!("{}, after\n{fault}", scenario.name))
        });
        is_good &= found.is_some();
        println!("{:<44} {}", format!("{mutant:?}"), found.as_deref().unwrap_or("NOTHING"));
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
