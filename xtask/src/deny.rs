//! `cargo xtask deny`: what may be in the dependency tree.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{cargo, workspace};

const VERSION: &str = "0.20.2";

/// What is built into a tool of the tests, and into nothing that is delivered.
const TOOL: &str = "tools/certval-verify/Cargo.toml";

/// Checks bans, licences and sources against `deny.toml`; of a tool, which may bring a cryptography of its own,
/// licences and sources.
///
/// Advisories are left out: their database is a git repository elsewhere, which a closed network
/// does not reach. Where it does: `cargo deny check advisories`.
pub(crate) fn run() -> Result<()> {
    check(&[], &["bans", "licenses", "sources"])?;
    let of_tool = ["--manifest-path", TOOL, "--config", "deny.toml"];
    check(&of_tool, &["--allow", "license-not-encountered", "licenses", "sources"])
}

fn check(tree: &[&str], what: &[&str]) -> Result<()> {
    let mut command = Command::new(installed()?);
    command.current_dir(workspace::root()).arg("--locked").args(tree);
    cargo::run(command.args(["check", "--hide-inclusion-graph"]).args(what))
}

/// The path of cargo-deny, which is built when it is not there yet.
fn installed() -> Result<PathBuf> {
    let root = workspace::tools();
    let program = root.join("bin/cargo-deny");
    if program.is_file() {
        return Ok(program);
    }
    let mut install = cargo::command(["install", "--locked", "--version", VERSION]);
    install.arg("--root").arg(&root).arg("cargo-deny");
    cargo::run(&mut install)?;
    Ok(program)
}
