//! The recent events of one collection.

use std::{collections::VecDeque, sync::Arc};

use crate::{event::Event, options::Options};

/// Events whose encoded form is kept.
const FRAMES: usize = 256;

/// The recent events of one collection, in the order of their revisions.
#[derive(Debug, Default)]
pub(crate) struct History {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    /// The newest revision whose event is gone: every later event of the collection is here.
    pub(crate) compacted: u64,
}

impl History {
    pub(crate) fn push(&mut self, event: Arc<Event>) {
        self.bytes += event.cost();
        self.events.push_back(event);
        if let Some(old) =
            self.events.len().checked_sub(FRAMES + 1).and_then(|place| self.events.get(place))
        {
            old.retire_frame();
        }
    }

    /// Removes the oldest event.
    pub(crate) fn pop(&mut self) -> Option<Arc<Event>> {
        let event = self.events.pop_front()?;
        self.bytes -= event.cost();
        self.compacted = event.revision();
        Some(event)
    }

    /// The events later than `revision`, oldest first.
    pub(crate) fn after(&self, revision: u64) -> impl DoubleEndedIterator<Item = &Arc<Event>> {
        let start = self.events.partition_point(|event| event.revision() <= revision);
        self.events.range(start..)
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.events.iter()
    }

    /// The events that must go once `new` is added, oldest first. The newest event always stays, and with it its
    /// record: the log's last record tells the last revision that was used.
    pub(crate) fn excess<'a>(
        &'a self,
        new: &'a [Arc<Event>],
        options: &Options,
    ) -> Vec<&'a Arc<Event>> {
        let mut count = self.events.len() + new.len();
        let mut bytes = self.bytes + new.iter().map(|event| event.cost()).sum::<usize>();
        let mut excess = Vec::new();
        for event in self.events.iter().chain(new) {
            if count <= 1 || (count <= options.history_events && bytes <= options.history_bytes) {
                break;
            }
            count -= 1;
            bytes -= event.cost();
            excess.push(event);
        }
        excess
    }
}
