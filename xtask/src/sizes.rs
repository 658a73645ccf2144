//! `cargo xtask sizes`: how long files and functions are, by lines and by characters.

mod source;
mod table;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::sizes::source::File;
use crate::workspace;

/// Functions longer than this many lines, or this many characters, are talked about.
const LONG_FUNCTION: (usize, usize) = (30, 900);
/// A file of so many lines is worth a look, and one of so many is split.
const LONG_FILE: (usize, usize) = (300, 500);

/// Print how long files and functions are, by room: what CONTRIBUTING.md sets anchors for
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Another checkout, to compare with [default: this one]
    directory: Option<PathBuf>,
    /// Name each function and file over the anchors, too
    #[arg(long)]
    long: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let root = arguments.directory.clone().unwrap_or_else(workspace::root);
    let files = files(&root)?;
    print!("{}", table::of(&files));
    if arguments.long {
        print!("\n{}", table::long(&files));
    }
    Ok(())
}

/// The Rust files that git knows of in a checkout.
fn files(root: &Path) -> Result<Vec<File>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "-z", "--", "*.rs"]);
    let output = git.output().context("cannot run git")?;
    if !output.status.success() {
        bail!("git: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let names = String::from_utf8(output.stdout).context("a file's name is no text")?;
    let names = names.split('\0').filter(|name| !name.is_empty());
    names.map(|name| File::read(root, name)).collect()
}
