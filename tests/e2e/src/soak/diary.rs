//! What happened when: a line each, and what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Prints as it goes, and counts.
pub(crate) struct Diary {
    started: Instant,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    counts: BTreeMap<String, usize>,
    found: BTreeSet<String>,
}

impl Diary {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), kept: Mutex::default() }
    }

    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    pub(crate) fn say(&self, what: &str) {
        println!("  {:>7.1} s  {what}", self.started.elapsed().as_secs_f64());
    }

    /// One more of these.
    pub(crate) fn count(&self, what: &str) {
        *self.kept().counts.entry(what.to_owned()).or_default() += 1;
    }

    /// Something is not as it must be. What is said again is not news.
    pub(crate) fn found(&self, what: &str) {
        if self.kept().found.insert(what.to_owned()) {
            self.say(&format!("FOUND: {what}"));
        }
    }

    pub(crate) fn findings(&self) -> usize {
        self.kept().found.len()
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, usize> {
        self.kept().counts.clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
