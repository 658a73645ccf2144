//! A data directory made from a backup, and what a restored server does not take for granted.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use apiserver_store::{Key, Marker, RestoreError, SnapshotSummary, Store};
use serde_json::json;

use crate::object::encoding;

/// The file that holds everything, in the data directory.
pub const STATE_FILE: &str = "state.redb";

/// Stored by a restore, beside the keys: its revision is the one that the restored server began with.
const COLLECTION: &str = "server";
const RESTORED: &str = "restored";

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFailure {
    /// The directory cannot be made.
    #[error("making the directory {path} failed: {error}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The backup cannot be used, or the state not be written.
    #[error(transparent)]
    Store(#[from] RestoreError),
}

/// Makes the state of a data directory from a snapshot, with the same keys and certificates: tokens and clients go on
/// working. Overwrites nothing.
pub fn restore(snapshot: &Path, data: &Path) -> Result<SnapshotSummary, RestoreFailure> {
    let failed = |error| RestoreFailure::Directory { path: data.to_owned(), error };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let value = encoding::stored(&json!({ "kind": "Restored", "apiVersion": "" }));
    let marker = Marker { key: Key::new(COLLECTION, "", RESTORED), value };
    Ok(Store::restore(snapshot, &data.join(STATE_FILE), &marker)?)
}

/// The revision before which nothing can be watched or listed: the server that the backup was taken from may have gone
/// on, and what it did is not known here.
pub(crate) fn floor(store: &Store) -> u64 {
    store.read(COLLECTION, "", RESTORED).map_or(0, |marker| marker.revision)
}
