//! What is issued, and what waits.

use meshroot_api::discovery::MeshSpec;
use meshroot_api::names::ASKED_ANNOTATION;
use meshroot_api::policy::ApprovalMode;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::shared::MeshType;
use meshroot_api::{Asked, Reason};
use meshroot_core::issuance::{Consent, Decision, approval_digest, matches, read, subject_parts};

use crate::scene::{IDENTITY, MESH, REQUEST, Scene, csr, istio, linkerd, mesh, request};
use crate::x509::{hosts, intermediate_key};

/// As the original system names its requests.
const ORIGINAL_NAME: &str = "istio-istio-system-east-cert-request";

#[test]
fn a_good_request_is_issued_by_policy() {
    let (checked, by, message) = Scene::new().issued();
    assert_eq!((by, message.as_str()), ("policy", "approval mode Automatic"));
    assert_eq!(checked.csr().public_key(), intermediate_key().public_key());
    assert_eq!(checked.hosts(), hosts(&[IDENTITY]));
}

#[test]
fn an_approved_request_is_issued_by_the_third_party_with_its_reason() {
    let mut scene = Scene::new().decided_by_third_party(ApprovalStatus::Approved, "ticket 4711");
    for mode in [ApprovalMode::ThirdParty, ApprovalMode::Automatic] {
        scene.mode = mode;
        let (_, by, message) = scene.issued();
        assert_eq!((by, message.as_str()), ("third-party", "ticket 4711"), "{mode:?}");
    }
}

#[test]
fn nothing_is_signed_while_a_third_party_has_not_decided() {
    let mut scene = Scene::new();
    scene.mode = ApprovalMode::ThirdParty;
    let command = format!("meshroot approve meshroot-cluster-east/{REQUEST}");
    scene.assert_waits(Reason::WaitingForApproval, &[&command]);
    let scene = scene.decided_by_third_party(ApprovalStatus::Pending, "looking into it");
    scene.assert_waits(Reason::WaitingForApproval, &[&command]);
}

pub(crate) fn what_would_be_signed() -> Asked {
    Asked {
        csr_sha256: csr(intermediate_key(), &[IDENTITY]).fingerprint().to_string(),
        profile_sha256: "11".repeat(32),
        lifetime: "2160h".parse().unwrap(),
        path_len: 0,
        issuer: "CN=root".to_owned(),
        issuer_sha256: "22".repeat(32),
        approvals: 1,
    }
}

#[test]
fn what_was_asked_for_approval_is_signed_or_nothing_is() {
    let now = what_would_be_signed();
    let mut scene = Scene::new();
    assert_eq!(Consent::of(&scene.request, &now), Ok(Consent::ToAsk));
    let refused = Consent::of_approved(&scene.request, &now).unwrap_err();
    assert_eq!(refused.reason, Reason::TermsChanged, "approved before it was asked");
    let mut ask = |asked: &str| {
        scene.request.metadata.annotations =
            Some([(ASKED_ANNOTATION.to_owned(), asked.to_owned())].into());
        Consent::of_approved(&scene.request, &now)
    };
    assert_eq!(ask(&now.to_string()), Ok(()));
    let other = "33".repeat(32);
    let changed = [
        (Asked { csr_sha256: other.clone(), ..now.clone() }, "another CSR"),
        (Asked { profile_sha256: other.clone(), ..now.clone() }, "another lifetime or path length"),
        (Asked { issuer_sha256: other, ..now.clone() }, "another issuer"),
    ];
    for (asked, what) in changed {
        let refused = ask(&asked.to_string()).unwrap_err();
        assert_eq!(refused.reason, Reason::TermsChanged);
        assert!(refused.message.contains(what), "{}", refused.message);
    }
    assert!(ask("{}").unwrap_err().message.contains("cannot be read"));
}

#[test]
fn the_digest_of_an_approval_is_of_one_object_and_of_all_that_was_asked() {
    let mut request = Scene::new().request;
    assert_eq!(approval_digest(&request), None);
    let mut digest = |uid: &str, asked: Asked| {
        request.metadata.uid = Some(uid.to_owned());
        request.metadata.annotations =
            Some([(ASKED_ANNOTATION.to_owned(), asked.to_string())].into());
        approval_digest(&request).unwrap()
    };
    let asked = what_would_be_signed();
    let first = digest("1", asked.clone());
    assert_eq!(first, digest("1", asked.clone()));
    assert_ne!(first, digest("2", asked.clone()));
    assert_ne!(first, digest("1", Asked { path_len: 1, ..asked }));
}

#[test]
fn a_request_without_csr_data_waits_for_the_agent_whatever_was_approved() {
    for (mode, approval) in [
        (ApprovalMode::Automatic, ApprovalStatus::Pending),
        (ApprovalMode::ThirdParty, ApprovalStatus::Pending),
        (ApprovalMode::ThirdParty, ApprovalStatus::Approved),
    ] {
        let mut scene = Scene::with_csr([]).decided_by_third_party(approval, "");
        scene.mode = mode;
        scene.assert_waits(Reason::WaitingForAgent, &["agent"]);
    }
}

#[test]
fn an_answered_request_is_left_alone_whatever_has_become_of_it() {
    let mut scene =
        Scene::with_csr("junk").decided_by_third_party(ApprovalStatus::Denied, "too late");
    scene.virtual_mesh = None;
    scene.status().response.ca_certificate = b"-----BEGIN CERTIFICATE-----".to_vec().into();
    assert!(matches!(scene.decide(), Decision::Answered));
}

#[test]
fn csr_data_may_be_der() {
    let der = csr(intermediate_key(), &[IDENTITY]).der().to_vec();
    let (checked, ..) = Scene::with_csr(der.clone()).issued();
    assert_eq!(checked.csr().der(), der);
}

#[test]
fn a_request_that_names_no_hosts_gets_those_of_its_configuration() {
    let (checked, ..) = Scene::with_csr(csr(intermediate_key(), &[]).to_pem()).issued();
    assert_eq!(checked.hosts(), hosts(&[IDENTITY]));
}

#[test]
fn hosts_are_compared_as_sets() {
    let mut scene = Scene::with_hosts(&["a.example", IDENTITY]);
    scene.allowed_hosts = vec!["a.example".to_owned()];
    scene.request.spec.cert_config.hosts =
        [IDENTITY, "a.example", IDENTITY].map(str::to_owned).to_vec();
    let (checked, ..) = scene.issued();
    let mut named = checked.hosts().to_vec();
    named.sort();
    assert_eq!(named, hosts(&["a.example", IDENTITY]));
}

#[test]
fn a_host_that_the_policy_allows_is_issued() {
    let mut scene = Scene::with_hosts(&[IDENTITY, "istiod.example", "10.0.0.7"]);
    scene.allowed_hosts = ["10.0.0.7", "not a host", "istiod.example"].map(str::to_owned).to_vec();
    assert_eq!(scene.issued().0.hosts().len(), 3);
}

#[test]
fn the_same_snapshot_always_gives_the_same_decision() {
    for scene in [Scene::new(), Scene::with_csr("junk"), Scene::with_csr([])] {
        assert_eq!(format!("{:?}", scene.decide()), format!("{:?}", scene.decide()));
    }
}

#[test]
fn after_a_crash_only_form_and_key_are_read_again() {
    let mut scene = Scene::new().decided_by_third_party(ApprovalStatus::Denied, "");
    scene.request.spec.cert_config.hosts = vec!["other.example".to_owned()];
    assert_eq!(read(&scene.request).unwrap().public_key(), intermediate_key().public_key());
    assert_eq!(read(&Scene::with_csr("junk").request).unwrap_err().reason, Reason::CsrMalformed);
}

#[test]
fn the_subject_carries_mesh_and_generation_of_the_requests_name() {
    let request = request("istio-istio-system-east.1-31.demo.12", Vec::new());
    let parts = subject_parts(&request, "ignored");
    assert_eq!(parts, ("istio-istio-system-east.1-31".to_owned(), "12".to_owned()));
}

#[test]
fn the_subject_of_an_original_request_carries_the_mesh_and_the_start_of_the_uid() {
    let mut request = request(ORIGINAL_NAME, Vec::new());
    assert_eq!(subject_parts(&request, MESH), (MESH.to_owned(), "0a1b2c3d".to_owned()));
    request.metadata.uid = None;
    assert_eq!(subject_parts(&request, MESH), (MESH.to_owned(), ORIGINAL_NAME[..8].to_owned()));
}

#[test]
fn a_request_of_the_original_system_matches_the_mesh_whose_identity_it_asks_for() {
    let request = request(ORIGINAL_NAME, Vec::new());
    assert!(matches(&request, &mesh(istio())));
    let mut elsewhere = mesh(istio());
    elsewhere.spec.istio.as_mut().unwrap().installation.installation_namespace =
        "istio-2".to_owned();
    assert!(!matches(&request, &elsewhere));
    assert!(!matches(&request, &mesh(linkerd())));
    assert!(!matches(&request, &mesh(MeshSpec::default())));
}

#[test]
fn a_request_of_the_original_system_for_another_type_matches_no_istio() {
    let mut request = request(ORIGINAL_NAME, Vec::new());
    request.spec.cert_config.mesh_type = MeshType::Linkerd;
    assert!(!matches(&request, &mesh(istio())));
    request.spec.cert_config.hosts.clear();
    request.spec.cert_config.mesh_type = MeshType::Istio;
    assert!(!matches(&request, &mesh(istio())));
}
