//! Crash points: a facility for tests, which kills or halts the process between any two writes.
//!
//! `MESHROOT_CRASH_AT=<name>` ends the process the first time that it passes [`point`] with that name,
//! `MESHROOT_CRASH_AT=<name>:<n>` the n-th time (from 1). Nothing is flushed, closed or unwound: to the rest of the
//! world it is a power cut. `MESHROOT_STOP_AT=<name>` halts it (SIGSTOP) each time that it passes the point, until somebody
//! has it go on (SIGCONT): to the rest of the world it is away, and comes back with a write under way. Without the variables
//! a point costs two loads of initialised statics.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};

/// The environment variable that arms a crash point.
pub const VARIABLE: &str = "MESHROOT_CRASH_AT";

/// The environment variable that names the point at which the process halts.
pub const STOP_VARIABLE: &str = "MESHROOT_STOP_AT";

/// Ends or halts the process here if this passage of `name` is the armed one; otherwise does nothing.
pub fn point(name: &str) {
    crash(name);
    stop(name);
}

fn stop(name: &str) {
    static STOPS: OnceLock<Option<String>> = OnceLock::new();
    if STOPS.get_or_init(|| std::env::var(STOP_VARIABLE).ok()).as_deref() == Some(name) {
        // A process may always halt itself.
        let _ = kill_process(getpid(), Signal::STOP);
        // The signal may come to another thread first, and to this one a moment later.
        #[allow(clippy::disallowed_methods)]
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn crash(name: &str) {
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
