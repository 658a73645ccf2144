//! Names of meshes of every type, and which types can be served.

use meshroot_api::Reason;
use meshroot_api::discovery::{ConsulConnectMesh, MeshInstallation, MeshSpec};
use meshroot_api::shared::MeshType;
use meshroot_core::identity::{cert_config, host, of, organization, supported, trust_domain};
use meshroot_pki::Host;

use crate::scene::{IDENTITY, MESH, app_mesh, istio, linkerd, mesh};

fn consul() -> MeshSpec {
    MeshSpec { consul_connect: Some(ConsulConnectMesh::default()), ..MeshSpec::default() }
}

#[test]
fn the_namespace_of_the_authority_counts_before_that_of_the_installation() {
    let mut spec = istio();
    let istio = spec.istio.as_mut().unwrap();
    istio.installation =
        MeshInstallation { installation_namespace: "istio-2".into(), version: "1.31".into() };
    assert_eq!(of(&spec).as_deref(), Some("spiffe://cluster.local/ns/istio-2/sa/istiod"));
    spec.istio.as_mut().unwrap().citadel_info.citadel_namespace = "ca".into();
    assert_eq!(of(&spec).as_deref(), Some("spiffe://cluster.local/ns/ca/sa/istiod"));
}

#[test]
fn a_linkerd_mesh_is_named_by_its_identity_controller() {
    let mut spec = linkerd();
    assert_eq!(of(&spec).as_deref(), Some("identity.linkerd.cluster.local"));
    let linkerd = spec.linkerd.as_mut().unwrap();
    linkerd.installation.installation_namespace = "mesh".into();
    linkerd.cluster_domain = "corp.example".into();
    assert_eq!(of(&spec).as_deref(), Some("identity.mesh.corp.example"));
    assert_eq!(trust_domain(&spec), "corp.example");
}

#[test]
fn meshes_without_a_name_of_their_own_have_the_default_trust_domain() {
    for spec in [consul(), app_mesh(), MeshSpec::default()] {
        assert_eq!((of(&spec), host(&spec), trust_domain(&spec)), (None, None, "cluster.local"));
    }
}

#[test]
fn an_identity_is_a_host_unless_the_mesh_has_impossible_names() {
    assert_eq!(host(&istio()), Some(Host::Uri(IDENTITY.to_owned())));
    let mut spec = istio();
    spec.istio.as_mut().unwrap().citadel_info.trust_domain = "no trust".into();
    assert_eq!(host(&spec), None);
}

#[test]
fn an_istio_member_is_asked_for_its_identity_and_its_type_as_organization() {
    let config = cert_config(&mesh(istio())).unwrap();
    assert_eq!(config.hosts, [IDENTITY]);
    assert_eq!((config.org.as_str(), config.mesh_type), ("Istio", MeshType::Istio));
}

#[test]
fn a_mesh_without_a_type_is_refused_with_the_fields_to_set() {
    let refused = cert_config(&mesh(MeshSpec::default())).unwrap_err();
    assert_eq!(refused.reason, Reason::UnsupportedMesh);
    assert!(
        refused.message.contains(MESH) && refused.message.contains("spec.istio"),
        "{}",
        refused.message
    );
}

#[test]
fn meshes_that_cannot_be_served_are_refused_by_type() {
    for (spec, word) in [(linkerd(), "linkerd"), (consul(), "consul"), (app_mesh(), "appmesh")] {
        let refused = cert_config(&mesh(spec)).unwrap_err();
        assert_eq!(refused.reason, Reason::UnsupportedMesh);
        assert!(refused.message.contains(&format!("of type {word}")), "{}", refused.message);
    }
}

#[test]
fn the_organization_is_spelled_as_the_original_system_did() {
    let all = [MeshType::Istio, MeshType::AppMesh, MeshType::Consul, MeshType::Linkerd];
    assert_eq!(all.map(organization), ["Istio", "AppMesh", "Consul", "Linkerd"]);
    assert_eq!(all.map(|mesh_type| supported("m", mesh_type).is_ok()), [true, false, false, false]);
}
