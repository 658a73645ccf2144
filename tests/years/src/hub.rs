//! The hub: its API server, and the process that works there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use apiserver::{Server, User};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use meshroot_api::metrics::component;
use meshroot_api::names::{HUB_LEASE, HUB_SERVICE_ACCOUNT, SYSTEM_NAMESPACE};
use meshroot_manifests::hub_prerequisites;
use meshroot_runtime::kube::apply::install;
use meshroot_runtime::process::options::ProcessOptions;
use meshroot_runtime::process::telemetry::Telemetry;
use serde_json::json;

use crate::line::{Faults, Line, Site};
use crate::process::{LEASE, Process};
use crate::time::{Activity, Time};

pub(crate) struct Hub {
    pub(crate) site: Arc<Site>,
    /// The administrator's, on which nothing fails but the server's absence.
    pub(crate) admin: Client,
    /// The hub's own.
    client: Client,
    server: Option<Arc<Server>>,
    process: Option<Process>,
    directory: PathBuf,
    restored: u32,
}

impl Hub {
    /// Installs it. No process works yet.
    pub(crate) async fn install(
        directory: &Path,
        faults: &Arc<Faults>,
        activity: &Arc<Activity>,
    ) -> Result<Self> {
        let server = Arc::new(Server::open(apiserver::Options::default()).await?);
        let site = Arc::new(Site::default());
        site.put(Some(Arc::clone(&server)));
        let admin = administrator(&site, activity);
        let account = User::service_account(SYSTEM_NAMESPACE, HUB_SERVICE_ACCOUNT, "");
        let client = Line::client(("hub".to_owned(), account), &site, faults, activity, |_, _| {});
        install(&admin, hub_prerequisites(&[], Some("v1"))?).await?;
        let directory = directory.to_owned();
        Ok(Self {
            site,
            admin,
            client,
            server: Some(server),
            process: None,
            directory,
            restored: 0,
        })
    }

    pub(crate) fn is_there(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn start(&mut self) {
        let client = self.client.clone();
        self.process = Some(Process::start(async move |shutdown| {
            let options = meshroot_hub::Options {
                namespace: SYSTEM_NAMESPACE.to_owned(),
                lease_duration: LEASE,
                blocked_keys: None,
                process: ProcessOptions::within("hub"),
            };
            let telemetry = Telemetry::new(component::HUB, "simulated");
            meshroot_hub::work(client, &options, &telemetry, &shutdown).await
        }));
    }

    /// Its cluster is away at once, and the process with it.
    pub(crate) async fn go_away(&mut self, time: &mut Time) -> Result<()> {
        self.site.put(None);
        if let Some(process) = self.process.take() {
            process.end(time).await?;
        }
        Ok(())
    }

    /// It is back, with what it had.
    pub(crate) async fn come_back(&mut self) -> Result<()> {
        self.site.put(self.server.clone());
        self.release_lease().await?;
        self.start();
        Ok(())
    }

    /// As `meshroot backup` does.
    pub(crate) async fn back_up(&self, name: &str) -> Result<PathBuf> {
        let file = self.directory.join(name);
        let server = self.server.as_ref().context("there is no server")?;
        server.snapshot_to(&file).await?;
        Ok(file)
    }

    /// The server's state is lost, and it goes on from a backup, as `meshroot restore` and `meshroot serve` do.
    pub(crate) async fn restore(&mut self, backup: &Path, time: &mut Time) -> Result<()> {
        self.go_away(time).await?;
        if let Some(server) = self.server.take() {
            let server = Arc::into_inner(server).context("somebody holds the server")?;
            server.shutdown().await;
        }
        self.restored += 1;
        let data = self.directory.join(format!("restored-{}", self.restored));
        apiserver::restore(backup, &data)?;
        let options = apiserver::Options { data: Some(data), ..apiserver::Options::default() };
        self.server = Some(Arc::new(Server::open(options).await?));
        self.come_back().await
    }

    /// What was killed holds it still, and would be waited for.
    async fn release_lease(&self) -> Result<()> {
        let leases: Api<Lease> = Api::namespaced(self.admin.clone(), SYSTEM_NAMESPACE);
        if leases.get_opt(HUB_LEASE).await?.is_some() {
            let free = Patch::Merge(json!({ "spec": { "holderIdentity": null } }));
            leases.patch(HUB_LEASE, &PatchParams::default(), &free).await?;
        }
        Ok(())
    }

    /// Whether its process works.
    pub(crate) fn check(&self) -> Result<()> {
        let is_over = self.process.as_ref().is_some_and(Process::is_over);
        ensure!(!is_over, "the hub's process ended");
        Ok(())
    }
}

/// A client that may do anything, and on which nothing fails by chance.
pub(crate) fn administrator(site: &Arc<Site>, activity: &Arc<Activity>) -> Client {
    let user = User::authenticated("administrator", vec!["system:masters".to_owned()]);
    let never = Arc::new(Faults::new(0, 0));
    Line::client(("administrator".to_owned(), user), site, &never, activity, |_, _| {})
}
