//! Where things are in this repository.

use std::path::{Path, PathBuf};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Cargo's target directory, absolute.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// Where the real parts that tests run against are built to.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// The directory of built binaries.
pub(crate) fn binaries(release: bool) -> PathBuf {
    target().join(if release { "release" } else { "debug" })
}

/// Whether this runs under continuous integration, where nothing may be skipped.
pub(crate) fn under_ci() -> bool {
    std::env::var_os("CI").is_some()
}
