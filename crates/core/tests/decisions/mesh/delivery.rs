//! What is installed, and what is not.

use super::*;
use meshroot_api::trust::{Goal, Telling};

#[test]
fn an_answer_that_is_not_installed_is_once_the_key_is_read() {
    let mut scene = Scene::before_installation();
    match scene.plan() {
        Plan::Install(delivery) => {
            assert_eq!(delivery.request, Some(name(1)));
            assert_eq!((delivery.chain, delivery.roots), (vec![intermediate()], vec![root()]));
        }
        other => panic!("{other:?}"),
    }
    scene.facts.trust_is_fresh = false;
    scene.assert_asks(&Fact::FreshTrust);
    scene.facts.keys.clear();
    scene.assert_asks(&Fact::Key(name(1)));
}

#[test]
fn a_mesh_that_is_told_nothing_yet_installs_nothing() {
    let mut scene = Scene::before_installation();
    scene.roots.clear();
    assert!(matches!(scene.plan(), Plan::Do(_)), "{:?}", scene.plan());
}

/// As `root`, signed by another key.
fn cross() -> Certificate {
    let mut cross = Template::root();
    cross.issuer = subject("other");
    cross.serial = vec![8];
    cross.sign(leaf_key())
}

#[test]
fn what_is_told_to_be_sent_above_takes_the_place_of_what_came_with_the_answer() {
    let mut scene = Scene::before_installation();
    let cross = cross();
    scene.above = Some(vec![cross.clone()]);
    let delivered = |scene: &Scene| match scene.plan() {
        Plan::Install(delivery) => delivery.chain,
        other => panic!("{other:?}"),
    };
    assert_eq!(delivered(&scene), [intermediate(), cross.clone()]);
    let mut there = installed(1);
    scene.found = Found::Ours(Box::new(there.clone()));
    assert_eq!(delivered(&scene), [intermediate(), cross.clone()], "it is not there yet");
    there.chain.push(cross.clone());
    scene.found = Found::Ours(Box::new(there.clone()));
    scene.facts.seen = Some(Seen::default());
    assert!(matches!(scene.plan(), Plan::Do(_)), "{:?}", scene.plan());
    scene.above = Some(Vec::new());
    assert_eq!(delivered(&scene), [intermediate()], "it is sent no more");
    // By the cross-certificate it leads to the other root too, which a mesh under that one trusts.
    scene.above = Some(vec![cross]);
    scene.roots = vec![other_root()];
    there.anchors = vec![root()];
    scene.found = Found::Ours(Box::new(there));
    assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
}

#[test]
fn a_hub_that_went_back_changes_nothing() {
    let told = |sequence| {
        let goal = Goal { sequence, ..Goal::default() };
        Some(Telling { goal, ..Telling::default() })
    };
    let mut scene = Scene::before_installation();
    let mut there = installed(1);
    there.goal = Some(2);
    there.anchors.clear();
    scene.found = Found::Ours(Box::new(there));
    for rotation in [None, told(1)] {
        scene.trust.spec.rotation = rotation;
        scene.facts.seen = Some(Seen::default());
        scene.assert_says(Reason::HubWentBack, "told for goal 2");
    }
    for sequence in [2, 3] {
        scene.trust.spec.rotation = told(sequence);
        match scene.plan() {
            Plan::Install(delivery) => assert_eq!(delivery.goal, Some(sequence)),
            other => panic!("{other:?}"),
        }
    }
    // One that was restored and has gone on to another goal since does not know of what is installed.
    let mut newer = installed(1);
    newer.goal = Some(2);
    newer.anchors = vec![root(), other_root()];
    scene.found = Found::Ours(Box::new(newer.clone()));
    scene.facts.seen = Some(Seen::default());
    scene.assert_says(Reason::HubWentBack, "does not know of the trust anchors");
    let known = newer.anchors.iter().map(|one| one.fingerprint().to_string()).collect();
    scene.trust.spec.rotation.as_mut().unwrap().trusted = vec![known];
    assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
    // Another virtual mesh counts its own.
    let mut other = installed(1);
    other.request = "istio.other.1".into();
    other.goal = Some(7);
    scene.found = Found::Ours(Box::new(other));
    assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
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
    let refusal = Refusal::new(Reason::ForeignSecret, "theirs");
    scene.found = Found::Foreign { refusal, own: None };
    scene.assert_says(Reason::ForeignSecret, "theirs");
    assert_eq!(scene.actions().again, Some(Duration::from_secs(30)));
    scene.trust.spec.adopt = Adopt::Always;
    assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
}

#[test]
fn what_is_in_use_under_another_root_is_replaced_only_if_that_is_allowed() {
    let mut scene = Scene::before_installation();
    let mut there = installed(7);
    let other = Template { serial: vec![9], ..Template::intermediate() };
    there.intermediate = Some(other.sign(leaf_key()));
    there.anchors = vec![other_root()];
    scene.found = Found::Ours(Box::new(there.clone()));
    scene.assert_says(Reason::RootWouldChange, "set spec.adopt: Always");
    there.anchors.push(root());
    scene.found = Found::Ours(Box::new(there.clone()));
    assert!(matches!(scene.plan(), Plan::Install(_)), "one root is kept: {:?}", scene.plan());
    there.anchors.pop();
    scene.found = Found::Ours(Box::new(there.clone()));
    scene.trust.spec.adopt = Adopt::Always;
    assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
    scene.trust.spec.adopt = Adopt::Never;
    there.intermediate = None;
    scene.found = Found::Ours(Box::new(there));
    assert!(matches!(scene.plan(), Plan::Install(_)), "nothing works there: {:?}", scene.plan());
}

#[test]
fn an_answer_that_does_not_verify_is_not_installed_and_it_is_said_why() {
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

/// Each with what is said of it.
fn useless() -> [(Scene, &'static str); 4] {
    let unreadable = |mut scene: Scene| {
        let status = Arc::make_mut(&mut scene.requests[0]).status.as_mut().unwrap();
        status.response.ca_certificate = b"x".to_vec().into();
        scene
    };
    let ended = |mut scene: Scene| {
        let mut template = Template::intermediate();
        template.with(alternative_names(false, &hosts(&[IDENTITY])));
        template.not_after = now().as_second();
        let ended = template.sign(root_key()).to_pem().into_bytes();
        let status = Arc::make_mut(&mut scene.requests[0]).status.as_mut().unwrap();
        status.response.ca_certificate = ended.into();
        scene
    };
    let scene = Scene::before_installation;
    [
        (scene().with_key(1, None), "no key for it in this cluster"),
        (scene().with_key(1, Some(kept(leaf_key()))), "for another key"),
        (unreadable(scene()), "caCertificate"),
        (ended(scene()), "before it was installed"),
    ]
}

#[test]
fn an_answer_that_can_never_be_installed_is_told_and_followed_by_the_next_number() {
    for (scene, says) in useless() {
        scene.assert_says(Reason::ResponseInvalid, says);
        assert_eq!(scene.asked_for(), Some(name(2)), "{says}");
    }
}

#[test]
fn so_it_is_where_an_older_certificate_is_in_use_and_nothing_is_due() {
    for (mut scene, says) in useless() {
        let second = name(2).to_string();
        Arc::make_mut(&mut scene.requests[0]).metadata.name = Some(second.clone());
        scene.trust.spec.request = second;
        scene.found = Found::Ours(Box::new(installed(1)));
        let key = scene.facts.keys.remove(&name(1)).flatten();
        let scene = scene.with_key(2, key).with_key(1, Some(kept(root_key())));
        scene.assert_says(Reason::ResponseInvalid, says);
        assert_eq!(scene.asked_for(), Some(name(3)), "{says}");
        assert_eq!(scene.report().unwrap().installed, Some(name(1).to_string()), "{says}");
    }
}

#[test]
fn requests_in_vain_are_ever_further_apart() {
    for (mut scene, says) in useless() {
        scene.asked = Some(Duration::from_mins(9));
        assert_eq!(scene.asked_for(), None, "{says}");
        assert_eq!(scene.actions().again, Some(Duration::from_mins(1)), "{says}");
        scene.asked = Some(Duration::from_mins(10));
        assert_eq!(scene.asked_for(), Some(name(2)), "{says}");
        // The second in a row.
        let mut scene = scene.with(said(asked(2), State::Conflict));
        assert_eq!(scene.asked_for(), None, "{says}");
        scene.asked = Some(Duration::from_mins(20));
        assert_eq!(scene.asked_for(), Some(name(3)), "{says}");
    }
}

#[test]
fn while_the_next_request_is_on_its_way_no_other_is_made() {
    for (scene, says) in useless() {
        assert_eq!(scene.with(asked(2)).asked_for(), None, "{says}");
    }
}

#[test]
fn the_same_roots_in_another_order_are_no_change_and_are_written_as_they_are() {
    let mut scene = Scene::new();
    let mut there = installed(1);
    there.anchors = vec![other_root(), root()];
    scene.found = Found::Ours(Box::new(there.clone()));
    scene.roots = vec![root(), other_root()];
    assert!(scene.report().unwrap().installed.is_some(), "nothing is written");
    // Its next certificate is written beside the same file of roots.
    let mut scene = Scene::before_installation();
    there.request = name(7).to_string();
    scene.found = Found::Ours(Box::new(there.clone()));
    scene.roots = vec![root(), other_root()];
    match scene.plan() {
        Plan::Install(delivery) => assert_eq!(delivery.roots, there.anchors),
        other => panic!("{other:?}"),
    }
}
