//! What is refused, with the word and what the message says.

use meshroot_api::Reason;
use meshroot_api::policy::ApprovalMode;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::shared::{MeshType, State};
use meshroot_core::membership::{Key, Membership};
use meshroot_pki::PrivateKey;
use rstest::rstest;

use crate::scene::{
    IDENTITY, MESH, NAMESPACE, Scene, app_mesh, blocking, csr, csr_by_openssl, linkerd, mesh,
    virtual_mesh,
};
use crate::x509::{Template, hosts, intermediate_key, root_key};

const OTHER_IDENTITY: &str = "spiffe://cluster.local/ns/istio-2/sa/istiod";

fn der() -> Vec<u8> {
    csr(intermediate_key(), &[IDENTITY]).der().to_vec()
}

fn pem() -> String {
    csr(intermediate_key(), &[IDENTITY]).to_pem()
}

fn key_pem(key: &PrivateKey) -> String {
    key.to_pkcs8_pem().to_string()
}

#[rstest]
#[case::text("not a request\n".into(), "no PEM block")]
#[case::another_structure(vec![0x30, 0x02, 0x05, 0x00], "PKCS#10")]
#[case::trailing_byte([der(), vec![0]].concat(), "csrData")]
#[case::lost_line_breaks(pem().replace('\n', " ").into(), "line 1")]
#[case::two_blocks(pem().repeat(2).into(), "2 PEM blocks")]
#[case::too_long(vec![0x30; 33 * 1024], "33792 bytes")]
#[case::too_long_by_one(vec![0x30; 32 * 1024 + 1], "32769 bytes")]
#[case::cut_short(der()[..100].to_vec(), "csrData")]
#[case::certificate(Template::root().sign(root_key()).to_pem().into(), "a certificate was found")]
#[case::private_key(key_pem(intermediate_key()).into(), "treat this key as disclosed")]
fn csr_data_that_is_not_one_request_is_refused(#[case] csr: Vec<u8>, #[case] part: &str) {
    Scene::with_csr(csr).assert_refused(Reason::CsrMalformed, &["spec.csrData: ", part]);
}

#[test]
fn a_disclosed_key_is_not_disclosed_again() {
    let pem = key_pem(intermediate_key());
    let shown = format!("{:?}", Scene::with_csr(pem.clone()).decide());
    assert!(pem.lines().skip(1).all(|line| !shown.contains(line)), "{shown}");
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() {
    let mut forged = der();
    *forged.last_mut().unwrap() ^= 1;
    Scene::with_csr(forged)
        .assert_refused(Reason::CsrSignatureInvalid, &["spec.csrData: ", "no proof"]);
}

#[rstest]
#[case::short(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "1024 bits is too short")]
#[case::exponent(
    &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
    "exponent is 3"
)]
#[case::p521(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "ECDSA-P521")]
#[case::ed448(&["-algorithm", "ED448"], "Ed448")]
fn a_weak_or_unusable_key_is_refused(#[case] key: &[&str], #[case] part: &str) {
    Scene::with_csr(csr_by_openssl(key)).assert_refused(Reason::WeakKey, &["spec.csrData: ", part]);
}

#[test]
fn a_key_that_the_operator_has_blocked_is_refused() {
    let mut scene = Scene::new();
    scene.blocked = blocking(intermediate_key());
    scene.assert_refused(Reason::WeakKey, &["spec.csrData: ", "lost.txt, line 1"]);
}

#[test]
fn a_request_that_a_later_one_has_overtaken_is_never_issued() {
    let mut scene = Scene::new().decided_by_third_party(ApprovalStatus::Approved, "CHG-1");
    scene.superseded = true;
    scene.assert_refused(Reason::Superseded, &["delete this one"]);
}

#[test]
fn a_request_whose_number_leaves_none_for_those_after_it_is_refused() {
    let mut scene = Scene::new();
    scene.far_ahead = true;
    scene.assert_refused(Reason::NameMismatch, &["more than a thousand above", "meshroot renew"]);
}

#[test]
fn a_mesh_that_another_virtual_mesh_had_first_gets_no_certificate() {
    let mut scene = Scene::new();
    let own = scene.virtual_mesh.clone().unwrap();
    let mut other = own.clone();
    other.metadata.name = Some("other".to_owned());
    let other_key = Key::of(&other);
    scene.membership = Membership::read([&own, &other], |_| Some(other_key.clone()));
    scene.assert_refused(Reason::NotAMember, &["VirtualMesh meshroot-system/other"]);
}

#[test]
fn a_key_that_was_used_before_is_refused_with_the_request_that_used_it() {
    let mut scene = Scene::new();
    scene.earlier = Some(Key::new("meshroot-cluster-west", "m.demo.3"));
    scene.assert_refused(Reason::KeyReused, &["meshroot-cluster-west/m.demo.3", "new key"]);
}

#[rstest]
#[case::other(&[OTHER_IDENTITY])]
#[case::more(&[IDENTITY, OTHER_IDENTITY])]
#[case::another_type(&["istiod.example"])]
fn hosts_that_differ_from_the_configuration_are_refused(#[case] asked: &[&str]) {
    let scene = Scene::with_csr(csr(intermediate_key(), asked).to_pem());
    scene.assert_refused(Reason::HostsMismatch, &[asked[0], IDENTITY, "spec.certConfig.hosts"]);
}

#[test]
fn fewer_hosts_than_configured_are_refused() {
    let mut scene = Scene::new();
    scene.allowed_hosts = vec!["a.example".to_owned()];
    scene.request.spec.cert_config.hosts.push("a.example".to_owned());
    scene.assert_refused(Reason::HostsMismatch, &["a.example"]);
}

#[test]
fn the_identity_of_another_mesh_is_refused_even_where_the_policy_allows_it() {
    let mut scene = Scene::with_hosts(&[IDENTITY, OTHER_IDENTITY]);
    scene.other_mesh =
        Some((hosts(&[OTHER_IDENTITY])[0].clone(), Key::new("meshroot-cluster-west", "istio-2")));
    scene.allowed_hosts = vec![OTHER_IDENTITY.to_owned()];
    scene.assert_refused(
        Reason::HostOfAnotherMesh,
        &[OTHER_IDENTITY, "meshroot-cluster-west/istio-2", MESH],
    );
}

#[rstest]
#[case::spiffe("spiffe://other.example/ns/istio-system/sa/istiod")]
#[case::dns("istiod.example")]
#[case::ip("10.0.0.7")]
fn a_host_that_is_neither_the_meshs_own_nor_allowed_is_refused(#[case] host: &str) {
    let mut scene = Scene::with_hosts(&[IDENTITY, host]);
    scene.allowed_hosts = vec!["allowed.example".to_owned()];
    let parts = [host, IDENTITY, "spec.istio.citadelInfo", "spec.hosts.allow"];
    scene.assert_refused(Reason::HostNotAllowed, &parts);
}

#[rstest]
#[case("*.example")]
#[case("")]
#[case("spiffe://")]
#[case("two words")]
fn a_configured_host_that_is_none_is_refused(#[case] host: &str) {
    let mut scene = Scene::with_csr(csr(intermediate_key(), &[]).to_pem());
    scene.request.spec.cert_config.hosts = vec![host.to_owned()];
    scene
        .assert_refused(Reason::HostNotAllowed, &["spec.certConfig.hosts: ", &format!("{host:?}")]);
}

#[test]
fn a_request_for_an_unknown_virtual_mesh_is_refused() {
    let mut scene = Scene::new();
    scene.virtual_mesh = None;
    scene.assert_refused(
        Reason::UnknownVirtualMesh,
        &["meshroot-system/demo", "spec.virtualMeshRef"],
    );
}

#[test]
fn a_request_for_an_unknown_mesh_is_refused() {
    let mut scene = Scene::new();
    scene.mesh = None;
    scene.assert_refused(Reason::UnknownMesh, &["create the Mesh"]);
}

#[test]
fn a_request_for_a_mesh_that_is_no_member_is_refused() {
    let mut scene = Scene::new();
    scene.virtual_mesh = Some(virtual_mesh("another"));
    let mesh = format!("{NAMESPACE}/{MESH}");
    scene.assert_refused(Reason::NotAMember, &[&mesh, "spec.meshes", "meshroot-system/demo"]);
}

#[test]
fn a_mesh_of_that_name_in_another_cluster_is_no_member() {
    let mut scene = Scene::new();
    scene.mesh.as_mut().unwrap().metadata.namespace = Some("meshroot-cluster-west".to_owned());
    scene.assert_refused(Reason::NotAMember, &["meshroot-cluster-west"]);
}

#[test]
fn app_mesh_is_refused_with_the_end_of_its_support() {
    let mut scene = Scene::new();
    scene.request.spec.cert_config.mesh_type = MeshType::AppMesh;
    scene.assert_refused(Reason::UnsupportedMesh, &[MESH, "appmesh", "2026-09-30"]);
}

#[test]
fn a_mesh_that_cannot_take_an_intermediate_is_refused_whatever_type_the_request_says() {
    for (spec, part) in [(app_mesh(), "2026-09-30"), (linkerd(), "Istio only")] {
        let mut scene = Scene::with_csr(csr(intermediate_key(), &[]).to_pem());
        scene.request.spec.cert_config.hosts.clear();
        scene.mesh = Some(mesh(spec));
        scene.assert_refused(Reason::UnsupportedMesh, &[MESH, part]);
    }
}

#[test]
fn a_denied_request_is_refused_before_anything_else_is_looked_at() {
    let mut scene =
        Scene::with_csr("junk").decided_by_third_party(ApprovalStatus::Denied, "not ours");
    scene.virtual_mesh = None;
    scene.assert_refused(Reason::Denied, &["denied by alice: not ours", "ask for a renewal"]);
    let without_reason = Scene::new().decided_by_third_party(ApprovalStatus::Denied, "");
    without_reason.assert_refused(Reason::Denied, &["denied by alice; ask for a renewal"]);
}

#[test]
fn an_approval_does_not_replace_a_check() {
    let approved = |scene: Scene| scene.decided_by_third_party(ApprovalStatus::Approved, "fine");
    approved(Scene::with_csr("junk")).assert_refused(Reason::CsrMalformed, &[]);
    approved(Scene::with_hosts(&["evil.example"])).assert_refused(Reason::HostNotAllowed, &[]);
    let mut reused = approved(Scene::new());
    reused.earlier = Some(Key::new(NAMESPACE, "m.demo.1"));
    reused.assert_refused(Reason::KeyReused, &[]);
}

#[test]
fn nobody_is_asked_to_approve_what_cannot_be_issued() {
    let mut scene = Scene::with_csr("junk");
    scene.mode = ApprovalMode::ThirdParty;
    scene.assert_refused(Reason::CsrMalformed, &[]);
}

#[test]
fn every_refusal_is_for_the_user_to_act_on() {
    use Reason as R;
    let refusals = [
        R::Denied,
        R::CsrMalformed,
        R::CsrSignatureInvalid,
        R::WeakKey,
        R::KeyReused,
        R::HostsMismatch,
        R::HostNotAllowed,
        R::HostOfAnotherMesh,
        R::UnknownVirtualMesh,
        R::UnknownMesh,
        R::NotAMember,
        R::UnsupportedMesh,
    ];
    for reason in refusals {
        assert_eq!(reason.state(), State::Invalid, "{reason}");
    }
    for reason in [R::WaitingForAgent, R::WaitingForApproval] {
        assert_eq!(reason.state(), State::Unknown, "{reason}");
    }
}

#[test]
fn an_organization_that_is_not_the_type_of_the_mesh_is_refused() {
    let mut scene = Scene::new();
    scene.request.spec.cert_config.org = "Bank of Somewhere".to_owned();
    scene.assert_refused(
        Reason::OrgNotAllowed,
        &["spec.certConfig.org", "Bank of Somewhere", "Istio"],
    );
}

#[test]
fn a_name_that_says_another_virtual_mesh_than_the_reference_is_refused() {
    let mut scene = Scene::new();
    scene.request.metadata.name = Some("istio-istio-system-east.other.1".to_owned());
    scene.assert_refused(
        Reason::NameMismatch,
        &["virtual mesh other", "spec.virtualMeshRef.name says demo"],
    );
}
