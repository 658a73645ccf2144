//! Checking a file before it is used.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    collection::Collection,
    failure::{OpenError, open_error},
    log,
};

/// What a store's file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The store's identity.
    pub identity: u128,
    /// The newest revision.
    pub revision: u64,
    /// Live objects.
    pub objects: usize,
    /// Records: of the live objects and of the history.
    pub records: u64,
    /// The length of the file.
    pub bytes: u64,
}

/// Why a file is no good store.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file was not closed by its process.
    #[error("{} was not closed, or is cut short: if it is a server's own file, take a snapshot from the running server", path.display())]
    Unclosed {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened, or is damaged.
    #[error(transparent)]
    Open(#[from] OpenError),
}

pub(crate) const CACHE_BYTES: usize = 8 << 20;

/// Reads a closed file wholly.
pub(crate) fn contents(path: &Path) -> Result<log::Contents, VerifyError> {
    let database = log::open_read_only(path, CACHE_BYTES).map_err(|error| match error {
        redb::Error::RepairAborted => VerifyError::Unclosed { path: path.into() },
        error => open_error(path, error).into(),
    })?;
    Ok(log::contents(&database, path)?)
}

pub(crate) fn verify(path: &Path) -> Result<Summary, VerifyError> {
    let contents = contents(path)?;
    let objects = contents.state.collections.values().map(Collection::count).sum();
    let bytes = fs::metadata(path).map_err(|error| open_error(path, redb::Error::Io(error)))?.len();
    Ok(Summary {
        identity: contents.identity,
        revision: contents.state.revision,
        objects,
        records: contents.records,
        bytes,
    })
}
