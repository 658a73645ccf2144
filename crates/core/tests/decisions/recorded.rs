//! What becomes of a request that the ledger knows.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::Reason;
use meshroot_api::policy::ApprovalMode;
use meshroot_api::record::{
    Decision as Recorded, IssuanceRecordSpec, PreparedCertificate, RecordedRequest, Verdict,
};
use meshroot_api::security::ApprovalStatus;
use meshroot_api::shared::State;
use meshroot_core::issuance::Decision;

use crate::scene::{IDENTITY, MESH, REQUEST, Scene, blocking, csr};
use crate::x509::{intermediate_key, leaf_key};

/// A scene whose request was approved and recorded, and not answered yet.
fn recorded() -> Scene {
    let mut scene = Scene::new();
    scene.record = Some(record(&scene));
    scene
}

pub(crate) fn record(scene: &Scene) -> IssuanceRecordSpec {
    let time = || Time(jiff::Timestamp::UNIX_EPOCH);
    let csr = csr(intermediate_key(), &[IDENTITY]);
    IssuanceRecordSpec {
        request: RecordedRequest {
            name: REQUEST.to_owned(),
            uid: scene.request.metadata.uid.clone().unwrap(),
        },
        virtual_mesh_ref: scene.request.spec.virtual_mesh_ref.clone(),
        csr_sha256: csr_digest(scene),
        public_key_sha256: csr.public_key().fingerprint().to_string(),
        decision: Recorded {
            verdict: Verdict::Approved,
            by: "policy".to_owned(),
            message: "ticket 4711".to_owned(),
            time: time(),
            people: Vec::new(),
            asked_sha256: String::new(),
        },
        prepared: Some(PreparedCertificate {
            serial: "01".to_owned(),
            tbs_sha256: String::new(),
            issuer_sha256: String::new(),
            not_before: time(),
            not_after: Time(jiff::Timestamp::from_second(60).unwrap()),
            profile_sha256: String::new(),
        }),
        facts: String::new(),
        sequence: 1,
        previous_sha256: String::new(),
        fence: 0,
    }
}

fn csr_digest(scene: &Scene) -> String {
    meshroot_core::issuance::read(&scene.request).unwrap().fingerprint().to_string()
}

#[test]
fn what_was_recorded_is_signed_whatever_the_policy_says_now() {
    let mut scene = recorded();
    scene.mode = ApprovalMode::ThirdParty;
    scene.virtual_mesh.as_mut().unwrap().spec.meshes.clear();
    scene.earlier = Some(meshroot_core::membership::Key::new("somewhere", "else"));
    let Decision::Resume { checked } = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert_eq!(checked.csr().public_key(), intermediate_key().public_key());
    assert_eq!((checked.virtual_mesh(), checked.mesh()), ("demo", MESH));
    assert_eq!((checked.organization(), checked.generation()), ("Istio", "1"));
}

#[test]
fn a_key_that_was_blocked_after_the_decision_is_not_signed() {
    let mut scene = recorded();
    scene.blocked = blocking(intermediate_key());
    scene.assert_refused(Reason::WeakKey, &["lost.txt, line 1"]);
}

#[test]
fn an_entry_that_ended_before_it_was_signed_is_dead_and_makes_way_for_the_next_request() {
    let mut scene = recorded();
    let prepared = scene.record.as_mut().unwrap().prepared.as_mut().unwrap();
    prepared.not_after = Time(jiff::Timestamp::UNIX_EPOCH);
    scene.assert_refused(Reason::RecordExpired, &["1970-01-01", "the next request"]);
    assert_eq!(Reason::RecordExpired.state(), State::Conflict, "which is what makes it dead");
}

#[test]
fn an_entry_for_another_object_or_another_key_is_a_conflict() {
    let mut scene = recorded();
    scene.request.metadata.uid = Some("another".to_owned());
    scene.assert_refused(Reason::RecordMismatch, &["an earlier request of this name"]);
    let mut scene = recorded();
    scene.request.spec.csr_data.0 = csr(leaf_key(), &[IDENTITY]).to_pem().into_bytes();
    scene.assert_refused(Reason::RecordMismatch, &["spec.csrData", "ask for a renewal"]);
    scene.request.spec.csr_data.0 = b"junk".to_vec();
    scene.assert_refused(Reason::RecordMismatch, &["spec.csrData", "ask for a renewal"]);
}

#[test]
fn a_denial_is_final_whether_it_is_in_the_ledger_or_came_after_it() {
    let mut scene = recorded();
    scene.record.as_mut().unwrap().prepared = None;
    let Decision::Refuse(refusal) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert_eq!(refusal.reason, Reason::Denied);
    assert!(refusal.message.contains("ticket 4711"), "{}", refusal.message);
    let scene = recorded().decided_by_third_party(ApprovalStatus::Denied, "too late");
    let Decision::Refuse(refusal) = scene.decide() else { panic!("{:?}", scene.decide()) };
    assert!(refusal.message.contains("too late"), "{}", refusal.message);
}

#[test]
fn what_is_recorded_waits_for_its_surroundings() {
    let mut scene = recorded();
    scene.has_policy = false;
    scene.assert_refused(Reason::RootUnavailable, &["TrustPolicy"]);
    let mut scene = recorded();
    scene.mesh = None;
    scene.assert_refused(Reason::UnknownMesh, &["gone"]);
}

#[test]
fn a_denial_that_nobody_recorded_is_to_be_recorded() {
    let scene = Scene::new().decided_by_third_party(ApprovalStatus::Denied, "no");
    assert!(matches!(scene.decide(), Decision::Deny { .. }));
}

#[test]
fn without_a_policy_nothing_is_issued() {
    for approval in [ApprovalStatus::Pending, ApprovalStatus::Approved] {
        let mut scene = Scene::new().decided_by_third_party(approval, "");
        scene.has_policy = false;
        scene.assert_refused(Reason::RootUnavailable, &["TrustPolicy"]);
    }
}
