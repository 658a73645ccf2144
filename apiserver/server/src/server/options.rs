//! How a server is started, and why one is not.

use std::net::SocketAddr;
use std::path::PathBuf;

use apiserver_store as store;

use crate::server::keys::{AdminToken, KeyError};

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directory of the server's file and keys, made with mode 0700 where it is not there. Without it everything is in
    /// memory and gone with the process.
    pub data: Option<PathBuf>,
    /// Names and addresses that clients connect to, beside `localhost`, the loopback addresses and
    /// `kubernetes.default.svc`; they go into the serving certificate.
    pub hosts: Vec<String>,
    /// Make a new token for the administrator; the one before is refused from then on.
    pub new_admin: bool,
    /// Make one more token for the administrator; those before stay good.
    pub another_admin: bool,
    /// Limits of the store.
    pub store: store::Options,
}

impl Options {
    pub(super) fn admin(&self) -> AdminToken {
        match (self.new_admin, self.another_admin) {
            (true, _) => AdminToken::Replaced,
            (false, true) => AdminToken::OneMore,
            (false, false) => AdminToken::Kept,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data directory cannot be made, or its file not be opened.
    #[error("opening {path} failed: {error}")]
    Directory {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The file cannot be used.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// A key or certificate cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// An address cannot be listened on.
    #[error("listening on {address} failed: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        error: std::io::Error,
    },
    /// The first objects could not be stored.
    #[error("storing {what} failed: {error}")]
    First {
        /// What was to be stored.
        what: String,
        /// The store's error.
        error: store::WriteError,
    },
}
