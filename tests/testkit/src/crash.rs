//! Crashing a binary at a named point, to see what the next start makes of it.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::Binary;
pub use crate::process::CRASH_VARIABLE;

/// A crash point and how often it is passed before the crash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashPoint {
    name: String,
    occurrence: Option<u32>,
}

impl CrashPoint {
    /// Crash when the point is reached for the first time.
    pub fn first(name: &str) -> Self {
        Self { name: name.to_owned(), occurrence: None }
    }

    /// Crash when the point is reached for the `occurrence`-th time, counted from 1.
    pub fn nth(name: &str, occurrence: u32) -> Self {
        Self { name: name.to_owned(), occurrence: Some(occurrence) }
    }
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.occurrence {
            Some(occurrence) => write!(formatter, "{}:{occurrence}", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

/// Starts a binary, waits until it has crashed at `point`, and starts it again without the point.
///
/// It is an error when it does not crash within `limit`, or ends in another way.
pub async fn crash_and_restart(
    name: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    point: &CrashPoint,
    limit: Duration,
) -> Result<Binary> {
    let value = point.to_string();
    let mut with_point = environment.to_vec();
    with_point.push((CRASH_VARIABLE, &value));
    let binary = Binary::start(name, arguments, &with_point)?;
    crashed(&binary, point, limit).await?;
    Binary::start(name, arguments, environment)
}

/// Waits until a binary, started with [`CRASH_VARIABLE`] set to `point`, has crashed.
pub async fn crashed(binary: &Binary, point: &CrashPoint, limit: Duration) -> Result<()> {
    let status = binary.process().wait(limit).await?;
    if !is_crash(status) {
        bail!("ended without a crash at {point}: {}", binary.process().evidence());
    }
    Ok(())
}

fn is_crash(status: ExitStatus) -> bool {
    let crash = [Signal::ABORT, Signal::KILL].map(Signal::as_raw);
    status.signal().is_some_and(|signal| crash.contains(&signal))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process, wait};

    fn shell(script: &str) -> Binary {
        let mut command = process::command("/bin/sh");
        command.args(["-c", script]);
        Binary::spawn("shell", command).unwrap()
    }

    #[test]
    fn a_crash_point_is_written_as_binaries_read_it() {
        assert_eq!(CrashPoint::first("after-sign").to_string(), "after-sign");
        assert_eq!(CrashPoint::nth("after-sign", 3).to_string(), "after-sign:3");
    }

    #[tokio::test]
    async fn an_abort_and_a_kill_are_crashes() {
        let point = CrashPoint::first("here");
        for script in ["kill -ABRT $$", "kill -KILL $$"] {
            crashed(&shell(script), &point, wait::LIMIT).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_ordinary_exit_is_not_a_crash() {
        let binary = shell("echo 'no such crash point'; exit 1");
        let point = CrashPoint::first("here");
        let error = crashed(&binary, &point, wait::LIMIT).await.unwrap_err();
        assert!(error.to_string().contains("no such crash point"), "{error}");
    }
}
