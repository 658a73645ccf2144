//! What all controllers of the agent share.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use meshroot_api::names::RequestName;
use meshroot_api::{Mesh, MeshTrust, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::Refusal;
use meshroot_runtime::kube::events::{Kind, Reporter};
use meshroot_runtime::kube::lease::Leadership;
use meshroot_runtime::kube::watch::Watched;
use meshroot_runtime::process::queue::Queue;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;

use crate::credentials::Credentials;
use crate::error::AgentError;
use crate::keys::Keys;
use crate::meshes::istio::Istio;
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
    pub(crate) deployments: Watched<Deployment>,
    pub(crate) request_queue: Queue<String>,
    pub(crate) mesh_queue: Queue<String>,
    /// Of clusters, of which there is one: this.
    pub(crate) discovery_queue: Queue<String>,
    pub(crate) keys: Keys,
    pub(crate) istio: Istio,
    pub(crate) metrics: Metrics,
    pub(crate) leadership: Leadership,
    hub_events: Reporter,
    local_events: Reporter,
}

impl Agent {
    pub(crate) fn new(
        hub: Client,
        local: Client,
        credentials: &Credentials,
        options: &Options,
        leadership: Leadership,
        telemetry: &Telemetry,
        shutdown: &Shutdown,
    ) -> Self {
        let namespace = credentials.namespace_on_hub();
        let metrics = Metrics::register(telemetry);
        let istiod = watcher::Config::default().labels("app=istiod");
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
            deployments: Watched::start(Api::all(local.clone()), istiod, shutdown),
            request_queue: Queue::new(),
            mesh_queue: Queue::new(),
            discovery_queue: Queue::new(),
            keys: Keys::new(local.clone(), &options.namespace, metrics.clone()),
            istio: Istio::new(local.clone(), options),
            metrics,
            leadership,
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
            cluster: credentials.cluster.clone(),
            namespace,
            hub,
        }
    }

    /// Asked right before each write.
    pub(crate) fn check_leads(&self) -> Result<(), AgentError> {
        self.leadership.state().map(|_| ()).ok_or(AgentError::NotLeader)
    }

    pub(crate) fn request(&self, name: &RequestName) -> Option<Arc<Request>> {
        self.requests.object(Some(&self.namespace), &name.to_string())
    }

    pub(crate) fn trust(&self, mesh: &str) -> Option<Arc<MeshTrust>> {
        self.trusts.object(Some(&self.namespace), mesh)
    }

    pub(crate) fn mesh(&self, mesh: &str) -> Option<Arc<Mesh>> {
        self.meshes.object(Some(&self.namespace), mesh)
    }

    /// Says it on the hub, about the MeshTrust, and in this cluster, about the control plane.
    pub(crate) async fn report(
        &self,
        trust: &MeshTrust,
        control_plane: Option<ObjectReference>,
        refusal: &Refusal,
        action: &str,
    ) {
        let kind = if refusal.reason.needs_attention() { Kind::Warning } else { Kind::Normal };
        let (reason, note) = (refusal.reason.word(), refusal.message.clone());
        self.hub_events.publish(&trust.object_ref(&()), kind, reason, action, note.clone()).await;
        if let Some(control_plane) = control_plane {
            self.local_events.publish(&control_plane, kind, reason, action, note).await;
        }
    }
}
