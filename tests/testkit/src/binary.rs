//! The project's own binaries, as users run them.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{self, CRASH_VARIABLE, Process};
use crate::{Directory, tools};

/// Names the directory of the built binaries; `cargo xtask e2e` sets it.
pub const BINARIES_VARIABLE: &str = "MESHROOT_BIN";

/// Environment of hub and agent: their log tells of each reconciliation, so that a test can wait until a controller has
/// looked again instead of waiting a while.
pub const RECONCILIATIONS: (&str, &str) =
    ("MESHROOT_LOG", "info,meshroot_runtime::process::service=trace");

/// One of the project's binaries, running. SIGTERM and, after a grace period, SIGKILL end it when
/// this is dropped.
#[derive(Debug)]
pub struct Binary {
    process: Process,
    _directory: Directory,
}

impl Binary {
    /// Where a binary is, from [`BINARIES_VARIABLE`] or the workspace's debug build.
    pub fn path(name: &str) -> Result<PathBuf> {
        let directory = match std::env::var_os(BINARIES_VARIABLE) {
            Some(directory) if !directory.is_empty() => PathBuf::from(directory),
            _ => tools::workspace().join("target/debug"),
        };
        let path = directory.join(name);
        if !path.is_file() {
            bail!("{} is not built; `cargo xtask e2e` builds it", path.display());
        }
        Ok(path)
    }

    /// Starts a binary, for example `meshroot-hub`, with more environment than this process has.
    pub fn start(name: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result<Self> {
        let mut command = process::command(Self::path(name)?);
        command.args(arguments).env_remove(CRASH_VARIABLE).envs(environment.iter().copied());
        Self::spawn(name, command)
    }

    /// The child process: its id, log, signals and end.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// All that it has logged.
    pub fn logs(&self) -> String {
        self.process.log()
    }

    /// Waits until it has logged `text`.
    pub async fn wait_for_log(&self, text: &str, limit: Duration) -> Result<()> {
        self.process.wait_for_log(text, limit).await
    }

    /// Waits until a controller has reconciled a key `count` times more. Needs [`RECONCILIATIONS`].
    pub async fn reconciles(&self, controller: &str, key: &str, count: usize) -> Result<()> {
        let controller = format!("reconciled controller=\"{controller}\"");
        self.process.wait_for_lines(&[&controller, &format!("key={key} ")], count).await
    }

    /// Ends it gently and returns when it is gone.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Ends it as a crash of its machine would.
    pub fn kill_hard(&self) {
        self.process.kill_hard();
    }

    pub(crate) fn spawn(name: &str, command: Command) -> Result<Self> {
        let directory = Directory::create(name)?;
        let process = Process::spawn(name, command, directory.join("log"))?;
        Ok(Self { process, _directory: directory })
    }
}
