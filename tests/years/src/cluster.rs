//! A workload cluster: its API server, its agent, its control plane and its workloads.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use apiserver::{Server, User};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use meshroot_agent::IstiodAddress;
use meshroot_api::MeshTrust;
use meshroot_api::metrics::component;
use meshroot_api::names::{self, AGENT_NAMESPACE, AGENT_SERVICE_ACCOUNT, cluster_namespace};
use meshroot_api::shared::MeshType;
use meshroot_demo::control_plane::Authority;
use meshroot_manifests::{
    DEFAULT_MESH_NAMESPACE, Reach, agent_hub_objects, agent_rbac, cluster_quota, namespace,
};
use meshroot_runtime::kube::apply::apply;
use meshroot_runtime::process::options::ProcessOptions;
use meshroot_runtime::process::telemetry::Telemetry;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::hub::{Hub, administrator};
use crate::istiod::{Istiod, LEAF, Serving};
use crate::line::{Faults, Line, Site};
use crate::process::{LEASE, Process};
use crate::time::{Activity, Time};
use crate::workload::{Habits, Workload};

/// What the agent wrote for its control plane, since that was last looked at.
#[derive(Default)]
struct Written {
    cacerts: AtomicBool,
    restart: AtomicBool,
}

impl Written {
    fn note(&self, method: &Method, path: &str) {
        let is_secret = path.contains(&format!("/namespaces/{DEFAULT_MESH_NAMESPACE}/secrets"));
        if is_secret && *method != Method::GET {
            self.cacerts.store(true, Ordering::Relaxed);
        }
        if path.contains("/deployments/") && *method == Method::PATCH {
            self.restart.store(true, Ordering::Relaxed);
        }
    }
}

/// How a cluster is set up.
pub(crate) struct Character {
    /// Whether its control plane loads changed roots while it runs.
    pub(crate) live: bool,
    /// One workload each.
    pub(crate) habits: Vec<Habits>,
    /// For so long its control plane signs with what it had before it loaded what it shows.
    pub(crate) pretends: SignedDuration,
}

pub(crate) struct Cluster {
    pub(crate) name: String,
    /// Name of its Mesh on the hub.
    pub(crate) mesh: String,
    pub(crate) istiod: Istiod,
    pub(crate) workloads: Vec<Workload>,
    character: Character,
    /// What its control plane signs with, and what it will from then on.
    signs: Option<Arc<Authority>>,
    coming: Option<(Timestamp, Arc<Authority>)>,
    /// Of the agent: for the hub, and for its own cluster.
    clients: (Client, Client),
    /// Somebody who has the agent's rights on the hub.
    careless: Client,
    agent: Option<Process>,
    written: Arc<Written>,
    /// When its control plane loads what was written, and when it starts anew.
    loads: Option<Timestamp>,
    starts: Option<Timestamp>,
    _server: Arc<Server>,
}

impl Cluster {
    /// Joins the hub. No agent works yet.
    pub(crate) async fn join(
        name: &str,
        character: Character,
        hub: &Hub,
        serving: &Serving,
        faults: &Arc<Faults>,
        activity: &Arc<Activity>,
    ) -> Result<Self> {
        for object in agent_hub_objects(name).iter().chain([&cluster_quota(name)]) {
            apply(&hub.admin, object).await?;
        }
        let server = Arc::new(Server::open(apiserver::Options::default()).await?);
        let site = Arc::new(Site::default());
        site.put(Some(Arc::clone(&server)));
        let admin = administrator(&site, activity);
        let restart = ["istiod".to_owned()];
        let mut objects = vec![namespace(AGENT_NAMESPACE), namespace(DEFAULT_MESH_NAMESPACE)];
        objects.extend(agent_rbac(Reach { restart: &restart, ..Reach::default() }));
        objects.extend([mesh_config(name), deployment(character.live)]);
        for object in &objects {
            apply(&admin, object).await?;
        }
        let written = Arc::new(Written::default());
        let notes = Arc::clone(&written);
        let there = User::service_account(&cluster_namespace(name), AGENT_SERVICE_ACCOUNT, "");
        let here = User::service_account(AGENT_NAMESPACE, AGENT_SERVICE_ACCOUNT, "");
        let careless = Line::client(
            (name.to_owned(), there.clone()),
            &hub.site,
            &Arc::new(Faults::new(0, 0)),
            activity,
            |_, _| {},
        );
        let clients = (
            Line::client(
                (format!("{name} to the hub"), there),
                &hub.site,
                faults,
                activity,
                |_, _| {},
            ),
            Line::client((name.to_owned(), here), &site, faults, activity, move |method, path| {
                notes.note(method, path);
            }),
        );
        Ok(Self {
            name: name.to_owned(),
            mesh: names::mesh(MeshType::Istio, DEFAULT_MESH_NAMESPACE, name, None),
            istiod: Istiod::start(admin, character.live, serving).await?,
            workloads: Vec::new(),
            character,
            signs: None,
            coming: None,
            clients,
            careless,
            agent: None,
            written,
            loads: None,
            starts: None,
            _server: server,
        })
    }

    pub(crate) fn start_agent(&mut self) {
        let (clients, name) = (self.clients.clone(), self.name.clone());
        let istiod = IstiodAddress {
            mesh: self.mesh.clone(),
            authority: self.istiod.address.to_string(),
            metrics: None,
        };
        self.agent = Some(Process::start(async move |shutdown| {
            let options = meshroot_agent::Options {
                cluster: Some(name.clone()),
                namespace: AGENT_NAMESPACE.to_owned(),
                istiod: vec![istiod],
                restart: vec!["istiod".to_owned()],
                lease_duration: LEASE,
                process: ProcessOptions::within(&name),
            };
            let telemetry = Telemetry::new(component::AGENT, "simulated");
            meshroot_agent::work_between(clients, &name, &options, &telemetry, &shutdown).await
        }));
    }

    /// Its process ends, and another one begins.
    pub(crate) async fn restart_agent(&mut self, time: &mut Time) -> Result<()> {
        self.stop_agent(time).await?;
        self.start_agent();
        Ok(())
    }

    pub(crate) async fn stop_agent(&mut self, time: &mut Time) -> Result<()> {
        match self.agent.take() {
            Some(agent) => agent.end(time).await,
            None => Ok(()),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let is_over = self.agent.as_ref().is_some_and(Process::is_over);
        ensure!(!is_over, "the agent of {} ended", self.name);
        Ok(())
    }

    /// What was reported of its mesh is lost.
    pub(crate) async fn wipe(&self) -> Result<()> {
        let namespace = cluster_namespace(&self.name);
        let api: Api<MeshTrust> = Api::namespaced(self.careless.clone(), &namespace);
        let nothing = Patch::Merge(json!({ "status": null }));
        api.patch_status(&self.mesh, &PatchParams::default(), &nothing).await?;
        Ok(())
    }

    /// The control plane starts anew, for whatever reason.
    pub(crate) fn restart_control_plane(&mut self, now: Timestamp) {
        self.starts = Some(now);
    }

    /// The control plane takes its time for what was written; then it loads it.
    pub(crate) async fn follow(&mut self, now: Timestamp, chance: &mut Chance) -> Result<()> {
        if self.written.cacerts.swap(false, Ordering::Relaxed) {
            self.loads = Some(now + chance.span(SignedDuration::ZERO, PROJECTED));
        }
        if self.written.restart.swap(false, Ordering::Relaxed) {
            self.starts = Some(now + chance.span(SignedDuration::ZERO, STARTED));
        }
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let (loads, starts) = (is_due(self.loads), is_due(self.starts));
        if loads || starts {
            self.loads = self.loads.filter(|_| !loads && !starts);
            self.starts = self.starts.filter(|_| !starts);
            if let Some(loaded) = self.istiod.load(starts).await? {
                let from = if self.signs.is_some() { now + self.character.pretends } else { now };
                self.coming = Some((from, loaded));
            }
        }
        self.live_until(now)
    }

    /// What workloads do until `now`.
    pub(crate) fn live_until(&mut self, now: Timestamp) -> Result<()> {
        if let Some(signs) = &self.signs {
            self.workloads.iter_mut().try_for_each(|workload| workload.live_until(signs, now))?;
        }
        let Some((_, loaded)) = self.coming.take_if(|(from, _)| *from <= now) else {
            return Ok(());
        };
        if self.character.live {
            self.workloads.iter_mut().for_each(|workload| workload.push(&loaded));
        }
        if self.workloads.is_empty() {
            let start = |(number, habits): (usize, &Habits)| {
                Workload::start(&format!("{}-{number}", self.name), *habits, &loaded, now)
            };
            let habits = self.character.habits.iter().enumerate();
            self.workloads = habits.map(start).collect::<Result<_>>()?;
        }
        self.signs = Some(loaded);
        Ok(())
    }
}

/// Until kubelet shows a changed Secret: up to a minute and a half, mostly less.
const PROJECTED: SignedDuration = SignedDuration::from_secs(50);
const STARTED: SignedDuration = SignedDuration::from_secs(20);

fn mesh_config(cluster: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "istio", "namespace": DEFAULT_MESH_NAMESPACE },
        "data": { "mesh": format!("trustDomain: {cluster}.example\n") },
    })
}

fn deployment(live: bool) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "istiod", "namespace": DEFAULT_MESH_NAMESPACE,
            "labels": { "app": "istiod", "istio.io/rev": "default" },
        },
        "spec": {
            "selector": { "matchLabels": { "app": "istiod" } },
            "template": {
                "metadata": { "labels": { "app": "istiod" } },
                "spec": {
                    "serviceAccountName": "istiod",
                    "containers": [{
                        "name": "discovery", "image": "istio/pilot:1.31.0",
                        "env": [
                            { "name": "ISTIO_MULTIROOT_MESH", "value": live.to_string() },
                            { "name": "MAX_WORKLOAD_CERT_TTL", "value": format!("{}s", LEAF.as_secs()) },
                        ],
                    }],
                },
            },
        },
    })
}
