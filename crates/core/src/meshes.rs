//! What is known of each type of mesh: a row a type, and a module for each that has something of its own.

mod control_plane;
pub mod istio;
mod linkerd;
mod rights;

use jiff::Timestamp;
use meshroot_api::discovery::MeshSpec;
use meshroot_api::shared::MeshType;
use meshroot_pki::Certificate;

pub use control_plane::ControlPlane;
pub use rights::{Right, Rights};

/// A type of mesh.
pub struct Kind {
    /// Which one.
    pub mesh_type: MeshType,
    /// The organization that the original system wrote: the mesh's type.
    pub organization: &'static str,
    /// Why a mesh of this type can take no intermediate from here; `None` where it can.
    pub unsupported: Option<&'static str>,
    /// The host that a mesh's intermediate is named by. Consul's contains a cluster id that only its agent knows.
    pub identity: fn(&MeshSpec) -> Option<String>,
    /// The trust domain that a mesh is configured with, empty where it names none.
    pub trust_domain: fn(&MeshSpec) -> &str,
    /// Everything that a mesh or its peers would break on in an intermediate with the chain above it, and the roots.
    pub lint: fn(&[Certificate], &[Certificate], Timestamp) -> Vec<Finding>,
    /// Label selector of the Deployments that are its control planes.
    pub control_planes: &'static str,
    /// What an agent may do in its cluster.
    pub rights: Rights,
    /// What can be done with its control plane.
    pub capabilities: Capabilities,
}

/// What an agent can do with a control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Restart it, so that it loads what it reads only at its start.
    pub restart: bool,
}

/// One thing that a mesh or its peers would break on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule, one word.
    pub rule: &'static str,
    /// What is wrong and who breaks.
    pub message: String,
}

/// Trust domain of a mesh that names none.
pub const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

/// What is known of a type of mesh.
pub fn of(mesh_type: MeshType) -> &'static Kind {
    match mesh_type {
        MeshType::Istio => &istio::KIND,
        MeshType::Linkerd => &linkerd::KIND,
        MeshType::Consul => &CONSUL,
        MeshType::AppMesh => &APP_MESH,
    }
}

/// The types of mesh that intermediates are installed for.
pub fn served() -> impl Iterator<Item = &'static Kind> {
    [MeshType::Istio, MeshType::Linkerd, MeshType::Consul, MeshType::AppMesh]
        .into_iter()
        .map(of)
        .filter(|kind| kind.unsupported.is_none())
}

/// Why a mesh that is known is not served.
const ISTIO_ONLY: &str = "this version of Meshroot installs certificates for Istio only";

/// Why App Mesh never will be.
const APP_MESH_ENDED: &str = "AWS App Mesh takes no intermediate CA, and AWS ended its support on 2026-09-30; move the \
                              workloads to another mesh";

static CONSUL: Kind = unserved(MeshType::Consul, "Consul", ISTIO_ONLY);
static APP_MESH: Kind = unserved(MeshType::AppMesh, "AppMesh", APP_MESH_ENDED);

/// A type of which no more than the name is known.
const fn unserved(mesh_type: MeshType, organization: &'static str, why: &'static str) -> Kind {
    Kind {
        mesh_type,
        organization,
        unsupported: Some(why),
        identity: |_| None,
        trust_domain: |_| "",
        lint: |_, _, _| Vec::new(),
        control_planes: "",
        rights: Rights::NONE,
        capabilities: Capabilities { restart: false },
    }
}

/// `text`, or, where that is empty, `default`.
fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}
