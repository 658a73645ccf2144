//! `cargo xtask ci`: everything that must hold before a change is merged.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{bench, cargo, conformance, deny, e2e, generate, progress, simulate, test, tools};

type Step = (&'static str, fn() -> Result<()>);

/// Cheap checks first; what builds the real parts before what needs them.
const STEPS: &[Step] = &[
    ("format", format),
    ("clippy", clippy),
    ("tools", || tools::run(&tools::Arguments::default())),
    ("generate --check", generate_check),
    ("deny", deny::run),
    ("demo", demo),
    ("test", || test::run(&test::Arguments::default())),
    ("e2e", || e2e::run(&e2e::Arguments::default())),
    ("conformance --check", conformance_check),
];

/// What is too heavy for every change.
const HEAVY: &[Step] = &[
    ("thorough", thorough),
    ("simulate --full", || simulate::run(&simulate::Arguments { full: true })),
    ("e2e again", || e2e::run(&e2e::Arguments::default())),
    ("e2e --scenario rotation", || e2e::run(&e2e::Arguments::scenario("rotation"))),
    ("e2e --scenario takeover", || e2e::run(&e2e::Arguments::scenario("takeover"))),
    ("soak", || e2e::run(&e2e::Arguments::soak())),
    ("bench --quick", || bench::run(&bench::Arguments::quick())),
];

/// Random cases in `thorough`, as a multiple of those in `test`.
const TIMES: &str = "10";

/// Everything that must hold before a merge, in one run
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// And what is too heavy for every change: random crashes and chains ten times as many, rotations of three members,
    /// the end-to-end runs again, rotations and takeovers of real istiods, a soak of five minutes on each server, a short benchmark;
    /// takes more than an hour
    #[arg(long)]
    full: bool,
}

/// Runs each step until one fails, then prints what took how long.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let heavy = if arguments.full { HEAVY } else { &[] };
    run_steps(&[STEPS, heavy].concat())
}

fn run_steps(steps: &[Step]) -> Result<()> {
    let mut times = Vec::new();
    for (name, step) in steps {
        eprintln!("\n── {name} ──");
        let started = Instant::now();
        let outcome = step();
        times.push((*name, started.elapsed()));
        eprintln!("── {name}: {} ──", progress::readable(started.elapsed()));
        if let Err(error) = outcome {
            eprint!("{}", table(&times, Some(name)));
            return Err(error).with_context(|| format!("step `{name}` failed"));
        }
    }
    eprint!("{}", table(&times, None));
    Ok(())
}

fn table(times: &[(&str, Duration)], failed: Option<&str>) -> String {
    let mut text = format!("\n{:<20} {:>14}\n", "STEP", "TIME");
    for (name, time) in times {
        let verdict = if failed == Some(name) { "  failed" } else { "" };
        let time = progress::readable(*time);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<20} {time:>14}{verdict}");
    }
    let total = times.iter().map(|(_, time)| time).sum();
    text + &format!("{:<20} {:>14}\n", "total", progress::readable(total))
}

fn format() -> Result<()> {
    cargo::run(&mut cargo::command(["fmt", "--all", "--check"]))
}

fn clippy() -> Result<()> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--locked"];
    let mut command = cargo::command(arguments);
    cargo::run(command.args(["--", "--deny", "warnings"]))
}

fn generate_check() -> Result<()> {
    generate::run(&generate::Arguments { check: true })
}

/// What a newcomer runs first; it needs nothing but its own binary.
fn demo() -> Result<()> {
    cargo::run(&mut cargo::command(["run", "--package", "meshroot-cli", "--", "demo", "--once"]))
}

/// The suites with random cases: losses of power, kills, chains.
fn thorough() -> Result<()> {
    let mut command = cargo::command(["test", "--workspace"]);
    for suite in ["crashes", "kill", "model", "pki"] {
        command.args(["--test", suite]);
    }
    cargo::run(command.env("MESHROOT_TEST_TIMES", TIMES))
}

fn conformance_check() -> Result<()> {
    let mut arguments = conformance::Arguments::default();
    arguments.check = true;
    conformance::run(&arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_stops_the_run_and_is_named() {
        let steps: &[Step] = &[
            ("good", || Ok(())),
            ("bad", || anyhow::bail!("broken")),
            ("never", || panic!("a step ran after a failure")),
        ];
        let error = run_steps(steps).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `bad` failed: broken");
    }

    #[test]
    fn the_table_has_each_step_the_failure_and_the_total() {
        let times = [("good", Duration::from_secs(61)), ("bad", Duration::from_secs(2))];
        let text = table(&times, Some("bad"));
        assert!(text.contains("1 min 01 s\n"), "{text}");
        assert!(text.contains("2.0 s  failed\n"), "{text}");
        assert!(text.contains("1 min 03 s\n"), "{text}");
    }
}
