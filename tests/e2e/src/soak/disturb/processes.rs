//! Hub and agents: killed without a warning, started again, and with a wrong clock.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use meshroot_testkit::{Binary, Fleet};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::soak::plan::CLUSTERS;

/// Moves the agent's clock; nothing else honours it.
const CLOCK_VARIABLE: &str = "MESHROOT_CLOCK_OFFSET";
const HUB: &str = "hub";

/// The fleet, and the logs of processes that are gone.
pub(crate) struct Processes {
    fleet: Mutex<Fleet>,
    former: Mutex<BTreeMap<&'static str, String>>,
}

/// What a process takes.
pub(crate) struct Footprint {
    pub(crate) name: &'static str,
    pub(crate) resident_kib: u64,
    pub(crate) handles: usize,
}

impl Processes {
    pub(crate) fn new(fleet: Fleet) -> Self {
        Self { fleet: Mutex::new(fleet), former: Mutex::default() }
    }

    /// Starts whatever does not run.
    pub(crate) async fn start_all(&self) -> Result<()> {
        if self.fleet.lock().await.hub_process.is_none() {
            self.start_hub().await?;
        }
        for cluster in CLUSTERS {
            if self.fleet.lock().await.cluster(cluster)?.agent.is_none() {
                self.start_agent(cluster, 0).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn hub_away(&self, lasts: Duration) -> Result<()> {
        let hub = self.fleet.lock().await.hub_process.take();
        self.kill(HUB, hub).await;
        sleep(lasts).await;
        self.start_hub().await
    }

    pub(crate) async fn agent_away(&self, cluster: &'static str, lasts: Duration) -> Result<()> {
        self.kill_agent(cluster).await?;
        sleep(lasts).await;
        self.start_agent(cluster, 0).await
    }

    pub(crate) async fn agent_wrong(
        &self,
        cluster: &'static str,
        by: i64,
        lasts: Duration,
    ) -> Result<()> {
        self.kill_agent(cluster).await?;
        self.start_agent(cluster, by).await?;
        sleep(lasts).await;
        self.kill_agent(cluster).await?;
        self.start_agent(cluster, 0).await
    }

    async fn start_hub(&self) -> Result<()> {
        self.fleet.lock().await.start_hub(&[]).await
    }

    async fn start_agent(&self, cluster: &str, offset: i64) -> Result<()> {
        let offset = offset.to_string();
        self.fleet.lock().await.start_agent(cluster, &[(CLOCK_VARIABLE, &offset)]).await
    }

    async fn kill_agent(&self, cluster: &'static str) -> Result<()> {
        let agent = self.fleet.lock().await.cluster_mut(cluster)?.agent.take();
        self.kill(cluster, agent).await;
        Ok(())
    }

    async fn kill(&self, name: &'static str, process: Option<Binary>) {
        let Some(process) = process else { return };
        tokio::task::block_in_place(|| process.kill_hard());
        let mut former = self.former.lock().await;
        let log = former.entry(name).or_default();
        log.push_str(&process.logs());
        log.push_str("--- killed\n");
    }

    /// All that a process has logged, in all its lives.
    pub(crate) async fn logs(&self) -> Result<BTreeMap<&'static str, String>> {
        let mut all = self.former.lock().await.clone();
        let fleet = self.fleet.lock().await;
        let mut add = |name, process: &Option<Binary>| {
            let now = process.as_ref().map(Binary::logs).unwrap_or_default();
            all.entry(name).or_default().push_str(&now);
        };
        add(HUB, &fleet.hub_process);
        for cluster in CLUSTERS {
            add(cluster, &fleet.cluster(cluster)?.agent);
        }
        Ok(all)
    }

    /// A process that ended by itself.
    pub(crate) async fn check_all_run(&self) -> Result<()> {
        let fleet = self.fleet.lock().await;
        let check = |name: &str, process: &Option<Binary>| {
            let process = process.as_ref().with_context(|| format!("{name} was not started"))?;
            let ended = process.process().exit_status();
            anyhow::ensure!(ended.is_none(), "{name}: {}", process.process().evidence());
            anyhow::Ok(())
        };
        check(HUB, &fleet.hub_process)?;
        CLUSTERS.iter().try_for_each(|cluster| check(cluster, &fleet.cluster(cluster)?.agent))
    }

    /// What each process takes now; what cannot be read (not on Linux) is left out.
    pub(crate) async fn footprints(&self) -> Result<Vec<Footprint>> {
        let fleet = self.fleet.lock().await;
        let mut all: Vec<Footprint> =
            fleet.hub_process.iter().filter_map(|hub| footprint(HUB, hub)).collect();
        for cluster in CLUSTERS {
            let agent = fleet.cluster(cluster)?.agent.as_ref();
            all.extend(agent.and_then(|agent| footprint(cluster, agent)));
        }
        Ok(all)
    }
}

fn footprint(name: &'static str, process: &Binary) -> Option<Footprint> {
    let directory = format!("/proc/{}", process.pid());
    let status = std::fs::read_to_string(format!("{directory}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(Footprint {
        name,
        resident_kib: resident.trim().trim_end_matches(" kB").parse().ok()?,
        handles: std::fs::read_dir(format!("{directory}/fd")).ok()?.count(),
    })
}
