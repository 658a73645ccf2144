//! Istio 1.27 to 1.31: how its CA is named, what it and its peers take, and what Secret `cacerts` holds.

pub mod cacerts;
mod lint;
mod rights;

use meshroot_api::discovery::IstioMesh;
use meshroot_api::shared::MeshType;

use super::{Capabilities, DEFAULT_TRUST_DOMAIN, Kind, or};

pub use lint::{advice, lint, lint_lists};
pub use rights::PUBLISHED_ANCHORS;

pub(super) static KIND: Kind = Kind {
    mesh_type: MeshType::Istio,
    organization: "Istio",
    unsupported: None,
    identity: |mesh| mesh.istio.as_ref().map(identity),
    trust_domain: |mesh| mesh.istio.as_ref().map_or("", |istio| &istio.citadel_info.trust_domain),
    lint,
    control_planes: "app=istiod",
    rights: rights::RIGHTS,
    capabilities: Capabilities { restart: true },
};

/// Where Istio is installed unless somebody chose otherwise.
pub const DEFAULT_NAMESPACE: &str = "istio-system";

/// `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`.
fn identity(istio: &IstioMesh) -> String {
    let namespace =
        or(&istio.citadel_info.citadel_namespace, &istio.installation.installation_namespace);
    let account = or(&istio.citadel_info.citadel_service_account, "istiod");
    let domain = or(&istio.citadel_info.trust_domain, DEFAULT_TRUST_DOMAIN);
    format!("spiffe://{domain}/ns/{}/sa/{account}", or(namespace, DEFAULT_NAMESPACE))
}
