//! Mesh adapters: discover, write, load, confirm. One file (or folder) a mesh.

use meshroot_api::discovery::MeshSpec;

pub(crate) mod istio;

/// A control plane that runs in this cluster.
pub(crate) struct Discovered {
    /// Name of its Mesh.
    pub(crate) name: String,
    /// What the Mesh says.
    pub(crate) spec: MeshSpec,
    /// Istio revision, where it is not the default one.
    pub(crate) revision: Option<String>,
}

/// What is to be written for a mesh.
pub(crate) struct Bundle {
    /// Name of the request whose certificate this is.
    pub(crate) request: String,
    /// The intermediate, then those between it and the root.
    pub(crate) chain: Vec<meshroot_pki::Certificate>,
    /// The trust anchors, the signing root first.
    pub(crate) roots: Vec<meshroot_pki::Certificate>,
    /// The intermediate's key.
    pub(crate) key: meshroot_pki::PrivateKey,
}
