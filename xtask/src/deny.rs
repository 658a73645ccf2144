//! `cargo xtask deny`: what may be in the dependency tree.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{cargo, workspace};

const VERSION: &str = "0.20.2";

/// Checks bans, licences and sources against `deny.toml`.
///
/// Advisories are left out: their database is a git repository elsewhere, which a closed network
/// does not reach. Where it does: `cargo deny check advisories`.
pub(crate) fn run() -> Result<()> {
    let program = installed()?;
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    command.args(["--locked", "check", "--hide-inclusion-graph"]);
    cargo::run(command.args(["bans", "licenses", "sources"]))
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
