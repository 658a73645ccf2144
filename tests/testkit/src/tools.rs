//! Where the real parts (etcd, kube-apiserver, istiod, zlint …) are, and what to do without them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Names the directory of the real parts; `cargo xtask` sets it.
pub const TOOLS_VARIABLE: &str = "MESHROOT_TOOLS";

/// The path of one real part. The error says what to run where it is missing.
pub fn path(name: &str) -> Result<PathBuf> {
    check(&[name])?;
    Ok(directory().join(name))
}

/// That all of these real parts are there, before a long run begins. The error names each that is
/// missing and what to run.
pub fn check(names: &[&str]) -> Result<()> {
    let directory = directory();
    let missing = missing(&directory, names);
    if !missing.is_empty() {
        bail!(missing_message(&directory, &missing));
    }
    Ok(())
}

/// The path of a command that the machine brings. The error says which Debian package has it.
pub fn on_path(name: &str, package: &str) -> Result<PathBuf> {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = std::env::split_paths(&directories).map(|directory| directory.join(name));
    let found = paths.find(|path| path.is_file());
    found.with_context(|| {
        format!("{name} is not on the PATH; install it: apt-get install {package}")
    })
}

/// The workspace's root directory.
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_path_buf()
}

fn directory() -> PathBuf {
    match std::env::var_os(TOOLS_VARIABLE) {
        Some(directory) if !directory.is_empty() => directory.into(),
        _ => workspace().join("target/tools/bin"),
    }
}

fn missing<'a>(directory: &Path, names: &[&'a str]) -> Vec<&'a str> {
    let absent = |name: &&&str| !directory.join(name).is_file();
    names.iter().filter(absent).copied().collect()
}

fn missing_message(directory: &Path, missing: &[&str]) -> String {
    format!(
        "{} not found in {}; build the real parts with `cargo xtask tools`",
        missing.join(", "),
        directory.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_each_missing_part_and_the_command_that_builds_it() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("etcd"), "").unwrap();
        let missing = missing(directory.path(), &["etcd", "zlint", "kubectl"]);
        assert_eq!(missing, ["zlint", "kubectl"]);
        let message = missing_message(directory.path(), &missing);
        assert!(message.starts_with("zlint, kubectl not found"), "{message}");
        assert!(message.contains("cargo xtask tools"), "{message}");
    }

    #[test]
    fn the_message_of_a_missing_command_names_its_package() {
        let error = on_path("no-such-command", "some-package").unwrap_err().to_string();
        assert!(error.contains("no-such-command is not on the PATH"), "{error}");
        assert!(error.contains("apt-get install some-package"), "{error}");
        assert!(on_path("sh", "dash").unwrap().is_absolute());
    }

    #[test]
    fn the_workspace_is_the_directory_with_the_lock_file() {
        assert!(workspace().join("Cargo.lock").is_file());
    }
}
