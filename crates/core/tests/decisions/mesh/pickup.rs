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

#[test]
fn a_secret_of_ours_that_nobody_can_read_is_said() {
    let mut scene = Scene::new();
    scene.requests.clear();
    let Found::Ours(there) = &mut scene.found else { panic!() };
    there.intermediate = None;
    scene.assert_says(Reason::ForeignSecret, "Secret istio-system/cacerts");
}
