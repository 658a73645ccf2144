//! The command line.

use anyhow::{Context as _, Result, bail};

/// How much is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Certificates that the hub alone issues, and as many renewals.
    pub(crate) requests: usize,
    /// Meshes that one agent serves, in a small and in a large virtual mesh.
    pub(crate) installs: [usize; 2],
    /// Seconds for which everything must be quiet.
    pub(crate) quiet_seconds: u64,
}

const USAGE: &str = "usage: meshroot-bench [--requests N] [--installs SMALL,LARGE] [--quick]";

impl Options {
    /// `--quick` comes first in effect, wherever it stands: numbers that are given count.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments: Vec<String> = arguments.collect();
        let quick = arguments.iter().any(|argument| argument == "--quick");
        arguments.retain(|argument| argument != "--quick");
        let mut options = if quick { Self::quick() } else { Self::full() };
        let mut rest = arguments.into_iter();
        while let Some(name) = rest.next() {
            let value = rest.next().with_context(|| format!("{name} needs a value; {USAGE}"))?;
            match name.as_str() {
                "--requests" => options.requests = count(&value)?,
                "--installs" => {
                    let (small, large) = value.split_once(',').with_context(|| format!("{value:?}; {USAGE}"))?;
                    options.installs = [count(small)?, count(large)?];
                }
                _ => bail!("{name} is unknown; {USAGE}"),
            }
        }
        Ok(options)
    }

    fn full() -> Self {
        Self { requests: 1000, installs: [100, 300], quiet_seconds: 20 }
    }

    fn quick() -> Self {
        Self { requests: 160, installs: [20, 60], quiet_seconds: 8 }
    }
}

fn count(text: &str) -> Result<usize> {
    match text.parse() {
        Ok(count @ 1..=5000) => Ok(count),
        _ => bail!("{text:?} is not a number from 1 to 5000; {USAGE}"),
    }
}
