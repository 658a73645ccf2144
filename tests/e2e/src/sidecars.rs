//! Two sidecars, istio-agent and Envoy, of two clusters, which send each other requests all the time, each on a new
//! connection of mutual TLS.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Error, Result, bail, ensure};
use meshroot_testkit::sidecar::Workload;
use meshroot_testkit::{Fleet, Sidecar, wait};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often each sends a request.
const PACE: Duration = Duration::from_millis(25);

/// The two sidecars under way.
pub(crate) struct Sidecars {
    ways: Arc<[Way; 2]>,
    _senders: JoinSet<()>,
}

/// From one sidecar to the other.
struct Way {
    name: String,
    from: Sidecar,
    taken: AtomicUsize,
    refused: OnceLock<Error>,
}

impl Sidecars {
    pub(crate) async fn start(
        fleet: &Fleet,
        clusters: [&str; 2],
        lifetime: Duration,
    ) -> Result<Self> {
        let [one, other] = clusters;
        let workloads = (workload(fleet, one, lifetime)?, workload(fleet, other, lifetime)?);
        let [from_one, from_other] = Sidecar::pair(workloads.0, workloads.1).await?;
        let way = |from: &str, to: &str, sidecar| Way {
            name: format!("{from} to {to}"),
            from: sidecar,
            taken: AtomicUsize::new(0),
            refused: OnceLock::new(),
        };
        let ways = Arc::new([way(one, other, from_one), way(other, one, from_other)]);
        let mut senders = JoinSet::new();
        for number in 0..ways.len() {
            let ways = Arc::clone(&ways);
            senders.spawn(async move { ways[number].send().await });
        }
        Ok(Self { ways, _senders: senders })
    }

    /// How many requests were taken so far, there and back.
    pub(crate) fn taken(&self) -> [usize; 2] {
        [0, 1].map(|number| self.ways[number].taken.load(Ordering::Relaxed))
    }

    /// That no request was refused so far, and no handshake: none failed, none was a resumed one.
    ///
    /// # Errors
    /// The first refusal, with Envoy's words, what both Envoys counted and the end of their logs.
    pub(crate) async fn check(&self) -> Result<()> {
        for way in self.ways.iter() {
            if let Some(refused) = way.refused.get() {
                bail!("sidecars, {}: {refused:#}\n{}", way.name, self.evidence().await);
            }
        }
        for way in self.ways.iter() {
            way.check_counts().await.with_context(|| format!("sidecars, {}", way.name))?;
        }
        Ok(())
    }

    async fn evidence(&self) -> String {
        let mut parts = Vec::new();
        for way in self.ways.iter() {
            let counts = way.from.counts().await;
            parts.push(format!("{}: {counts:?}\n{}", way.name, way.from.evidence()));
        }
        parts.join("\n")
    }
}

impl Way {
    /// What its Envoy counted, as a client of the other and as a server to it.
    async fn check_counts(&self) -> Result<()> {
        let taken = self.taken.load(Ordering::Relaxed);
        let counts = self.from.counts().await.with_context(|| self.from.evidence())?;
        let sum = |part: &str| -> u64 {
            counts.iter().filter(|(name, _)| name.contains(part)).map(|(_, count)| count).sum()
        };
        let failed = sum(".ssl.fail_verify_") + sum(".ssl.connection_error");
        ensure!(failed == 0, "{failed} handshakes failed: {counts:?}");
        let resumed = sum(".ssl.session_reused");
        ensure!(resumed == 0, "{resumed} sessions were resumed: {counts:?}");
        let made = sum("cluster.peer.ssl.handshake");
        ensure!(usize::try_from(made)? >= taken, "{taken} requests, but {made} handshakes");
        Ok(())
    }

    /// Sends requests until one is refused.
    async fn send(&self) {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let answer = timeout(wait::LIMIT, self.from.request()).await;
            if let Err(error) = answer.map_err(Error::from).flatten() {
                // Only the first counts, and nobody else sets it.
                let _ = self.refused.set(error);
                return;
            }
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn workload<'a>(fleet: &'a Fleet, cluster: &'a str, lifetime: Duration) -> Result<Workload<'a>> {
    let cluster = fleet.cluster(cluster)?;
    let istiod = cluster.istiod.as_ref().context("istiod runs")?;
    let service_account = cluster.name.as_str();
    Ok(Workload { istiod, api: &cluster.api, namespace: "shop", service_account, lifetime })
}
