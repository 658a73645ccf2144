//! Changes as watches see them.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::object::Object;

/// What a change did to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The object was created.
    Added,
    /// The object was replaced by a newer version.
    Modified,
    /// The object was deleted.
    Deleted,
}

/// One durable change.
#[derive(Debug)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The new version; for a deletion the last one, at the deletion's revision.
    pub object: Arc<Object>,
    /// The version before; none for a creation.
    pub previous: Option<Arc<Object>>,
    frame: Mutex<Frame>,
}

/// The encoded form of an event. Old events keep none: a copy of each value of the history would double its memory.
#[derive(Debug)]
enum Frame {
    Unmade,
    Made(Bytes),
    Retired,
}

/// Memory of an event beside its values.
const OVERHEAD: usize = 256;

impl Event {
    pub(crate) fn new(kind: EventKind, object: Arc<Object>, previous: Option<Arc<Object>>) -> Self {
        Self { kind, object, previous, frame: Mutex::new(Frame::Unmade) }
    }

    /// The event's revision.
    pub fn revision(&self) -> u64 {
        self.object.revision
    }

    /// The event's encoded form. While the event is recent, `make` runs once for all watchers; for an old event it
    /// runs at each call. All callers must encode alike.
    pub fn cached(&self, make: impl FnOnce(&Event) -> Bytes) -> Bytes {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        match &*frame {
            Frame::Made(bytes) => bytes.clone(),
            Frame::Unmade => {
                let bytes = make(self);
                *frame = Frame::Made(bytes.clone());
                bytes
            }
            Frame::Retired => {
                drop(frame);
                make(self)
            }
        }
    }

    /// Drops the encoded form and keeps none from now on.
    pub(crate) fn retire_frame(&self) {
        *self.frame.lock().unwrap_or_else(PoisonError::into_inner) = Frame::Retired;
    }

    /// Bytes that are kept for the history alone: the superseded version, and the deleted one.
    pub(crate) fn cost(&self) -> usize {
        let deleted = if self.kind == EventKind::Deleted { self.object.size() } else { 0 };
        self.previous.as_ref().map_or(0, |previous| previous.size()) + deleted + OVERHEAD
    }

    /// The revisions of the records that only this event needs, once all older events are gone.
    pub(crate) fn records(&self) -> impl Iterator<Item = u64> + '_ {
        let deleted = (self.kind == EventKind::Deleted).then_some(self.object.revision);
        self.previous.as_ref().map(|previous| previous.revision).into_iter().chain(deleted)
    }
}
