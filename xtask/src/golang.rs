//! The Go toolchain, which builds the real parts.

use std::cmp::Ordering;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{progress, workspace};

/// What every build is given, apart from its package and output.
const FLAGS: &[&str] = &["build", "-trimpath", "-ldflags=-s -w", "-mod=readonly"];

/// An installed Go.
pub(crate) struct Go {
    /// For example `go1.26.8`.
    pub(crate) version: String,
}

impl Go {
    /// Finds Go; `purpose` says in the error what it is needed for, `needed` which version.
    pub(crate) fn find(needed: &str, purpose: &str) -> Result<Self> {
        let output = command(&["env", "GOVERSION"]).output();
        let found = match output {
            Ok(output) if output.status.success() => {
                Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            }
            _ => None,
        };
        match found {
            Some(version) if is_new_enough(&version, needed) => Ok(Self { version }),
            found => bail!(too_old(needed, purpose, found.as_deref())),
        }
    }

    /// What a build depends on beside the sources: the version and the flags.
    pub(crate) fn fingerprint(&self) -> String {
        format!("{} {}", self.version, FLAGS.join(" "))
    }

    /// Builds `package` of the module in `directory`. The error carries what Go wrote.
    pub(crate) fn build(directory: &Path, package: &str, output: &Path) -> Result<()> {
        let mut build = command(FLAGS);
        build.current_dir(directory);
        build.arg("-o").arg(output).arg(package);
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let outcome = progress::during(&format!("building {name}"), || build.output());
        let outcome = outcome.context("cannot run go")?;
        if !outcome.status.success() {
            let text = String::from_utf8_lossy(&outcome.stderr);
            bail!("building {name} from {} failed:\n{text}", directory.display());
        }
        Ok(())
    }
}

/// The version on the `go` line of a go.mod.
pub(crate) fn needed_version(go_mod: &str) -> Result<&str> {
    let line = go_mod.lines().find_map(|line| line.strip_prefix("go "));
    line.map(str::trim).context("go.mod has no `go` line")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    // The Go that is installed, never one that it fetches by itself.
    command.env("GOTOOLCHAIN", "local").args(arguments);
    command.current_dir(workspace::root());
    command
}

fn too_old(needed: &str, purpose: &str, found: Option<&str>) -> String {
    let found = found.unwrap_or("none");
    format!(
        "Go {needed} or newer is needed to build {purpose}, found {found}; \
         install it from your distribution or https://go.dev/dl/"
    )
}

fn is_new_enough(found: &str, needed: &str) -> bool {
    // A development build (`devel go1.27-…`) has no order: let it try.
    let Some(found) = found.strip_prefix("go") else {
        return found.starts_with("devel");
    };
    numbers(found).cmp(&numbers(needed)) != Ordering::Less
}

/// `1.26.8` as [1, 26, 8]; what follows a digit (`rc1`, ` X:…`) does not count.
fn numbers(version: &str) -> Vec<u32> {
    let parts = version.split('.').map(|part| {
        let end = part.find(|letter: char| !letter.is_ascii_digit());
        part[..end.unwrap_or(part.len())].parse().unwrap_or(0)
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        for (found, needed, enough) in [
            ("go1.26.8", "1.26.0", true),
            ("go1.26.0", "1.26.0", true),
            ("go1.9.7", "1.26.0", false),
            ("go1.26rc1", "1.26.0", false),
            ("go1.27", "1.26.3", true),
            ("devel go1.28-abc", "1.26.0", true),
            ("", "1.26.0", false),
        ] {
            assert_eq!(is_new_enough(found, needed), enough, "{found} for {needed}");
        }
    }

    #[test]
    fn the_message_names_need_find_and_fix() {
        let text = too_old("1.26.0", "etcd", Some("go1.22.1"));
        for word in ["Go 1.26.0 or newer", "etcd", "found go1.22.1", "go.dev/dl"] {
            assert!(text.contains(word), "{text}");
        }
        assert!(too_old("1.26.0", "etcd", None).contains("found none"));
    }

    #[test]
    fn the_needed_version_is_the_go_line() {
        let text = "module etcdtool\n\ngo 1.26.0\n\ntool example.org/go 1\n";
        assert_eq!(needed_version(text).unwrap(), "1.26.0");
        assert!(needed_version("module etcdtool\n").is_err());
    }
}
