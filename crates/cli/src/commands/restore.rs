//! `meshroot restore`: a data directory from a backup.

use std::path::PathBuf;

use apiserver::STATE_FILE;

use super::backup::{refuse_existing, verify};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Where the state comes from and goes to.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// File that `meshroot backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Data directory to make; it must hold no state yet
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Makes a data directory from a backup.
pub(crate) fn run(asked: &Arguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let summary = verify(&asked.file)?;
    let state = asked.data.join(STATE_FILE);
    refuse_existing(&state)?;
    apiserver::restore(&asked.file, &asked.data).map_err(|error| Failure::no(error.to_string()))?;
    terminal.line(format!(
        "restored {} objects of revision {} to {}\n  meshroot serve --data {}",
        summary.objects,
        summary.revision,
        asked.data.display(),
        asked.data.display()
    ))
}

const AFTER_HELP: &str = "\
Stop the old server first, for good: two that go on from one backup issue the same numbers
twice. Agents and tokens go on working under the same address; clients list again what they
watched. The tokens of administrators stay good; the first start writes an admin.kubeconfig with one more.

Examples:
  meshroot restore hub-2026-11-24.backup --data /var/lib/meshroot";
