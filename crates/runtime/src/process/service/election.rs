//! Working only while this process leads.

use kube::Client;
use meshroot_api::metrics::LEADER;
use prometheus_client::metrics::gauge::Gauge;
use tokio::task::{JoinError, JoinHandle};

use crate::kube::lease::{Leadership, LeaseSettings, elect};
use crate::process::shutdown::Shutdown;
use crate::process::telemetry::Telemetry;

/// This process's candidacy for a Lease. It outlives the work: the Lease is released once nothing writes any more.
pub struct Election {
    leadership: Leadership,
    /// 1 while this process leads.
    leader: Gauge,
    drained: Shutdown,
    task: JoinHandle<()>,
}

impl Election {
    /// Stands for election to the Lease that `settings` describe, and registers `meshroot_leader`.
    #[must_use]
    pub fn enter(client: Client, settings: LeaseSettings, telemetry: &Telemetry) -> Self {
        let (leader, drained) = (Gauge::default(), Shutdown::manual());
        telemetry.register(&LEADER, leader.clone());
        let (leadership, task) = elect(client, settings, drained.clone());
        Self { leadership, leader, drained, task }
    }

    /// Whether this process leads, for what asks before each write.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Runs `work` whenever this process leads, until the shutdown. Each term gets a shutdown of its own, which is
    /// triggered when the term is over; the next term begins after `work` has ended.
    pub(super) async fn lead<F>(&mut self, shutdown: &Shutdown, work: impl Fn(Shutdown) -> F)
    where
        F: Future<Output = ()>,
    {
        while !shutdown.is_triggered() {
            tokio::select! {
                fence = self.leadership.wait_until_leader() => {
                    tracing::info!(fence = fence.0, "this process leads");
                }
                () = shutdown.wait() => return,
            }
            self.leader.set(1);
            let term = Shutdown::manual();
            let working = work(term.clone());
            tokio::pin!(working);
            tokio::select! {
                () = &mut working => {}
                () = self.leadership.lost() => {
                    tracing::warn!("this process no longer leads");
                    term.trigger();
                    working.await;
                }
                () = shutdown.wait() => {
                    term.trigger();
                    working.await;
                }
            }
            self.leader.set(0);
        }
    }

    /// Releases the Lease if it is held, so that the next process leads at once.
    ///
    /// # Errors
    /// The election panicked.
    pub(super) async fn end(self) -> Result<(), JoinError> {
        self.drained.trigger();
        self.task.await
    }
}
