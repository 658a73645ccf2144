//! What is installed, and what is not.

use super::*;

#[test]
fn an_answer_that_is_not_installed_is_once_the_key_is_read() {
    let mut scene = Scene::before_installation();
    match scene.plan() {
        Plan::Install(delivery) => {
            assert_eq!(delivery.request, name(1));
            assert_eq!((delivery.chain, delivery.roots), (vec![intermediate()], vec![root()]));
        }
        other => panic!("{other:?}"),
    }
    scene.facts.keys.clear();
    scene.assert_asks(&Fact::Key(name(1)));
}

type Change = fn(&mut Installed);

#[rstest::rstest]
#[case::somebody_changed_it(|it: &mut Installed| it.intact = false)]
#[case::other_anchors(|it: &mut Installed| it.anchors.clear())]
#[case::an_older_certificate(|it: &mut Installed| it.request = name(7).to_string())]
fn what_is_not_as_it_should_be_is_written_again_and_not_twice_in_a_turn(#[case] change: Change) {
    let mut scene = Scene::before_installation();
    let mut there = installed(1);
    change(&mut there);
    scene.found = Found::Ours(Box::new(there));
    assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
    scene.facts.delivered = true;
    assert!(!matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
}

#[test]
fn what_somebody_else_wrote_is_replaced_only_if_that_is_allowed() {
    let mut scene = Scene::before_installation();
    scene.found = Found::Foreign(Refusal::new(Reason::ForeignSecret, "theirs"));
    scene.assert_says(Reason::ForeignSecret, "theirs");
    assert_eq!(scene.actions().again, Some(Duration::from_secs(30)));
    scene.trust.spec.adopt = Adopt::Always;
    assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
}

#[test]
fn an_answer_that_does_not_verify_is_not_installed_and_it_is_said_why() {
    let scene = Scene::before_installation().with_key(1, None);
    scene.assert_says(Reason::ResponseInvalid, "run `meshroot renew`");
    let scene = Scene::before_installation().with_key(1, Some(kept(leaf_key())));
    scene.assert_says(Reason::ResponseInvalid, "for another key");
    let mut scene = Scene::before_installation();
    Arc::make_mut(&mut scene.requests[0]).spec.cert_config.hosts = vec!["a.example".into()];
    scene.assert_says(Reason::ResponseInvalid, "asked was [a.example]");
    let mut scene = Scene::before_installation();
    scene.mesh.spec.istio.as_mut().unwrap().citadel_info.trust_domain = "corp.example".into();
    scene.assert_says(Reason::ResponseInvalid, "is not named spiffe://corp.example/");
    let mut scene = Scene::before_installation();
    scene.roots = vec![other_root()];
    scene.assert_says(Reason::LintRefused, "(path)");
    let mut scene = Scene::before_installation();
    scene.trust.spec.request = "nonsense".into();
    scene.assert_says(Reason::ResponseInvalid, "no name of a request");
}
