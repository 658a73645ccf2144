//! Named checks, as kube-apiserver shows them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A condition for readiness. Clones set the same one.
#[derive(Clone, Debug)]
pub struct ReadyFlag(Arc<AtomicBool>);

impl ReadyFlag {
    /// Sets whether the condition is met.
    pub fn set(&self, ready: bool) {
        self.0.store(ready, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A part of the process that must show signs of life. Clones beat for the same one.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    limit: Duration,
    last: Arc<Mutex<Instant>>,
}

impl Heartbeat {
    /// A sign of life.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_alive(&self) -> bool {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed() <= self.limit
    }
}

#[derive(Default)]
pub(super) struct Checks {
    flags: Mutex<BTreeMap<String, ReadyFlag>>,
    hearts: Mutex<BTreeMap<String, Heartbeat>>,
}

/// The result of a set of checks, and its text: one line for each check.
pub(super) struct Report {
    pub(super) passed: bool,
    pub(super) text: String,
}

impl Checks {
    pub(super) fn readiness(&self, name: &str) -> ReadyFlag {
        let mut flags = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        let unset = || ReadyFlag(Arc::new(AtomicBool::new(false)));
        flags.entry(name.to_owned()).or_insert_with(unset).clone()
    }

    pub(super) fn heartbeat(&self, name: &str, limit: Duration) -> Heartbeat {
        let heart = Heartbeat { limit, last: Arc::new(Mutex::new(Instant::now())) };
        self.hearts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), heart.clone());
        heart
    }

    pub(super) fn ready(&self) -> Report {
        let flags = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        report("readyz", flags.iter().map(|(name, flag)| (name.as_str(), flag.is_set())))
    }

    pub(super) fn alive(&self) -> Report {
        let hearts = self.hearts.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::iter::once(("process", true));
        report(
            "healthz",
            process.chain(hearts.iter().map(|(name, heart)| (name.as_str(), heart.is_alive()))),
        )
    }
}

fn report<'a>(page: &str, checks: impl Iterator<Item = (&'a str, bool)>) -> Report {
    let mut text = String::new();
    let mut passed = true;
    for (name, ok) in checks {
        passed &= ok;
        // Writing to a String cannot fail.
        let _ =
            if ok { writeln!(text, "[+]{name} ok") } else { writeln!(text, "[-]{name} failed") };
    }
    let _ = writeln!(text, "{page} check {}", if passed { "passed" } else { "failed" });
    Report { passed, text }
}
