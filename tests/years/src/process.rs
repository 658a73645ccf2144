//! Hub or agent, started and ended.

use std::time::Duration;

use anyhow::{Result, ensure};
use meshroot_runtime::process::shutdown::Shutdown;
use tokio::task::JoinHandle;

use crate::time::Time;

/// The longest that may be asked for: whoever is not looked at for a while leads no more, as a process that was stopped.
pub(crate) const LEASE: Duration = Duration::from_mins(10);

/// One that works until it is ended.
pub(crate) struct Process {
    shutdown: Shutdown,
    task: JoinHandle<Result<()>>,
}

impl Process {
    pub(crate) fn start<F>(work: impl FnOnce(Shutdown) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let shutdown = Shutdown::manual();
        let task = tokio::spawn(work(shutdown.clone()));
        Self { shutdown, task }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends it; what it waits for takes time.
    pub(crate) async fn end(self, time: &mut Time) -> Result<()> {
        self.shutdown.trigger();
        time.settle().await;
        let mut waited = 0;
        while !self.task.is_finished() {
            ensure!(waited < MOST_WAITED, "a process does not end");
            waited += 1;
            time.pass(Duration::from_secs(1)).await?;
        }
        self.task.await?
    }
}

/// Seconds.
const MOST_WAITED: u32 = 600;
