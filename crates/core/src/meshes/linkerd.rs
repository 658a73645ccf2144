//! Linkerd: known by name, not served yet.

use meshroot_api::discovery::LinkerdMesh;
use meshroot_api::shared::MeshType;

use super::{Capabilities, DEFAULT_TRUST_DOMAIN, ISTIO_ONLY, Kind, Rights, or};

pub(super) static KIND: Kind = Kind {
    mesh_type: MeshType::Linkerd,
    organization: "Linkerd",
    unsupported: Some(ISTIO_ONLY),
    identity: |mesh| mesh.linkerd.as_ref().map(identity),
    trust_domain: |mesh| mesh.linkerd.as_ref().map_or("", |linkerd| &linkerd.cluster_domain),
    lint: |_, _, _| Vec::new(),
    control_planes: "",
    rights: Rights::NONE,
    capabilities: Capabilities { restart: false },
};

/// `identity.<namespace>.<trust domain>`.
fn identity(linkerd: &LinkerdMesh) -> String {
    let namespace = or(&linkerd.installation.installation_namespace, "linkerd");
    format!("identity.{namespace}.{}", or(&linkerd.cluster_domain, DEFAULT_TRUST_DOMAIN))
}
