//! The identity of a mesh: what its intermediate may be named (mesh versions as `docs/istio.md` lists them).

use meshroot_api::discovery::MeshSpec;
use meshroot_api::names::RequestName;
use meshroot_api::security::{CertConfig, VirtualMeshCertificateSigningRequestSpec as RequestSpec};
use meshroot_api::shared::MeshType;
use meshroot_api::{Mesh, Reason};
use meshroot_pki::{DistinguishedName, Host};

use crate::meshes;
use crate::refusal::Refusal;

/// The host that a mesh's intermediate is named by.
///
/// Istio: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; Linkerd:
/// `identity.<namespace>.<trust domain>`. Consul's contains a cluster id that only its agent knows.
pub fn of(mesh: &MeshSpec) -> Option<String> {
    (meshes::of(mesh.mesh_type()?).identity)(mesh)
}

/// The SPIFFE trust domain of a mesh.
pub fn trust_domain(mesh: &MeshSpec) -> &str {
    let configured = mesh.mesh_type().map_or("", |kind| (meshes::of(kind).trust_domain)(mesh));
    if configured.is_empty() { meshes::DEFAULT_TRUST_DOMAIN } else { configured }
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
    meshes::of(mesh_type).organization
}

/// Refuses meshes that cannot take an intermediate from here.
pub fn supported(name: &str, mesh_type: MeshType) -> Result<(), Refusal> {
    let Some(why) = meshes::of(mesh_type).unsupported else { return Ok(()) };
    let message = format!("Mesh {name} is of type {}: {why}", mesh_type.word());
    Err(Refusal::new(Reason::UnsupportedMesh, message))
}

/// Subject and hosts of the PKCS#10 request that a mesh makes under a name for a spec: the names that were asked for,
/// and a subject that tells people whose it is.
pub fn certified_names(
    name: &RequestName,
    spec: &RequestSpec,
) -> Result<(DistinguishedName, Vec<Host>), Refusal> {
    let refuse = |what: &dyn std::fmt::Display| {
        Refusal::new(Reason::SpecInvalid, format!("request {name}, spec.certConfig: {what}"))
    };
    let config = &spec.cert_config;
    let hosts = config.hosts.iter().map(|host| host.parse().map_err(|error| refuse(&error)));
    let hosts = hosts.collect::<Result<_, _>>()?;
    let organization = match config.org.as_str() {
        "" => organization(config.mesh_type),
        organization => organization,
    };
    let short = |text: &str| text.chars().take(64).collect::<String>();
    let subject =
        DistinguishedName::new(organization, &short(&name.virtual_mesh), &short(&name.mesh))
            .map_err(|error| refuse(&error))?;
    Ok((subject, hosts))
}

/// A mesh's identity as a parsed host.
pub fn host(mesh: &MeshSpec) -> Option<Host> {
    of(mesh)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshroot_api::discovery::{CitadelInfo, IstioMesh, MeshInstallation};

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
