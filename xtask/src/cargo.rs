//! Running cargo with the environment that tests expect.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A cargo command in the repository's root that knows where the real parts are.
pub(crate) fn command<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(arguments)
        .current_dir(workspace::root())
        .env("MESHROOT_TOOLS", workspace::tools().join("bin"));
    command
}

/// Runs a command to its end with this process's input and output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    let status = command.status();
    let status = status.with_context(|| format!("cannot run `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Builds the binaries of the package in `directory` as its lock file pins them, optimized, into `root/bin`.
pub(crate) fn install(directory: &Path, root: &Path) -> Result<()> {
    let mut install = command(["install", "--locked", "--force", "--no-track", "--path"]);
    install.arg(directory).arg("--root").arg(root);
    run(install.arg("--target-dir").arg(root.join("build")))
}

/// The compiler's version in words.
pub(crate) fn version() -> Result<String> {
    let output = command(["--version"]).output().context("cannot run cargo")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command as one would type it.
pub(crate) fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
