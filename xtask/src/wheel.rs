//! A program that comes built, in a Python wheel.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::progress;

/// Where what is downloaded is put first, in the directory of the output.
const DOWNLOAD: &str = "download";

/// Puts the file `member` of the wheel that `requirements` pins to `output`. The wheel comes from the package index
/// that this machine's pip is set up with; pip refuses one whose hash is not in `requirements`.
pub(crate) fn install(requirements: &Path, member: &str, output: &Path) -> Result<()> {
    let name = output.file_name().unwrap_or_default().to_string_lossy();
    let directory = output.with_file_name(format!("{name}.{DOWNLOAD}"));
    remove(&directory)?;
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let outcome = progress::during(&format!("downloading {name}"), || {
        download(requirements, &directory)?;
        unpack(&only_wheel(&directory)?, &directory)
    });
    let outcome = outcome.and_then(|()| put(&directory.join(member), output));
    remove(&directory)?;
    outcome.with_context(|| format!("cannot install {name}"))
}

fn download(requirements: &Path, directory: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--dest"]).arg(directory);
    run(pip.arg("--requirement").arg(requirements))
}

/// A wheel is a zip file.
fn unpack(wheel: &Path, directory: &Path) -> Result<()> {
    let mut zipfile = Command::new("python3");
    zipfile.args(["-m", "zipfile", "--extract"]);
    run(zipfile.arg(wheel).arg(directory))
}

fn run(command: &mut Command) -> Result<()> {
    let needed = "python3 with pip is needed; install it: apt-get install python3-pip";
    let output = command.output().context(needed)?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(!words.contains("No module named pip"), needed);
    ensure!(output.status.success(), "{}", words.trim());
    Ok(())
}

fn only_wheel(directory: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    match &entries[..] {
        [wheel] => Ok(wheel.path()),
        others => bail!("pip left {} files instead of one wheel", others.len()),
    }
}

/// At once, so that nobody sees half of it.
fn put(program: &Path, output: &Path) -> Result<()> {
    std::fs::set_permissions(program, Permissions::from_mode(0o755))
        .and_then(|()| std::fs::rename(program, output))
        .with_context(|| format!("cannot put {} to {}", program.display(), output.display()))
}

fn remove(directory: &Path) -> Result<()> {
    if directory.exists() {
        std::fs::remove_dir_all(directory)
            .with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    Ok(())
}
