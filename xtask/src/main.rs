//! One entry point for people and CI: `cargo xtask --help`.

mod bench;
mod cargo;
mod ci;
mod conformance;
mod deny;
mod e2e;
mod generate;
mod golang;
mod progress;
mod simulate;
mod sizes;
mod stamp;
mod test;
mod tools;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Builds, tests and checks this repository")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Tools(tools::Arguments),
    Test(test::Arguments),
    E2e(e2e::Arguments),
    Bench(bench::Arguments),
    Conformance(conformance::Arguments),
    Generate(generate::Arguments),
    Simulate(simulate::Arguments),
    Sizes(sizes::Arguments),
    /// Check licences, sources and banned crates of the dependency tree
    Deny,
    Ci(ci::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Tools(arguments) => tools::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::E2e(arguments) => e2e::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Conformance(arguments) => conformance::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Sizes(arguments) => sizes::run(&arguments),
        Command::Deny => deny::run(),
        Command::Ci(arguments) => ci::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
