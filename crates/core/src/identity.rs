//! The identity of a mesh: what its intermediate may be named (mesh versions as `docs/istio.md` lists them).

use meshroot_api::Mesh;
use meshroot_api::Reason;
use meshroot_api::discovery::{IstioMesh, LinkerdMesh, MeshSpec};
use meshroot_api::security::CertConfig;
use meshroot_api::shared::MeshType;
use meshroot_pki::Host;

use crate::refusal::Refusal;

/// Trust domain of a mesh that names none.
const DEFAULT_TRUST_DOMAIN: &str = "cluster.local";

/// The host that a mesh's intermediate is named by.
///
/// Istio: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; Linkerd:
/// `identity.<namespace>.<trust domain>`. Consul's contains a cluster id that only its agent knows.
pub fn of(mesh: &MeshSpec) -> Option<String> {
    if let Some(istio) = &mesh.istio {
        return Some(istio_identity(istio));
    }
    mesh.linkerd.as_ref().map(linkerd_identity)
}

/// The SPIFFE trust domain of a mesh.
pub fn trust_domain(mesh: &MeshSpec) -> &str {
    let configured = match (&mesh.istio, &mesh.linkerd) {
        (Some(istio), _) => istio.citadel_info.trust_domain.as_str(),
        (_, Some(linkerd)) => linkerd.cluster_domain.as_str(),
        _ => "",
    };
    or(configured, DEFAULT_TRUST_DOMAIN)
}

/// The `certConfig` that the hub asks a member to use.
pub fn cert_config(mesh: &Mesh) -> Result<CertConfig, Refusal> {
    let name = mesh.metadata.name.as_deref().unwrap_or_default();
    let Some(mesh_type) = mesh.spec.mesh_type() else {
        let message = format!(
            "Mesh {name} sets none of spec.istio, spec.linkerd, spec.consulConnect; set one"
        );
        return Err(Refusal::new(Reason::UnsupportedMesh, message));
    };
    supported(name, mesh_type)?;
    let hosts = of(&mesh.spec).into_iter().collect();
    Ok(CertConfig { hosts, org: organization(mesh_type).to_owned(), mesh_type })
}

/// The organization that the original system wrote: the mesh's type.
pub fn organization(mesh_type: MeshType) -> &'static str {
    match mesh_type {
        MeshType::Istio => "Istio",
        MeshType::AppMesh => "AppMesh",
        MeshType::Consul => "Consul",
        MeshType::Linkerd => "Linkerd",
    }
}

/// Refuses meshes that cannot take an intermediate from here.
pub fn supported(name: &str, mesh_type: MeshType) -> Result<(), Refusal> {
    let why = match mesh_type {
        MeshType::Istio => return Ok(()),
        MeshType::AppMesh => {
            "AWS App Mesh takes no intermediate CA, and AWS ended its support on 2026-09-30; move the workloads to another mesh"
        }
        MeshType::Linkerd | MeshType::Consul => {
            "this version of Meshroot installs certificates for Istio only"
        }
    };
    Err(Refusal::new(
        Reason::UnsupportedMesh,
        format!("Mesh {name} is of type {}: {why}", mesh_type.word()),
    ))
}

/// A mesh's identity as a parsed host.
pub fn host(mesh: &MeshSpec) -> Option<Host> {
    of(mesh)?.parse().ok()
}

fn istio_identity(istio: &IstioMesh) -> String {
    let namespace =
        or(&istio.citadel_info.citadel_namespace, &istio.installation.installation_namespace);
    let account = or(&istio.citadel_info.citadel_service_account, "istiod");
    let domain = or(&istio.citadel_info.trust_domain, DEFAULT_TRUST_DOMAIN);
    format!("spiffe://{domain}/ns/{}/sa/{account}", or(namespace, "istio-system"))
}

fn linkerd_identity(linkerd: &LinkerdMesh) -> String {
    let namespace = or(&linkerd.installation.installation_namespace, "linkerd");
    format!("identity.{namespace}.{}", or(&linkerd.cluster_domain, DEFAULT_TRUST_DOMAIN))
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.is_empty() { default } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshroot_api::discovery::{CitadelInfo, MeshInstallation};

    fn istio(trust_domain: &str, namespace: &str, account: &str) -> MeshSpec {
        MeshSpec {
            istio: Some(IstioMesh {
                installation: MeshInstallation {
                    installation_namespace: "istio-system".into(),
                    version: String::new(),
                },
                citadel_info: CitadelInfo {
                    trust_domain: trust_domain.into(),
                    citadel_namespace: namespace.into(),
                    citadel_service_account: account.into(),
                },
            }),
            ..MeshSpec::default()
        }
    }

    #[test]
    fn an_istio_mesh_without_details_has_the_identity_of_a_default_installation() {
        assert_eq!(
            of(&istio("", "", "")).as_deref(),
            Some("spiffe://cluster.local/ns/istio-system/sa/istiod")
        );
    }

    #[test]
    fn an_istio_mesh_is_named_by_its_trust_domain_namespace_and_service_account() {
        let mesh = istio("corp.example", "ca", "istio-citadel");
        assert_eq!(of(&mesh).as_deref(), Some("spiffe://corp.example/ns/ca/sa/istio-citadel"));
        assert_eq!(trust_domain(&mesh), "corp.example");
    }

    #[test]
    fn app_mesh_is_refused_with_the_reason() {
        let refused = supported("appmesh-a", MeshType::AppMesh).err();
        assert!(refused.is_some_and(|refusal| refusal.reason == Reason::UnsupportedMesh
            && refusal.message.contains("2026-09-30")));
    }
}
