//! How a server is started, and why one is not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use apiserver_store as store;

use crate::server::keys::{AdminToken, KeyError};

/// A stolen token is of use no longer than this. What renews its own token asks for less.
const LONGEST_TOKEN: Duration = Duration::from_hours(30 * 24);

/// How a server is started.
#[derive(Debug, Clone)]
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
    /// The longest life of a ServiceAccount's token. Who asks for more gets this much and a warning, as with
    /// kube-apiserver's `--service-account-max-token-expiration`. 30 days unless said otherwise.
    pub longest_token: Duration,
    /// Limits of the store.
    pub store: store::Options,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data: None,
            hosts: Vec::new(),
            new_admin: false,
            another_admin: false,
            longest_token: LONGEST_TOKEN,
            store: store::Options::default(),
        }
    }
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
