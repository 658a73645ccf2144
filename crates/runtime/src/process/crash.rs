//! Crash points: a facility for tests, which kills the process between any two writes.
//!
//! `MESHROOT_CRASH_AT=<name>` ends the process the first time that it passes [`point`] with that name,
//! `MESHROOT_CRASH_AT=<name>:<n>` the n-th time (from 1). Nothing is flushed, closed or unwound: to the rest of the
//! world it is a power cut. Without the variable a point costs one load of an initialised static.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The environment variable that arms a crash point.
pub const VARIABLE: &str = "MESHROOT_CRASH_AT";

/// Ends the process here if this passage of `name` is the armed one; otherwise does nothing.
pub fn point(name: &str) {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    let armed =
        ARMED.get_or_init(|| std::env::var(VARIABLE).ok().as_deref().and_then(Armed::parse));
    if armed.as_ref().is_some_and(|armed| armed.fires_at(name)) {
        // Unbuffered and best effort: what matters is that nothing runs after it.
        let _ =
            writeln!(std::io::stderr(), "meshroot: crash point {name} reached, ending the process");
        std::process::abort();
    }
}

#[derive(Debug)]
struct Armed {
    name: String,
    passage: u64,
    passed: AtomicU64,
}

impl Armed {
    fn parse(text: &str) -> Option<Self> {
        let (name, passage) = match text.rsplit_once(':') {
            Some((name, count)) => (name, count.parse().ok().filter(|n| *n > 0)?),
            None => (text, 1),
        };
        (!name.is_empty()).then(|| Self {
            name: name.to_owned(),
            passage,
            passed: AtomicU64::new(0),
        })
    }

    fn fires_at(&self, name: &str) -> bool {
        self.name == name && self.passed.fetch_add(1, Ordering::Relaxed) + 1 == self.passage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_fires_at_its_first_passage_only() {
        let armed = Armed::parse("sign").unwrap();
        assert!(!armed.fires_at("record"));
        assert!(armed.fires_at("sign"));
        assert!(!armed.fires_at("sign"));
    }

    #[test]
    fn a_counted_name_fires_at_that_passage() {
        let armed = Armed::parse("sign:3").unwrap();
        assert_eq!([false, false, true, false], [(); 4].map(|()| armed.fires_at("sign")));
    }

    #[test]
    fn a_malformed_count_arms_nothing() {
        for text in ["", "sign:", "sign:0", "sign:x", ":2"] {
            assert!(Armed::parse(text).is_none(), "{text:?}");
        }
    }
}
