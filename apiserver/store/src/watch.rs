//! Watches: cursors into the history of a collection.

use std::sync::Arc;

use tokio::sync::watch::Receiver;

use crate::{collection::Collection, event::Event, listing::Expired, state::Shared};

/// Why a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The watch fell behind: events it did not take yet have left the history.
    #[error("the watch fell behind: the history starts at revision {oldest}: list anew")]
    Behind {
        /// The oldest revision that can be watched from.
        oldest: u64,
    },
    /// The store was closed, and all of its events were taken.
    #[error("the store is closed")]
    Closed,
}

/// A cursor into a collection's history. It costs nothing while nothing happens, and holds no events.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    changes: Receiver<()>,
    collection: Arc<str>,
    scope: Option<Box<str>>,
    /// Every event up to here was delivered or concerns others.
    cursor: u64,
}

impl Watch {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        collection: &Collection,
        scope: Option<&str>,
        from: u64,
    ) -> Result<Self, Expired> {
        let oldest = collection.history.compacted;
        if from < oldest {
            return Err(Expired { oldest });
        }
        Ok(Self {
            shared: Arc::clone(shared),
            changes: collection.changes.subscribe(),
            collection: Arc::clone(collection.name()),
            scope: scope.map(Into::into),
            cursor: from,
        })
    }

    /// The next event, once there is one. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Result<Arc<Event>, Lost> {
        loop {
            // Before the look at the state, so that a change after the look wakes this.
            self.changes.mark_unchanged();
            if let Some(event) = self.try_next()? {
                return Ok(event);
            }
            if self.changes.changed().await.is_err() {
                return Err(Lost::Closed);
            }
        }
    }

    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Result<Option<Arc<Event>>, Lost> {
        let state = self.shared.read();
        if let Some(collection) = state.collections.get(&self.collection) {
            let oldest = collection.history.compacted;
            if self.cursor < oldest {
                return Err(Lost::Behind { oldest });
            }
            let event = collection.history.after(self.cursor).find(|event| self.concerns(event));
            if let Some(event) = event {
                self.cursor = event.revision();
                return Ok(Some(Arc::clone(event)));
            }
        }
        self.cursor = self.cursor.max(state.revision);
        if state.closed { Err(Lost::Closed) } else { Ok(None) }
    }

    /// The revision up to which every event was delivered or concerns others. It advances with the whole store.
    pub fn revision(&self) -> u64 {
        let state = self.shared.read();
        let Some(collection) = state.collections.get(&self.collection) else {
            return self.cursor.max(state.revision);
        };
        let history = &collection.history;
        if self.cursor < history.compacted {
            return self.cursor;
        }
        match history.after(self.cursor).find(|event| self.concerns(event)) {
            Some(pending) => pending.revision() - 1,
            None => self.cursor.max(state.revision),
        }
    }

    fn concerns(&self, event: &Event) -> bool {
        self.scope.as_deref().is_none_or(|scope| *scope == *event.object.key.namespace)
    }
}
