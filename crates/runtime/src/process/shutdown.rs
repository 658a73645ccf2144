//! The one signal at which every part of a process finishes.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// Triggered once, seen by every clone, and never taken back.
///
/// On the first SIGTERM or SIGINT parts finish what they are doing and return; a second signal ends the process at
/// once, so that a person is never stuck with one that does not finish.
#[derive(Clone, Debug)]
pub struct Shutdown {
    triggered: Arc<watch::Sender<bool>>,
}

impl Shutdown {
    /// A shutdown that only [`trigger`](Self::trigger) sets off.
    #[must_use]
    pub fn manual() -> Self {
        Self { triggered: Arc::new(watch::Sender::new(false)) }
    }

    /// A shutdown that SIGTERM and SIGINT set off. Needs a running tokio runtime.
    ///
    /// # Errors
    /// The operating system refused to register a signal handler.
    pub fn on_signals() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let shutdown = Self::manual();
        tokio::spawn(trigger_on(shutdown.clone(), terminate, interrupt));
        Ok(shutdown)
    }

    /// Asks every part to finish. Harmless when repeated.
    pub fn trigger(&self) {
        self.triggered.send_replace(true);
    }

    /// Whether the parts are to finish.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.triggered.borrow()
    }

    /// Returns once it is triggered; at once if it already was.
    pub async fn wait(&self) {
        let mut triggered = self.triggered.subscribe();
        // The sender lives in `self`, so this cannot end early.
        let _ = triggered.wait_for(|triggered| *triggered).await;
    }
}

async fn trigger_on(shutdown: Shutdown, mut terminate: Signal, mut interrupt: Signal) {
    let first = either(&mut terminate, &mut interrupt).await;
    tracing::info!(signal = first, "shutting down");
    shutdown.trigger();
    let second = either(&mut terminate, &mut interrupt).await;
    tracing::warn!(signal = second, "second signal: ending at once");
    std::process::exit(EXIT_FORCED);
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}

/// Exit status of a process that received two signals.
const EXIT_FORCED: i32 = 130;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_a_shutdown_and_late_waiters_return_at_once() {
        let shutdown = Shutdown::manual();
        let clone = shutdown.clone();
        let waiting = tokio::spawn(async move { clone.wait().await });
        assert!(!shutdown.is_triggered());
        shutdown.trigger();
        shutdown.trigger();
        waiting.await.expect("the waiter ends");
        shutdown.wait().await;
        assert!(shutdown.is_triggered());
    }
}
