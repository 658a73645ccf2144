//! What a person asks of a rotation: gates, meshes that are left where they are, a root that was stolen.

use std::collections::BTreeMap;

use meshroot_api::policy::Gate;
use meshroot_api::rotation::{RootRotationSpec, Step, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_api::trust::{Goal, Sent, Telling};
use meshroot_api::{MeshTrust, Reason, RootRotation};
use meshroot_core::rotation::{OwnRoot, Rotation, Snapshot, View, read};

use crate::told::{
    NEW, OLD, bridged, demo, fingerprint, goal, mesh, new, old, rotation, spec, trust, view,
    wanted_back,
};
use crate::x509::{DAY, now};

/// What is made of a rotation that is asked for, for these roots and members.
fn asked_for(asked: &RootRotation, roots: &[OwnRoot], members: &[View<'_>]) -> Rotation {
    read(&Snapshot {
        virtual_mesh: &demo(),
        named: &[mesh("a"), mesh("b")],
        roots,
        ready: 2,
        rotation: Some(asked),
        members,
        now: now(),
    })
    .unwrap()
}

/// A member that was told the new goal and nothing else, in a rotation of which somebody confirms the steps.
fn confirmed(step: Option<Step>, rollback: bool) -> Rotation {
    let sends = Some(Sent { issuer: fingerprint(&OLD), through: None });
    let told = trust(&[&OLD], Some(Telling { sends, ..bridged() }));
    let mut asked = wanted_back(Step::Announcing);
    asked.spec.gate = Gate::Confirm;
    asked.spec.confirmed_step = step;
    asked.spec.rollback = rollback;
    asked_for(&asked, &[old(), new()], &[view("a", Some(&told))])
}

#[test]
fn a_gate_holds_a_step_until_it_or_a_later_one_is_confirmed_and_says_by_which_command() {
    let held = confirmed(None, false);
    assert_eq!((held.changed().count(), held.awaited()), (0, Some(Step::Reissuing)));
    assert_eq!(held.issuer(&mesh("a")), Some(1), "it renews under the old root");
    let summary = held.summary(&BTreeMap::new());
    assert_eq!((summary.step, summary.is_stalled()), (Step::Reissuing, false));
    let said = summary.said.message;
    assert!(said.ends_with("Reissuing: meshroot rotate confirm meshroot-system/demo"), "{said}");
    for step in [Step::Reissuing, Step::Trusting, Step::Distrusting] {
        let rotation = confirmed(Some(step), false);
        assert_eq!((rotation.changed().count(), rotation.awaited()), (1, None), "{step:?}");
        assert_eq!(rotation.issuer(&mesh("a")), Some(2));
    }
}

#[test]
fn going_back_is_not_held_by_a_gate() {
    let back = confirmed(None, true);
    assert_eq!((back.goal().number, back.awaited()), (1, None));
    assert_eq!(back.changed().count(), 1, "it is told that the goal is another");
}

#[test]
fn a_forecast_goes_through_every_gate_and_says_where_one_is() {
    let confirms = |step| {
        let stages = confirmed(step, false).forecast().stages;
        stages.iter().map(|stage| stage.confirms).collect::<Vec<_>>()
    };
    let (trusting, distrusting) = (Some(Step::Trusting), Some(Step::Distrusting));
    assert_eq!(confirms(None), [Some(Step::Reissuing), trusting, distrusting]);
    assert_eq!(confirms(trusting), [None, None, distrusting]);
}

/// A member that was told nothing new yet and one beside it, in a rotation of which these are excluded.
fn without(excluded: &[&str]) -> Rotation {
    let sends = Some(Sent { issuer: fingerprint(&OLD), through: None });
    let told = trust(&[&OLD], Some(Telling { sends, ..bridged() }));
    let mut asked = wanted_back(Step::Announcing);
    let of = |name: &&str| ResourceRef::new(*name, "meshroot-cluster-east");
    asked.spec.rollback = false;
    asked.spec.excluded = excluded.iter().map(of).collect();
    asked.metadata.namespace = Some("meshroot-system".to_owned());
    asked_for(&asked, &[old(), new()], &[view("a", Some(&told)), view("b", Some(&told))])
}

#[test]
fn other_members_are_another_goal_and_all_are_told_of_it_first() {
    assert_eq!(without(&[]).goal(), &goal());
    let rotation = without(&["b"]);
    let excluded = vec!["meshroot-cluster-east/b".to_owned()];
    assert_eq!(rotation.goal(), &Goal { sequence: 8, excluded, ..goal() });
    assert_eq!(rotation.changed().count(), 2);
    assert_eq!(rotation.issuer(&mesh("a")), Some(1), "nothing is planned before");
}

#[test]
fn a_goal_without_anybody_excluded_is_written_as_before() {
    let text = serde_json::to_string(&goal()).unwrap();
    assert!(!text.contains("excluded"), "{text}");
    assert_eq!(serde_json::from_str::<Goal>(&text).unwrap(), goal());
}

/// Both were told that one of them is excluded; the other goes on.
#[test]
fn who_is_excluded_keeps_what_it_was_told_and_nobody_waits_for_it() {
    let excluded = vec!["meshroot-cluster-east/b".to_owned()];
    let goal = Goal { excluded, ..goal() };
    let old_sends = Some(Sent { issuer: fingerprint(&OLD), through: None });
    let new_sends = Some(Sent { issuer: fingerprint(&NEW), through: None });
    let telling = |sends| Telling { goal: goal.clone(), sends, ..bridged() };
    let (a, b) =
        (trust(&[&NEW], Some(telling(new_sends))), trust(&[&OLD], Some(telling(old_sends))));
    let mut asked = wanted_back(Step::Settling);
    asked.spec.rollback = false;
    asked.spec.excluded = vec![ResourceRef::new("b", "meshroot-cluster-east")];
    let members = [view("a", Some(&a)), view("b", Some(&b))];
    let rotation = asked_for(&asked, &[old(), new()], &members);
    assert_eq!((rotation.goal(), rotation.changed().count()), (&goal, 0));
    assert_eq!(rotation.issuer(&mesh("b")), Some(1), "it renews under the old root");
    assert!(rotation.is_complete() && rotation.is_in_use(1));
    let said = rotation.summary(&BTreeMap::new()).said.message;
    assert!(
        said.ends_with("left behind by spec.excluded, where they were: meshroot-cluster-east/b")
    );
    let failing = rotation.pairs().into_iter().filter(|pair| !pair.now).count();
    assert_eq!(failing, 2, "neither verifies the other");
    // The request may be deleted: the list stands with the goal.
    let forgotten = self::rotation(&[old(), new()], &members);
    assert_eq!((forgotten.goal(), forgotten.changed().count()), (&goal, 0));
    // Taken off the list it goes on from where it is.
    asked.spec.excluded.clear();
    assert_eq!(asked_for(&asked, &[old(), new()], &members).goal().sequence, goal.sequence + 1);
}

#[test]
fn a_list_that_names_no_member_holds_everything_and_says_what_to_correct() {
    let rotation = without(&["b", "c"]);
    assert_eq!((rotation.goal(), rotation.changed().count()), (&goal(), 0));
    let summary = rotation.summary(&BTreeMap::new());
    assert_eq!(summary.said.reason, Reason::SpecInvalid);
    let parts = [
        "RootRotation meshroot-system/demo.2: spec.excluded: meshroot-cluster-east/c is no member of virtual mesh \
         meshroot-system/demo",
        "take it out",
    ];
    assert!(
        parts.iter().all(|part| summary.said.message.contains(part)),
        "{}",
        summary.said.message
    );
}

/// A member that sends and trusts the old root alone, whose key is believed stolen.
fn tainted(strategy: Strategy, cross: bool, excluded: bool) -> Rotation {
    let sends = Some(Sent { issuer: fingerprint(&OLD), through: None });
    let listed = if excluded { vec!["meshroot-cluster-east/b".to_owned()] } else { Vec::new() };
    let goal = Goal { excluded: listed, ..goal() };
    let told = trust(&[&OLD], Some(Telling { goal, sends, ..bridged() }));
    let mut asked = wanted_back(Step::Announcing);
    asked.spec = RootRotationSpec { strategy, taint_old: true, ..RootRotationSpec::default() };
    if excluded {
        asked.spec.excluded = vec![ResourceRef::new("b", "meshroot-cluster-east")];
    }
    let new = if cross { new() } else { OwnRoot { cross: None, ..new() } };
    asked_for(&asked, &[old(), new], &[view("a", Some(&told)), view("b", Some(&told))])
}

/// How many waits there are until nobody trusts the old root.
fn waits(rotation: &Rotation) -> i64 {
    let until = rotation.exposed().into_iter().map(|(_, until)| until.unwrap()).max().unwrap();
    until.duration_since(now()).as_secs() / (DAY + 300)
}

#[test]
fn the_way_is_the_one_that_soonest_has_nobody_trust_a_stolen_root() {
    for (strategy, cross, most) in [
        (Strategy::Automatic, true, 2),
        (Strategy::CrossSigned, true, 2),
        (Strategy::BundleFirst, true, 3),
        (Strategy::Automatic, false, 3),
    ] {
        assert_eq!(waits(&tainted(strategy, cross, false)), most, "{strategy:?} {cross}");
    }
}

#[test]
fn it_is_said_until_when_and_by_whom_a_stolen_root_is_trusted() {
    let rotation = tainted(Strategy::Automatic, true, false);
    assert_eq!(rotation.tainted(), Some(1));
    let said = rotation.summary(&BTreeMap::new()).said.message;
    let until = rotation.exposed()[0].1.unwrap();
    let meshes = "meshroot-cluster-east/a, meshroot-cluster-east/b until 20";
    let part = format!("root 1, whose key is believed stolen, is trusted by workloads of {meshes}");
    assert!(said.contains(&part) && said.ends_with(":00Z at the earliest"), "{said} {until}");
    let rotation = tainted(Strategy::Automatic, true, true);
    let said = rotation.summary(&BTreeMap::new()).said.message;
    assert!(said.ends_with(", of meshroot-cluster-east/b as long as they are excluded"), "{said}");
    assert_eq!(rotation.exposed()[1], (mesh("b"), None));
}

#[test]
fn a_root_that_nobody_said_was_stolen_is_not_spoken_of() {
    let rotation = without(&[]);
    assert_eq!((rotation.tainted(), rotation.exposure()), (None, None));
    assert_eq!(rotation.exposed(), []);
}

#[test]
fn who_trusts_the_old_root_believes_what_is_signed_under_the_new_one_through_the_cross_certificate()
{
    let both = [mesh("a"), mesh("b")];
    let rotation = tainted(Strategy::CrossSigned, true, false);
    assert_eq!((rotation.believing(1), rotation.believing(2)), (both.to_vec(), both.to_vec()));
    let rotation = tainted(Strategy::BundleFirst, false, false);
    assert_eq!((rotation.believing(1), rotation.believing(2)), (both.to_vec(), Vec::new()));
}

/// What two members were told, and whether the second has loaded it; in a rotation in which refusals are accepted or not.
fn hurried(first: &MeshTrust, second: &MeshTrust, cross: bool, accept_refusals: bool) -> Rotation {
    let mut asked = wanted_back(Step::Announcing);
    asked.spec =
        RootRotationSpec { taint_old: true, accept_refusals, ..RootRotationSpec::default() };
    let new = if cross { new() } else { OwnRoot { cross: None, ..new() } };
    let loaded = View { loaded_since: Some(now()), ..view("b", Some(second)) };
    asked_for(&asked, &[old(), new], &[view("a", Some(first)), loaded])
}

/// All had loaded their new certificates when the first was told; what it was told last it has not loaded.
#[test]
fn who_accepts_refusals_has_no_member_wait_for_one_that_was_told_before_it() {
    let plain = |root| Sent { issuer: fingerprint(root), through: None };
    let former = Telling { sent: vec![plain(&OLD)], ..bridged() };
    let told = Telling { trusted: vec![vec![fingerprint(&OLD)]], ..former.clone() };
    let (first, second) = (trust(&[&NEW], Some(told)), trust(&[&OLD], Some(former)));
    let anchors = |accept| {
        let rotation = hurried(&first, &second, true, accept);
        spec(rotation.told(&mesh("b"), Some(&second), true).unwrap().unwrap()).trust_anchors
    };
    assert_eq!(anchors(true), NEW.to_pem());
    assert_eq!(anchors(false), OLD.to_pem());

    let former =
        Telling { sends: Some(plain(&OLD)), trusted: vec![vec![fingerprint(&OLD)]], ..bridged() };
    let told = Telling { sends: Some(plain(&NEW)), sent: vec![plain(&OLD)], ..former.clone() };
    let (first, second) = (trust(&[&OLD, &NEW], Some(told)), trust(&[&OLD, &NEW], Some(former)));
    let issuer = |accept| hurried(&first, &second, false, accept).issuer(&mesh("b"));
    assert_eq!((issuer(true), issuer(false)), (Some(2), Some(1)));
}
