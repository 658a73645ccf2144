//! Changes as callers ask for them.

use std::sync::Arc;

use bytes::Bytes;

use crate::object::{Key, Labels, Object};

/// The bytes to store, around the place of the revision: `head`, the revision in decimal digits, `tail`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// What stands before the revision.
    pub head: Vec<u8>,
    /// What stands after the revision.
    pub tail: Vec<u8>,
}

impl Value {
    pub(crate) fn len(&self) -> usize {
        self.head.len() + self.tail.len()
    }

    /// The bytes with `revision` in their place.
    pub(crate) fn at(&self, revision: u64) -> Bytes {
        let digits = revision.to_string();
        [self.head.as_slice(), digits.as_bytes(), self.tail.as_slice()].concat().into()
    }
}

/// What must hold at the commit for a write to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// There is no object of this key.
    Absent,
    /// There is no object of this key, and the collection has fewer objects than this in its namespace. Where both do
    /// not hold, the write is [`WriteError::Crowded`].
    Room(u64),
    /// The object is at this revision.
    Revision(u64),
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Creates the object or replaces it.
    Put(Value),
    /// Deletes the object. The value is its last version, which gets the deletion's revision.
    Delete(Value),
}

/// One conditional change of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which object.
    pub key: Key,
    /// What must hold. A deletion under [`Condition::Absent`] is always a conflict.
    pub condition: Condition,
    /// What to do.
    pub change: Change,
    /// The labels of the new version, sorted by name.
    pub labels: Labels,
    /// Another object that must be at this revision at the commit, else it is a conflict: what the write was allowed
    /// for, like the namespace that it goes into.
    pub given: Option<(Key, u64)>,
}

/// Why a write was not made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// The condition does not hold. Nothing was changed.
    #[error("the object changed meanwhile: {}", found(current.as_deref()))]
    Conflict {
        /// The object as it is, or none.
        current: Option<Arc<Object>>,
    },
    /// The namespace has no room for one more. Nothing was changed.
    #[error("the namespace holds {count} objects of the collection, and may hold no more")]
    Crowded {
        /// How many objects of the collection the namespace holds.
        count: u64,
    },
    /// The disk or its quota is full. The change was not made, unless `detail` says that the outcome is open: then a
    /// later read shows it.
    #[error("no space is left for the store: {detail}")]
    Full {
        /// What the system answered.
        detail: String,
    },
    /// The storage failed. The change was not made, unless `detail` says that the outcome is open: then a later read
    /// shows it.
    #[error("the store's file cannot be written: {detail}")]
    Storage {
        /// What the system answered.
        detail: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

fn found(current: Option<&Object>) -> String {
    current.map_or("it does not exist".into(), |object| {
        format!("{}/{} is at revision {}", object.key.namespace, object.key.name, object.revision)
    })
}
