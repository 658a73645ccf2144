//! Where a watch begins.

use std::collections::VecDeque;
use std::sync::Arc;

use apiserver_kinds::Kind;
use apiserver_store as store;

use crate::failure::Failure;
use crate::read::revision;
use crate::read::selection::Selection;
use crate::request::parameters::Parameters;
use crate::state::objects::Objects;

/// What is sent at once.
pub(super) enum Ready {
    Added(Arc<store::Object>),
    /// All objects that were there were sent.
    InitialEnd(u64),
}

/// Where events come from.
pub(super) enum Source {
    Live(store::Watch),
    /// The watch ends with this failure.
    Failed(Failure),
    Ended,
}

/// The objects that are there, and the events after them.
pub(super) struct Start {
    pub(super) ready: VecDeque<Ready>,
    pub(super) source: Source,
}

impl Start {
    pub(super) fn read(
        objects: &Objects,
        kind: &Kind,
        selection: &Selection,
        parameters: &Parameters,
    ) -> Result<Self, Failure> {
        let asked = revision::parse(&parameters.resource_version)?;
        let with_objects = parameters.send_initial_events.unwrap_or(asked == 0);
        let (revision, mut ready) = match asked {
            _ if with_objects => existing(objects, kind, selection, asked)?,
            // Only what comes from now on.
            0 => (objects.revision(), VecDeque::new()),
            _ => (asked, VecDeque::new()),
        };
        if parameters.send_initial_events == Some(true) {
            ready.push_back(Ready::InitialEnd(revision));
        }
        Ok(Self { ready, source: Source::open(objects, kind, selection, revision) })
    }
}

/// The objects that are there, and the revision at which they are.
fn existing(
    objects: &Objects,
    kind: &Kind,
    selection: &Selection,
    asked: u64,
) -> Result<(u64, VecDeque<Ready>), Failure> {
    let namespace = selection.namespace.as_deref();
    let listing = objects.store.list(&kind.storage_collection, namespace, None, 0, None);
    let listing = listing.map_err(|expired| Failure::too_old(asked, expired.oldest))?;
    let selected = listing.objects.into_iter().filter(|object| selection.matches(kind, object));
    Ok((listing.revision, selected.map(Ready::Added).collect()))
}

impl Source {
    fn open(objects: &Objects, kind: &Kind, selection: &Selection, revision: u64) -> Self {
        let current = objects.revision();
        // A revision from the future is one of another history: the client must list again.
        let opened = if revision > current {
            Err(current)
        } else if revision < objects.floor {
            Err(objects.floor)
        } else {
            objects
                .store
                .watch(&kind.storage_collection, selection.namespace.as_deref(), revision)
                .map_err(|expired| expired.oldest)
        };
        match opened {
            Ok(watch) => Self::Live(watch),
            Err(oldest) => Self::Failed(Failure::too_old(revision, oldest)),
        }
    }
}
