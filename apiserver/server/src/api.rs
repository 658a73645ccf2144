//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::lifecycle::Lifecycle;
use crate::limits::Limits;
use crate::state::derived::Derived;
use crate::state::objects::Objects;

/// The parts of a server. Each knows those above it at most.
pub(crate) struct Api {
    /// What is stored.
    pub(crate) objects: Objects,
    /// What is made from it.
    pub(crate) derived: Arc<Derived>,
    /// Who may do what.
    pub(crate) access: Arc<Access>,
    /// What follows a write.
    pub(crate) lifecycle: Lifecycle,
    /// How much is done at one time.
    pub(crate) limits: Limits,
    /// The data directory, where there is one.
    pub(crate) data: Option<PathBuf>,
    /// The server is going down.
    pub(crate) stop: CancellationToken,
}
