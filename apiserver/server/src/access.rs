//! Who asks, and what they may do.

pub(crate) mod authentication;
mod authorization;
mod changes;
mod grants;
pub(crate) mod standing;

use std::sync::Arc;
use std::time::Duration;

use apiserver_access::Authentication;
use tokio::sync::watch;

use crate::state::derived::Derived;
use crate::state::objects::Objects;

/// Decides on users and their rights; it writes nothing.
pub(crate) struct Access {
    /// The credentials that are good.
    pub(crate) authentication: Authentication,
    /// How long a ServiceAccount's token lives at most.
    pub(crate) longest_token: Duration,
    /// What tokens are bound to.
    objects: Objects,
    derived: Arc<Derived>,
    /// Wakes open watches where their users may have lost something.
    unsettled: watch::Sender<()>,
}

impl Access {
    pub(crate) fn new(
        authentication: Authentication,
        longest_token: Duration,
        objects: Objects,
        derived: Arc<Derived>,
    ) -> Self {
        let (unsettled, _) = watch::channel(());
        Self { authentication, longest_token, objects, derived, unsettled }
    }
}
