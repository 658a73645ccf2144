//! What follows a write. A definition is established and roles are collected before the writer is answered; later a
//! Namespace and a CustomResourceDefinition take their content with them, and dependents follow their owner. In a
//! cluster the controller manager does the latter; here nobody else would.

mod definitions;
mod dependents;
mod events;
pub(crate) mod finalizers;
mod namespaces;
mod quotas;
mod rewrite;
mod roles;
mod token_secrets;
mod work;
mod worker;

use std::sync::Arc;

use apiserver_store as store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::lifecycle::work::{Owner, Work};
use crate::object::metadata;
use crate::state::collections::{CLUSTER_ROLES, DEFINITIONS, SECRETS, SERVICE_ACCOUNTS};
use crate::state::objects::{self, Objects};

/// Writes what follows the writes of clients.
pub(crate) struct Lifecycle {
    objects: Objects,
    /// Makes the tokens that Secrets hold.
    access: Arc<Access>,
    /// What clients trust, for the same Secrets.
    ca_pem: String,
    work: mpsc::UnboundedSender<Work>,
    stop: CancellationToken,
}

impl Lifecycle {
    /// What is left for later comes out of the receiver, for [`Self::run`].
    pub(crate) fn new(
        objects: Objects,
        access: Arc<Access>,
        ca_pem: String,
        stop: CancellationToken,
    ) -> (Self, mpsc::UnboundedReceiver<Work>) {
        let (work, receiver) = mpsc::unbounded_channel();
        (Self { objects, access, ca_pem, work, stop }, receiver)
    }

    /// Does what belongs to a write before its writer is answered, and leaves the rest for later.
    pub(crate) async fn committed(&self, stored: &store::Object, deleted: bool) {
        match (stored.key.collection.as_ref(), deleted) {
            (DEFINITIONS, true) => self.settle_refused_definitions().await,
            (DEFINITIONS, false) => self.settle_definition(&stored.key.name).await,
            (CLUSTER_ROLES, _) => self.settle_aggregated_roles().await,
            (SECRETS, false) => self.settle_token_secret(stored).await,
            _ => {}
        }
        self.follow_up(stored, deleted);
    }

    /// Leaves for later what a write leads to.
    fn follow_up(&self, stored: &store::Object, deleted: bool) {
        self.count_later(stored, deleted);
        let later = |work: Work| {
            // The receiver lives as long as the server.
            let _ = self.work.send(work);
        };
        if deleted {
            let uid = objects::value(stored)
                .map(|object| metadata::uid(&object).to_owned())
                .unwrap_or_default();
            later(Work::Dependents(Owner { namespace: stored.key.namespace.to_string(), uid }));
            later(Work::DefinitionMaybeEmpty(stored.key.collection.to_string()));
            if *stored.key.collection == *SERVICE_ACCOUNTS {
                later(Work::TokenSecrets(stored.key.namespace.to_string()));
            }
            if !stored.key.namespace.is_empty() {
                later(Work::NamespaceMaybeEmpty(stored.key.namespace.to_string()));
            }
        } else if finalizers::is_ending(stored) {
            later(Work::Ending(stored.key.clone()));
        }
    }
}
