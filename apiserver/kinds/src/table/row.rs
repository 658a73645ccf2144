//! The row of one object: its values and the moment at which ages are taken.

use jiff::Timestamp;
use serde_json::Value;

use crate::reading::Reading;
use crate::time;

/// The row of one object: its values and the moment at which ages are taken.
pub(super) struct Row<'a> {
    pub(super) object: &'a Value,
    pub(super) now: Timestamp,
}

impl Row<'_> {
    pub(super) fn name(&self) -> Value {
        self.cell(&["metadata", "name"])
    }

    pub(super) fn cell(&self, path: &[&str]) -> Value {
        self.object.text(path).into()
    }

    pub(super) fn since(&self, path: &[&str]) -> String {
        time::age(self.object.text(path), self.now)
    }

    pub(super) fn age(&self) -> Value {
        self.since(&["metadata", "creationTimestamp"]).into()
    }

    pub(super) fn count(&self, path: &[&str]) -> Value {
        self.object.fields(path).map_or(0, serde_json::Map::len).into()
    }

    pub(super) fn keys(&self, fields: &[&str]) -> Value {
        let count = |field: &&str| self.object.fields(&[field]).map_or(0, serde_json::Map::len);
        fields.iter().map(count).sum::<usize>().into()
    }
}
