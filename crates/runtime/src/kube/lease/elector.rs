//! The election: look, claim, hold, release.

use std::pin::Pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::record::{self, claimed, holder, is_of_term, released, renewed};
use super::{Fence, Held, LeadershipSender, LeaseSettings};
use crate::jitter::jittered;
use crate::kube::write::{self, Written};
use crate::process::clock;
use crate::process::shutdown::Shutdown;

pub(super) struct Elector {
    api: Api<Lease>,
    settings: LeaseSettings,
    leadership: LeadershipSender,
    seen: Option<Seen>,
    /// The greatest number of a term that this process has seen: survives a deletion of the Lease.
    greatest: u64,
}

/// A record, and since when it has stood like this as far as we saw.
struct Seen {
    spec: Option<LeaseSpec>,
    since: Instant,
}

/// The leader's own record, as last stored.
struct Term {
    fence: Fence,
    lease: Lease,
    until: Instant,
}

enum Renewal {
    Stored(Box<Lease>),
    /// Another holds the Lease, or it is gone.
    Taken,
    /// The API did not take the renewal and does not say that another holds the Lease.
    Failed(String),
}

enum End {
    Lost(&'static str),
    Shutdown,
}

/// The Lease each time that it changes; `None` when it is gone.
type Changes = Pin<Box<dyn Stream<Item = watcher::Result<Option<Lease>>> + Send>>;

impl Elector {
    pub(super) fn new(
        client: Client,
        mut settings: LeaseSettings,
        leadership: LeadershipSender,
    ) -> Self {
        settings.retry = settings.retry.min(settings.duration / 3);
        let api = Api::namespaced(client, &settings.namespace);
        Self { api, settings, leadership, seen: None, greatest: 0 }
    }

    pub(super) async fn run(mut self, shutdown: Shutdown) {
        let mut changes: Changes = Box::pin(
            watcher::watch_object(self.api.clone(), &self.settings.name).default_backoff(),
        );
        while !shutdown.is_triggered() {
            // Not cut off by the shutdown: a claim that was stored unseen would block the next leader.
            match self.attempt().await {
                Some(term) => self.lead(term, &mut changes, &shutdown).await,
                None => self.pause(&mut changes, &shutdown).await,
            }
        }
    }

    /// Looks at the Lease and claims it if nobody holds it any more.
    async fn attempt(&mut self) -> Option<Term> {
        match timeout(self.settings.retry, self.look_and_claim()).await {
            Ok(Ok(term)) => term,
            Ok(Err(problem)) => {
                tracing::warn!(
                    lease = self.settings.name,
                    problem,
                    "cannot stand for election, trying again"
                );
                None
            }
            Err(_) => {
                tracing::warn!(
                    lease = self.settings.name,
                    "cannot stand for election: no answer in time"
                );
                None
            }
        }
    }

    async fn look_and_claim(&mut self) -> Result<Option<Term>, String> {
        let found = self
            .api
            .get_opt(&self.settings.name)
            .await
            .map_err(|error| write::classify(&error).to_string())?;
        if let Some(lease) = &found {
            self.observe(lease);
            if Instant::now() < self.free_at(lease) {
                return Ok(None);
            }
        }
        let fence = Fence(self.greatest + 1);
        let claim = claimed(found, &self.settings, fence, clock::now());
        let begun = Instant::now();
        let Some(lease) = self.store_claim(&claim).await? else { return Ok(None) };
        self.observe(&lease);
        Ok(Some(Term { fence, lease, until: self.certain_until(begun) }))
    }

    /// Stores a claim; `None` if another was faster.
    async fn store_claim(&self, claim: &Lease) -> Result<Option<Lease>, String> {
        let stored = if claim.metadata.resource_version.is_some() {
            write::replace(&self.api, claim).await
        } else {
            match write::create_if_absent(&self.api, claim).await {
                Ok(Written::Existed(_)) => return Ok(None),
                created => created.map(Written::into_object),
            }
        };
        match stored {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if error.is_conflict() || error.is_not_found() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn lead(&mut self, mut term: Term, changes: &mut Changes, shutdown: &Shutdown) {
        tracing::info!(
            lease = self.settings.name,
            holder = self.settings.holder,
            fence = term.fence.0,
            "leading"
        );
        self.leadership.set(Held { fence: term.fence, until: term.until });
        let end = self.hold(&mut term, changes, shutdown).await;
        // Before anything is sent: nobody may work under a term that is being given away.
        self.leadership.clear();
        match end {
            End::Lost(why) => {
                tracing::warn!(
                    lease = self.settings.name,
                    fence = term.fence.0,
                    why,
                    "no longer leading"
                );
            }
            End::Shutdown => self.release(term).await,
        }
    }

    async fn hold(&mut self, term: &mut Term, changes: &mut Changes, shutdown: &Shutdown) -> End {
        let mut renew_at = Instant::now() + self.settings.retry;
        loop {
            tokio::select! {
                biased;
                () = shutdown.wait() => return End::Shutdown,
                () = sleep_until(term.until) => return End::Lost("the lease could not be renewed in time"),
                () = sleep_until(renew_at) => {}
                // Not our record, or an old event of the time before: the renewal finds out.
                () = self.foreign_change(changes, term.fence) => {}
            }
            let begun = Instant::now();
            match timeout_at(term.until, self.renew(term)).await {
                Ok(Renewal::Stored(lease)) => {
                    self.observe(&lease);
                    term.lease = *lease;
                    term.until = self.certain_until(begun);
                    self.leadership.set(Held { fence: term.fence, until: term.until });
                    renew_at = Instant::now() + self.settings.retry;
                }
                Ok(Renewal::Taken) => {
                    return End::Lost("another holds the lease, or it was deleted");
                }
                Ok(Renewal::Failed(problem)) => {
                    tracing::warn!(
                        lease = self.settings.name,
                        problem,
                        "lease not renewed, trying again"
                    );
                    renew_at = Instant::now() + self.settings.retry / 4;
                }
                Err(_) => return End::Lost("the lease could not be renewed in time"),
            }
        }
    }

    async fn foreign_change(&self, changes: &mut Changes, fence: Fence) {
        while let Some(change) = changes.next().await {
            match change {
                Ok(Some(lease)) if is_of_term(&lease, &self.settings, fence) => {}
                Ok(_) => return,
                // The stream backs off by itself; renewals go on without it.
                Err(error) => tracing::debug!(%error, "watch on the lease interrupted"),
            }
        }
        std::future::pending::<()>().await;
    }

    async fn renew(&self, term: &Term) -> Renewal {
        // Half: a call that hangs must leave time for another one before the term is over.
        let renewal = timeout(self.settings.retry / 2, async {
            match self.store_renewal(term.lease.clone()).await {
                Err(error) if error.is_conflict() => self.renew_reread(term.fence).await,
                stored => outcome(stored),
            }
        });
        renewal.await.unwrap_or_else(|_| Renewal::Failed("no answer in time".to_owned()))
    }

    /// After a conflict: still ours if only something beside the record changed, or if an earlier renewal was stored
    /// but its answer was lost.
    async fn renew_reread(&self, fence: Fence) -> Renewal {
        match self.api.get_opt(&self.settings.name).await {
            Ok(Some(lease)) if is_of_term(&lease, &self.settings, fence) => {
                outcome(self.store_renewal(lease).await)
            }
            Ok(_) => Renewal::Taken,
            Err(error) => Renewal::Failed(write::classify(&error).to_string()),
        }
    }

    async fn store_renewal(&self, lease: Lease) -> Result<Lease, write::WriteError> {
        write::replace(&self.api, &renewed(lease, &self.settings, clock::now())).await
    }

    async fn release(&self, term: Term) {
        let record = released(term.lease, clock::now());
        match timeout(self.settings.retry, write::replace(&self.api, &record)).await {
            Ok(Ok(_)) => {
                tracing::info!(lease = self.settings.name, fence = term.fence.0, "lease released");
            }
            Ok(Err(error)) => tracing::warn!(%error, "lease not released: it expires by itself"),
            Err(_) => tracing::warn!(
                lease = self.settings.name,
                "lease not released in time: it expires by itself"
            ),
        }
    }

    /// Waits until it is worth looking again.
    async fn pause(&mut self, changes: &mut Changes, shutdown: &Shutdown) {
        // Jittered, so that candidates do not reach for the Lease all at once.
        let mut look_at = Instant::now() + jittered(self.settings.retry, 0.8);
        if let Some(free_at) = self.seen_free_at() {
            look_at = look_at.min(free_at.max(Instant::now() + SHORTEST_PAUSE));
        }
        loop {
            tokio::select! {
                () = shutdown.wait() => return,
                () = sleep_until(look_at) => return,
                Some(change) = changes.next() => match change {
                    Ok(Some(lease)) => {
                        self.observe(&lease);
                        if holder(&lease).is_none() {
                            return;
                        }
                    }
                    Ok(None) => return,
                    Err(error) => tracing::debug!(%error, "watch on the lease interrupted"),
                },
            }
        }
    }

    fn observe(&mut self, lease: &Lease) {
        self.greatest = self.greatest.max(record::transitions(lease));
        if self.seen.as_ref().is_none_or(|seen| seen.spec != lease.spec) {
            self.seen = Some(Seen { spec: lease.spec.clone(), since: Instant::now() });
        }
    }

    /// From when on `lease`, which was just observed, may be claimed.
    fn free_at(&self, lease: &Lease) -> Instant {
        let since = self.seen.as_ref().map_or_else(Instant::now, |seen| seen.since);
        match holder(lease) {
            Some(_) => since + record::duration(lease, self.settings.duration),
            None => since,
        }
    }

    fn seen_free_at(&self) -> Option<Instant> {
        let seen = self.seen.as_ref()?;
        let lease = Lease { spec: seen.spec.clone(), ..Lease::default() };
        Some(self.free_at(&lease))
    }

    /// Until when nobody else can lead if a record was sent at `sent` and stored: others count at least `duration`
    /// from when they see it, which is later.
    fn certain_until(&self, sent: Instant) -> Instant {
        sent + self.settings.duration * 2 / 3
    }
}

fn outcome(stored: Result<Lease, write::WriteError>) -> Renewal {
    match stored {
        Ok(lease) => Renewal::Stored(Box::new(lease)),
        Err(error) if error.is_not_found() => Renewal::Taken,
        Err(error) => Renewal::Failed(error.to_string()),
    }
}

/// Between two looks at a record that may be claimed but was claimed by another.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
