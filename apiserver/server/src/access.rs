//! Who asks, and what they may do.

mod authentication;
mod authorization;
mod grants;

use std::sync::Arc;
use std::time::Duration;

use apiserver_access::Authentication;

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
}

impl Access {
    pub(crate) fn new(
        authentication: Authentication,
        longest_token: Duration,
        objects: Objects,
        derived: Arc<Derived>,
    ) -> Self {
        Self { authentication, longest_token, objects, derived }
    }
}
