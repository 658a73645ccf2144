//! What follows from what was seen of a control plane.

use super::*;

#[test]
fn a_control_plane_is_asked_once_something_of_ours_is_installed() {
    let mut scene = Scene::new();
    scene.facts.seen = None;
    scene.assert_asks(&Fact::Seen);
    scene.found = Found::Nothing;
    scene.requests.clear();
    assert_eq!(scene.steps(), Vec::<&str>::new());
}

#[test]
fn one_that_must_be_restarted_is_only_where_the_policy_allows_it_and_a_witness_says_so() {
    let mut scene = Scene::new();
    scene.facts.seen = Some(chain(old_intermediate()));
    assert_eq!(scene.steps(), ["measure", "report"]);
    scene.assert_says(Reason::RestartNeeded, "run: kubectl -n istio-system rollout restart");
    scene.trust.spec.restart = Restart::Automatic;
    assert_eq!(scene.steps(), ["measure", "report", "restart"]);
    scene.assert_says(Reason::RestartNeeded, "is being restarted");
    scene.facts.seen = Some(Seen::default());
    assert_eq!(scene.steps(), ["measure", "report"]);
    scene.assert_says(Reason::Installed, "cannot be asked from here");
}

#[test]
fn one_that_shows_nothing_new_is_asked_ever_less_often() {
    let mut scene = Scene::new();
    scene.facts.seen = Some(chain(old_intermediate()));
    for (waited, again) in [(0, 2), (8, 2), (40, 10), (119, 29), (400, 30)] {
        let Found::Ours(there) = &mut scene.found else { panic!() };
        there.written = now() - SignedDuration::from_secs(waited);
        let again = Some(Duration::from_secs(again));
        let asked = scene.actions().again.map(|asked| Duration::from_secs(asked.as_secs()));
        assert_eq!(asked, again, "{waited}");
    }
}

/// Nobody can read what is installed, or it is gone.
fn lost() -> [Scene; 2] {
    let (mut spoiled, mut gone) = (Scene::new(), Scene::new());
    let Found::Ours(there) = &mut spoiled.found else { panic!() };
    (there.intermediate, there.intact) = (None, false);
    gone.found = Found::Nothing;
    [spoiled, gone].map(|mut scene| {
        let installed = Some(name(1).to_string());
        scene.trust.status = Some(MeshTrustStatus { installed, ..MeshTrustStatus::default() });
        scene
    })
}

#[test]
fn what_is_lost_together_with_its_request_is_told_once_as_not_installed() {
    for mut scene in lost() {
        scene.requests.clear();
        scene.assert_says(Reason::ResponseInvalid, "Secret istio-system/cacerts");
        let report = scene.report().unwrap();
        assert_eq!((report.pickup, report.installed), (Pickup::Unknown, None));
        scene.trust.status = Some(MeshTrustStatus::default());
        assert_eq!(scene.steps(), [""; 0], "the hub knows");
    }
}

#[test]
fn what_is_lost_alone_is_written_again_from_its_request() {
    for mut scene in lost() {
        scene.facts.trust_is_fresh = true;
        let scene = scene.with_key(1, Some(kept(intermediate_key())));
        assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
    }
}
