//! Failures of the file.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this process, has the file.
    #[error("{} is in use by another process: stop it, or give this one another file", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a file of this store: {detail}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The file was written by a newer release.
    #[error("{} has format {found}, this release reads up to {known}: use a newer release", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: u64,
        /// The newest format that this release reads.
        known: u64,
    },
    /// The file is damaged.
    #[error("{} is damaged: {detail}; restore it from a snapshot", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found, and where.
        detail: String,
    },
    /// The file cannot be read or written.
    #[error("{} cannot be opened: {detail}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        detail: String,
    },
}

/// A failed operation on the file.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// No space is left.
    pub(crate) full: bool,
    pub(crate) detail: String,
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let full = match &error {
            redb::Error::Io(error) => matches!(
                error.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
            ),
            _ => false,
        };
        Self { full, detail: error.to_string() }
    }
}

/// What a failure to open means for `path`.
pub(crate) fn open_error(path: &Path, error: redb::Error) -> OpenError {
    let path = path.to_path_buf();
    match error {
        redb::Error::DatabaseAlreadyOpen => OpenError::InUse { path },
        redb::Error::Corrupted(detail) => OpenError::Damaged { path, detail },
        redb::Error::UpgradeRequired(version) => OpenError::Foreign {
            path,
            detail: format!("it is of version {version} of the redb format"),
        },
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            OpenError::Foreign { path, detail: error.to_string() }
        }
        redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableDoesNotExist(_)
        | redb::Error::TableIsMultimap(_) => OpenError::Foreign { path, detail: error.to_string() },
        error => OpenError::Storage { path, detail: error.to_string() },
    }
}
