//! What all controllers of the agent share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use meshroot_api::names::{self, RequestName};
use meshroot_api::{Mesh, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::Notice;
use meshroot_runtime::kube::events::{Kind, Reporter};
use meshroot_runtime::kube::lease::Leadership;
use meshroot_runtime::kube::watch::Watched;
use meshroot_runtime::process::queue::Queue;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;
use tokio::time::Instant;

use crate::error::AgentError;
use crate::keys::Keys;
use crate::meshes::{Adapter, Adapters};
use crate::metrics::Metrics;
use crate::options::Options;

/// Two clients, local copies of everything that is followed, queues, and the mesh adapters.
pub(crate) struct Agent {
    pub(crate) hub: Client,
    pub(crate) cluster: String,
    /// The cluster's namespace on the hub.
    pub(crate) namespace: String,
    pub(crate) requests: Watched<Request>,
    pub(crate) trusts: Watched<MeshTrust>,
    pub(crate) meshes: Watched<Mesh>,
    /// Deployments of control planes, a watch for each adapter.
    pub(crate) deployments: Vec<Watched<Deployment>>,
    pub(crate) request_queue: Queue<String>,
    pub(crate) mesh_queue: Queue<String>,
    /// Of clusters, of which there is one: this.
    pub(crate) discovery_queue: Queue<String>,
    pub(crate) keys: Keys,
    pub(crate) adapters: Adapters,
    pub(crate) metrics: Metrics,
    pub(crate) leadership: Leadership,
    /// When this process last asked for a certificate by itself, by mesh.
    asked: Mutex<HashMap<String, Instant>>,
    hub_events: Reporter,
    local_events: Reporter,
}

impl Agent {
    pub(crate) fn new(
        hub: Client,
        local: Client,
        cluster: &str,
        options: &Options,
        leadership: Leadership,
        telemetry: &Telemetry,
        shutdown: &Shutdown,
    ) -> Self {
        let namespace = names::cluster_namespace(cluster);
        let metrics = Metrics::register(telemetry);
        let adapters = Adapters::new(&local, options);
        Self {
            requests: Watched::start(
                Api::namespaced(hub.clone(), &namespace),
                watcher::Config::default(),
                shutdown,
            ),
            trusts: Watched::start(
                Api::namespaced(hub.clone(), &namespace),
                watcher::Config::default(),
                shutdown,
            ),
            meshes: Watched::start(
                Api::namespaced(hub.clone(), &namespace),
                watcher::Config::default(),
                shutdown,
            ),
            deployments: control_planes(&adapters, &local, shutdown),
            request_queue: Queue::new(),
            mesh_queue: Queue::new(),
            discovery_queue: Queue::new(),
            keys: Keys::new(local.clone(), &options.namespace, metrics.clone()),
            adapters,
            metrics,
            leadership,
            asked: Mutex::default(),
            hub_events: Reporter::new(
                hub.clone(),
                crate::COMPONENT,
                options.process.holder(crate::COMPONENT),
            ),
            local_events: Reporter::new(
                local,
                crate::COMPONENT,
                options.process.holder(crate::COMPONENT),
            ),
            cluster: cluster.to_owned(),
            namespace,
            hub,
        }
    }

    /// Each adapter, with the Deployments that carry the labels of its control planes.
    pub(crate) fn control_planes(
        &self,
    ) -> impl Iterator<Item = (&dyn Adapter, &Watched<Deployment>)> {
        self.adapters.iter().zip(&self.deployments)
    }

    /// Asked right before each write.
    pub(crate) fn check_leads(&self) -> Result<(), AgentError> {
        self.leadership.state().map(|_| ()).ok_or(AgentError::NotLeader)
    }

    pub(crate) fn request(&self, name: &RequestName) -> Option<Arc<Request>> {
        self.requests.object(Some(&self.namespace), &name.to_string())
    }

    /// How long ago this process last asked for a certificate for a mesh by itself.
    pub(crate) fn asked(&self, mesh: &str) -> Option<Duration> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(mesh).map(Instant::elapsed)
    }

    /// Notes that it asks now.
    pub(crate) fn asks(&self, mesh: &str) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(mesh.to_owned(), Instant::now());
    }

    /// The requests of a mesh, in any virtual mesh.
    pub(crate) fn requests_of(&self, mesh: &str) -> Vec<Arc<Request>> {
        let mut requests = self.requests.store().state();
        requests.retain(|request| {
            let name = request.metadata.name.as_deref().and_then(RequestName::parse);
            name.is_some_and(|name| name.mesh == mesh)
        });
        requests
    }

    pub(crate) fn trust(&self, mesh: &str) -> Option<Arc<MeshTrust>> {
        self.trusts.object(Some(&self.namespace), mesh)
    }

    pub(crate) fn mesh(&self, mesh: &str) -> Option<Arc<Mesh>> {
        self.meshes.object(Some(&self.namespace), mesh)
    }

    /// Says in this cluster, about the control plane, why the hub does not know it as it is.
    pub(crate) async fn report_undiscovered(&self, deployment: &Deployment, error: &AgentError) {
        let control_plane = deployment.object_ref(&());
        let reason = Reason::SpecInvalid.word();
        self.local_events
            .publish(&control_plane, Kind::Warning, reason, "Discover", error.to_string())
            .await;
    }

    /// Says it on the hub, about the MeshTrust, and in this cluster, about the control plane.
    pub(crate) async fn report(
        &self,
        trust: &MeshTrust,
        control_plane: ObjectReference,
        said: &Notice,
        action: &str,
    ) {
        let kind = if said.reason.needs_attention() { Kind::Warning } else { Kind::Normal };
        let (reason, note) = (said.reason.word(), said.message.clone());
        self.hub_events.publish(&trust.object_ref(&()), kind, reason, action, note.clone()).await;
        self.local_events.publish(&control_plane, kind, reason, action, note).await;
    }
}

/// Follows the Deployments that carry the labels of an adapter's control planes.
fn control_planes(
    adapters: &Adapters,
    local: &Client,
    shutdown: &Shutdown,
) -> Vec<Watched<Deployment>> {
    let follow = |adapter: &dyn Adapter| {
        let labelled = watcher::Config::default().labels(adapter.kind().control_planes);
        Watched::start(Api::all(local.clone()), labelled, shutdown)
    };
    adapters.iter().map(follow).collect()
}
