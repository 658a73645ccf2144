//! Who approved, and whether that is enough.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::approval::RequestApprovalSpec;
use meshroot_api::names::ASKED_ANNOTATION;
use meshroot_api::policy::ApprovalMode;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::{Asked, Reason, RequestApproval};
use meshroot_core::issuance::{Decision, Given, approval_digest};

use crate::issuance::what_would_be_signed;
use crate::scene::Scene;

const DAY: i64 = 86_400;

/// A request that two people have to approve, which the hub has asked for.
fn scene() -> Scene {
    let mut scene = Scene::new();
    scene.mode = ApprovalMode::ThirdParty;
    scene.required = Some(2);
    scene.now = 10 * DAY;
    ask(&mut scene, &what_would_be_signed());
    scene
}

fn ask(scene: &mut Scene, asked: &Asked) {
    let annotations = scene.request.metadata.annotations.get_or_insert_default();
    annotations.insert(ASKED_ANNOTATION.to_owned(), asked.to_string());
}

/// An approval of the scene's request, given a minute ago.
fn approval(scene: &Scene, user: &str, message: &str) -> RequestApproval {
    let spec = RequestApprovalSpec {
        request: scene.request.metadata.name.clone().unwrap(),
        virtual_mesh_ref: scene.request.spec.virtual_mesh_ref.clone(),
        sha256: approval_digest(&scene.request).unwrap().to_string(),
        user: user.to_owned(),
        message: message.to_owned(),
    };
    let mut approval = RequestApproval::of(&scene.request, "suffix", spec);
    approval.metadata.creation_timestamp = Some(at(scene.now - 60));
    approval
}

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn given(scene: &Scene) -> Given {
    match scene.decide() {
        Decision::Ask { given, .. } => given,
        other => panic!("{other:?}"),
    }
}

/// The names of those who count.
fn counted(scene: &Scene) -> Vec<String> {
    given(scene).people.into_iter().map(|person| person.user).collect()
}

#[test]
fn two_people_are_asked_and_one_of_them_is_not_enough() {
    let mut scene = scene();
    scene.assert_waits(Reason::WaitingForApproval, &["waiting for 2 people to approve"]);
    scene.approvals.push(Arc::new(approval(&scene, "alice", "CHG-1")));
    let waits = "waiting for 1 more person to approve, 1 of 2 did (alice), what";
    scene.assert_waits(Reason::WaitingForApproval, &[waits, " --sha256 "]);
}

#[test]
fn what_enough_different_people_approved_is_issued_and_says_who_they_are_in_their_order() {
    let mut scene = scene();
    let mut late = approval(&scene, "alice", "CHG-1");
    late.metadata.creation_timestamp = Some(at(scene.now - 5));
    let early = approval(&scene, "bob", "looks right");
    scene.approvals = vec![Arc::new(late), Arc::new(early)];
    match scene.decide() {
        Decision::Issue { decided, .. } => {
            let people: Vec<_> = decided.people.iter().map(|person| person.user.as_str()).collect();
            assert_eq!(people, ["bob", "alice"]);
            assert_eq!(
                (decided.by, decided.message.as_str()),
                ("third-party", "looks right; CHG-1")
            );
            assert_eq!(decided.people[0].time, at(scene.now - 60));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_person_is_one_person_however_often_they_approve() {
    let mut scene = scene().decided_by_third_party(ApprovalStatus::Approved, "");
    assert_eq!(counted(&scene), ["alice"]);
    scene.approvals =
        vec![Arc::new(approval(&scene, "alice", "1")), Arc::new(approval(&scene, "alice", "2"))];
    assert_eq!(counted(&scene), ["alice"]);
    scene.approvals.push(Arc::new(approval(&scene, "Alice", "")));
    assert!(matches!(scene.decide(), Decision::Issue { .. }), "who is another user counts");
}

#[test]
fn an_approval_of_anything_else_does_not_count() {
    type Change = fn(&mut RequestApproval);
    let changes: [(&str, Change); 9] = [
        ("another digest", |it| it.spec.sha256 = "ab".repeat(32)),
        ("no digest", |it| it.spec.sha256.clear()),
        ("another request", |it| it.spec.request = "istio-istio-system-east.demo.2".to_owned()),
        ("another namespace", |it| {
            it.metadata.namespace = Some("meshroot-cluster-west".to_owned());
        }),
        ("another virtual mesh", |it| it.spec.virtual_mesh_ref.name = "other".to_owned()),
        ("a virtual mesh elsewhere", |it| it.spec.virtual_mesh_ref.namespace = "shop".to_owned()),
        ("withdrawn", |it| it.metadata.deletion_timestamp = Some(at(1))),
        ("nobody", |it| it.spec.user.clear()),
        ("no time", |it| it.metadata.creation_timestamp = None),
    ];
    for (what, change) in changes {
        let mut scene = scene();
        let mut other = approval(&scene, "bob", "");
        change(&mut other);
        scene.approvals = vec![Arc::new(approval(&scene, "alice", "")), Arc::new(other)];
        assert_eq!(counted(&scene), ["alice"], "{what}");
    }
}

#[test]
fn an_approval_is_of_the_very_object_and_of_what_was_asked() {
    let mut scene = scene();
    let given = approval(&scene, "alice", "");
    scene.approvals = vec![Arc::new(given)];
    assert_eq!(counted(&scene).len(), 1);
    scene.request.metadata.uid = Some("another object of the name".to_owned());
    assert!(counted(&scene).is_empty());
    let mut scene = self::scene();
    scene.approvals = vec![Arc::new(approval(&scene, "alice", ""))];
    ask(&mut scene, &Asked { path_len: 1, ..what_would_be_signed() });
    assert!(counted(&scene).is_empty());
}

#[test]
fn an_approval_counts_for_a_week_unless_the_policy_says_otherwise() {
    let mut scene = scene();
    let mut old = approval(&scene, "alice", "");
    let mut older = approval(&scene, "bob", "");
    old.metadata.creation_timestamp = Some(at(scene.now - 7 * DAY + 1));
    older.metadata.creation_timestamp = Some(at(scene.now - 7 * DAY));
    scene.approvals = vec![Arc::new(old), Arc::new(older)];
    assert_eq!(counted(&scene), ["alice"]);
    assert_eq!(given(&scene).until, Some(at(scene.now + 1).0));
}

#[test]
fn how_many_are_needed_may_grow_after_it_was_asked_and_not_shrink() {
    let mut scene = scene();
    scene.approvals = vec![Arc::new(approval(&scene, "alice", ""))];
    scene.required = Some(3);
    assert_eq!(given(&scene).required, 3);
    scene.required = None;
    assert!(matches!(scene.decide(), Decision::Issue { .. }), "it was asked of one");
    ask(&mut scene, &Asked { approvals: 2, ..what_would_be_signed() });
    scene.approvals = vec![Arc::new(approval(&scene, "alice", ""))];
    assert_eq!(given(&scene).required, 2);
}

#[test]
fn an_approval_by_nobody_is_none() {
    let mut scene = scene().decided_by_third_party(ApprovalStatus::Approved, "");
    scene.required = None;
    for message in ["", "CHG-1234", "approved by ", "denied by alice: x"] {
        message.clone_into(&mut scene.status().third_party_approval.message);
        scene
            .assert_refused(Reason::ApproverUnknown, &["does not say by whom", "meshroot install"]);
    }
    "approved by system:serviceaccount:tickets:bot: CHG-1: urgent"
        .clone_into(&mut scene.status().third_party_approval.message);
    match scene.decide() {
        Decision::Issue { decided, .. } => {
            assert_eq!(decided.people[0].user, "system:serviceaccount:tickets:bot");
            assert_eq!(decided.people[0].message, "CHG-1: urgent");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn changing_back_to_automatic_approves_what_waits_for_people() {
    let mut scene = scene();
    scene.approvals = vec![Arc::new(approval(&scene, "alice", ""))];
    scene.mode = ApprovalMode::Automatic;
    assert_eq!(scene.issued().1, "policy");
}

#[test]
fn how_many_approve_is_asked_and_not_signed() {
    let one = what_would_be_signed();
    let two = Asked { approvals: 2, ..one.clone() };
    assert!(one.is_same(&two));
    assert!(!one.to_string().contains("approvals") && two.to_string().contains("\"approvals\":2"));
}
