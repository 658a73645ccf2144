//! What is disturbed: a fleet, and what its administrators want of it.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use kube::Client;
use meshroot_demo::control_plane::ControlPlane;
use meshroot_testkit::fleet::HubApi;
use meshroot_testkit::{Binary, Fleet, tools};
use tokio::process::Command;
use tokio::sync::Mutex;

use super::diary::Diary;
use super::disturb::processes::Processes;
use super::plan::CLUSTERS;
use super::wanted::Wanted;
use super::watch::Watcher;

/// Everything that runs, and the administrator's access to it.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) diary: Arc<Diary>,
    pub(crate) watcher: Arc<Watcher>,
    pub(crate) hub: Client,
    pub(crate) clusters: Vec<(&'static str, Client)>,
    pub(crate) processes: Processes,
    pub(crate) wanted: Mutex<Wanted>,
    /// Clusters whose key in use was deleted: somebody has to ask for a renewal.
    pub(crate) keyless: std::sync::Mutex<std::collections::BTreeSet<&'static str>>,
    quiet: AtomicBool,
    kubeconfigs: OsString,
    _stand_ins: Vec<ControlPlane>,
}

impl World {
    /// A hub and its clusters, joined; a stand-in for istiod in each. Hub and agents run.
    pub(crate) async fn start(seed: u64, hub_api: HubApi) -> Result<Self> {
        let mut fleet = Fleet::prepare_audited(hub_api, &CLUSTERS).await?;
        let (mut clusters, mut stand_ins) = (Vec::new(), Vec::new());
        for name in CLUSTERS {
            let cluster = fleet.cluster_mut(name)?;
            let client = cluster.api.admin_client().await?;
            let stand_in = ControlPlane::start(client.clone()).await?;
            cluster.stand_in = Some(stand_in.address().to_string());
            stand_ins.push(stand_in);
            clusters.push((name, client));
        }
        let hub = fleet.hub.admin_client().await?;
        let kubeconfigs = fleet.kubeconfigs()?;
        let diary = Arc::new(Diary::start());
        let world = Self {
            seed,
            watcher: Arc::new(Watcher::new(Arc::clone(&diary))),
            diary,
            wanted: Mutex::new(Wanted::new(hub.clone())),
            hub,
            clusters,
            processes: Processes::new(fleet),
            keyless: std::sync::Mutex::default(),
            quiet: AtomicBool::new(true),
            kubeconfigs,
            _stand_ins: stand_ins,
        };
        world.processes.start_all().await?;
        Ok(world)
    }

    pub(crate) fn cluster(&self, name: &str) -> Result<Client> {
        let found = self.clusters.iter().find(|(cluster, _)| *cluster == name);
        Ok(found.with_context(|| format!("there is no cluster {name}"))?.1.clone())
    }

    /// In quiet times people approve whatever is asked.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Relaxed)
    }

    pub(crate) fn set_quiet(&self, quiet: bool) {
        self.quiet.store(quiet, Ordering::Relaxed);
    }

    pub(crate) fn keyless(
        &self,
    ) -> std::sync::MutexGuard<'_, std::collections::BTreeSet<&'static str>> {
        self.keyless.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs the command that users type; its standard output.
    pub(crate) async fn meshroot(&self, arguments: &[&str]) -> Result<String> {
        self.run(Command::new(Binary::path("meshroot")?), "--context=hub", arguments).await
    }

    /// Runs kubectl, for the report; its standard output.
    pub(crate) async fn kubectl(&self, context: &str, arguments: &[&str]) -> Result<String> {
        let context = format!("--context={context}");
        self.run(Command::new(tools::path("kubectl")?), &context, arguments).await
    }

    async fn run(&self, mut command: Command, context: &str, words: &[&str]) -> Result<String> {
        command.arg(context).args(words).env("KUBECONFIG", &self.kubeconfigs).kill_on_drop(true);
        let output = command.output().await.with_context(|| format!("cannot run {words:?}"))?;
        if !output.status.success() {
            bail!("{words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
