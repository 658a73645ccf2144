//! What an open watch rests on.

use std::sync::{Arc, Weak};
use std::time::Duration;

use apiserver_object::Verb;
use tokio::sync::watch;

use crate::access::Access;
use crate::access::authentication::{Caller, refused};
use crate::clock;
use crate::failure::Failure;
use crate::request::path::ResourcePath;

/// The credential and the rights by which a watch was opened. It is looked at again after each change of roles, bindings
/// and accounts, not with each event.
pub(crate) struct Standing {
    /// A watch that is never read must not hold the server's file.
    access: Weak<Access>,
    caller: Caller,
    path: ResourcePath,
    unsettled: watch::Receiver<()>,
}

impl Standing {
    /// A look at credential and rights anew, since what a request found may be some seconds old.
    pub(crate) fn new(
        access: &Arc<Access>,
        caller: Caller,
        path: ResourcePath,
    ) -> Result<Self, Failure> {
        // Subscribed before the look: a change after it is noticed.
        let unsettled = access.unsettled.subscribe();
        let standing = Self { access: Arc::downgrade(access), caller, path, unsettled };
        standing.check(access)?;
        Ok(standing)
    }

    /// How long the credential is good; `None` where it does not end.
    pub(crate) fn left(&self) -> Option<Duration> {
        let ends = self.caller.identity.token.as_ref()?.refused_from();
        Some(Duration::try_from(ends.duration_since(clock::now())).unwrap_or_default())
    }

    /// Whether the caller may go on; looks only where something has changed since the last time.
    pub(crate) fn holds(&mut self) -> bool {
        match self.unsettled.has_changed() {
            Ok(false) => true,
            Ok(true) => {
                self.unsettled.mark_unchanged();
                self.access.upgrade().is_some_and(|access| self.check(&access).is_ok())
            }
            Err(_) => false,
        }
    }

    /// Waits until there is a reason to ask [`Self::holds`].
    pub(crate) async fn unsettled(&mut self) {
        // The end of the server is a reason too.
        let _ = self.unsettled.changed().await;
        self.unsettled.mark_changed();
    }

    fn check(&self, access: &Access) -> Result<(), Failure> {
        let Caller { identity, impersonation, user } = &self.caller;
        if let Some(token) = &identity.token {
            let good = token.check_time(clock::now());
            let good = good.and_then(|()| token.check_existence(&access.objects));
            good.map_err(|error| {
                tracing::debug!(%error, user = user.name, "a watch's credential does not hold");
                Failure::unauthorized()
            })?;
        }
        if let Some(wanted) = impersonation {
            wanted.check(&identity.user, &access.derived.rbac()).map_err(refused)?;
        }
        access.authorize_resource(user, Some(Verb::Watch), &self.path)
    }
}
