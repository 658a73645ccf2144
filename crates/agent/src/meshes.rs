//! Mesh adapters: one file (or folder) a mesh, and a row in [`Adapters::new`].

mod istio;

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use meshroot_api::Mesh;
use meshroot_api::discovery::MeshSpec;
use meshroot_api::shared::MeshType;
use meshroot_api::trust::OwnAuthority;
use meshroot_core::mesh::{Delivery, Found};
use meshroot_core::meshes::{ControlPlane, Kind};
use meshroot_core::pickup::Seen;
use meshroot_pki::{Certificate, PrivateKey};

use crate::error::AgentError;
use crate::options::Options;
use istio::Istio;

/// What an agent does for one type of mesh. What is known of the type without asking anybody (names, rights, linter,
/// capabilities) is its row in `meshroot_core::meshes`.
#[async_trait]
pub(crate) trait Adapter: Send + Sync {
    /// What is known of the type.
    fn kind(&self) -> &'static Kind;

    /// Reads a Deployment that carries the labels of such a control plane; `None` where it is none.
    async fn discover(
        &self,
        deployment: &Deployment,
        cluster: &str,
    ) -> Result<Option<Discovered>, AgentError>;

    /// Where the control plane of a Mesh is in this cluster; `None` where the Mesh is of another type.
    fn place(&self, mesh: &Mesh) -> Option<ControlPlane>;

    /// Reads what a control plane takes its CA from.
    async fn find(
        &self,
        place: &ControlPlane,
        roots: &[Certificate],
        now: Timestamp,
    ) -> Result<Holding, AgentError>;

    /// Writes the bundle over what was found, in one write; what somebody else wrote is copied first. `false` where it
    /// was there already.
    async fn install(
        &self,
        place: &ControlPlane,
        holding: &Holding,
        bundle: &Bundle,
        now: Timestamp,
    ) -> Result<bool, AgentError>;

    /// Notes beside what is written since when the control plane was seen to have loaded it; `None`: it has not.
    async fn note_loaded(
        &self,
        place: &ControlPlane,
        holding: &Holding,
        since: Option<Timestamp>,
    ) -> Result<(), AgentError>;

    /// Whether no workload can have a certificate of the CA that the control plane made for itself.
    async fn is_unused(&self, place: &ControlPlane, holding: &Holding) -> bool;

    /// Asks every witness that can be reached, the strongest first; stops at the first that speaks.
    async fn observe(&self, place: &ControlPlane, anchors: &[Certificate], now: Timestamp) -> Seen;

    /// Restarts the control plane for what `cause` names; `false` where that was done before.
    async fn restart(
        &self,
        place: &ControlPlane,
        cause: &str,
        at: Timestamp,
    ) -> Result<bool, AgentError>;
}

/// A control plane that runs in this cluster.
pub(crate) struct Discovered {
    /// Name of its Mesh.
    pub(crate) name: String,
    /// What the Mesh says.
    pub(crate) spec: MeshSpec,
    /// What else is to be known to find it again.
    pub(crate) annotations: BTreeMap<String, String>,
    /// The CA of its own that it signs with, if it has one; an error where that could not be read.
    pub(crate) own_authority: Result<Option<OwnAuthority>, AgentError>,
}

/// What a control plane reads its CA from, with the object that it was read from.
pub(crate) struct Holding {
    pub(crate) found: Found,
    pub(crate) secret: Option<Secret>,
    /// What the control plane keeps a CA in that it made for itself, where it uses that.
    pub(crate) self_signed: Option<Secret>,
}

impl Holding {
    /// There is nothing.
    pub(crate) fn nothing() -> Self {
        Self { found: Found::Nothing, secret: None, self_signed: None }
    }
}

/// What is to be written for a mesh.
pub(crate) struct Bundle {
    pub(crate) delivery: Delivery,
    /// The intermediate's key; `None` where the one that is there stays.
    pub(crate) key: Option<PrivateKey>,
}

/// The adapters of all meshes that are served.
pub(crate) struct Adapters(Vec<Box<dyn Adapter>>);

impl Adapters {
    pub(crate) fn new(local: &Client, options: &Options) -> Self {
        Self(vec![Box::new(Istio::new(local.clone(), options))])
    }

    /// The adapter of a mesh, and where the mesh's control plane is.
    pub(crate) fn of(&self, mesh: &Mesh) -> Option<(&dyn Adapter, ControlPlane)> {
        let adapter = self.get(mesh.spec.mesh_type()?)?;
        Some((adapter, adapter.place(mesh)?))
    }

    /// The adapter of a type of mesh.
    pub(crate) fn get(&self, mesh_type: MeshType) -> Option<&dyn Adapter> {
        self.iter().find(|adapter| adapter.kind().mesh_type == mesh_type)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn Adapter> {
        self.0.iter().map(AsRef::as_ref)
    }
}
