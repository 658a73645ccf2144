//! Changes of what open watches rest on.

use std::sync::Arc;
use std::time::Duration;

use apiserver_store::{Event, EventKind, Lost, Object};
use futures::stream::{self, BoxStream, SelectAll};
use futures::{FutureExt as _, StreamExt as _};
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::object::{metadata, token_secret};
use crate::state::collections::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NODES, PODS, ROLE_BINDINGS, ROLES, SECRETS,
    SERVICE_ACCOUNTS,
};
use crate::state::objects::{self, Objects};

/// Many changes in a row make one look: each costs a little for every watch that is open.
const PAUSE: Duration = Duration::from_secs(1);

const SOURCES: [&str; 8] = [
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    ROLES,
    ROLE_BINDINGS,
    SERVICE_ACCOUNTS,
    SECRETS,
    PODS,
    NODES,
];

impl Access {
    /// Tells open watches when rights or accounts have changed, until the server stops.
    pub(crate) async fn unsettle_watches(&self, stop: &CancellationToken) {
        let sources = SOURCES.map(|collection| changes(self.objects.clone(), collection));
        let mut changes: SelectAll<_> = stream::select_all(sources);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                change = changes.next() => if change.is_none() { return },
            }
            // Those that came meanwhile are part of the same look.
            while let Some(Some(())) = changes.next().now_or_never() {}
            self.unsettled.send_replace(());
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }
}

/// The changes of a collection that may end a watch.
fn changes(objects: Objects, collection: &'static str) -> BoxStream<'static, ()> {
    let open = move || objects.store.watch(collection, None, objects.revision()).ok();
    let watch = open();
    let next = stream::unfold((watch, open), |(watch, open)| async move {
        let mut watch = watch?;
        match watch.next().await {
            Ok(event) => Some((matters(&event), (Some(watch), open))),
            // What was missed may have been one.
            Err(Lost::Behind { .. }) => Some((true, (open(), open))),
            Err(Lost::Closed) => None,
        }
    });
    next.filter_map(async |matters| matters.then_some(())).boxed()
}

/// Whether somebody may have lost something: an account or what a token is bound to is gone, or what holds a token
/// or gives a right is another.
fn matters(event: &Arc<Event>) -> bool {
    match event.object.key.collection.as_ref() {
        SERVICE_ACCOUNTS => {
            event.kind == EventKind::Deleted
                || objects::value(&event.object)
                    .is_none_or(|account| metadata::is_being_deleted(&account))
        }
        SECRETS | PODS | NODES => {
            let held_token = |previous: &Arc<Object>| token_secret::read(previous).is_some();
            event.kind == EventKind::Deleted || event.previous.as_ref().is_some_and(held_token)
        }
        _ => true,
    }
}
