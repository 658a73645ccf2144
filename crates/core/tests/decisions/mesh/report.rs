//! What MeshTrust says, and what is news.

use super::*;

#[test]
fn a_status_that_says_nothing_new_is_not_written_and_a_reason_is_news_once() {
    let mut scene = Scene::new();
    scene.trust.metadata.generation = Some(3);
    let report = scene.report().unwrap();
    assert!(report.is_new(&scene.trust) && report.is_noteworthy());
    let status = report.status(&scene.trust, "1.0.0", None, now()).unwrap();
    assert_eq!(status.message, report.said.to_string());
    let condition = &status.conditions[0];
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "Loaded"));
    assert_eq!(condition.observed_generation, Some(3));
    scene.trust.status = Some(status);
    assert_eq!(report.status(&scene.trust, "1.0.0", None, now()), None);
    assert!(!report.is_new(&scene.trust));
}

#[test]
fn what_was_loaded_stays_known_while_something_else_is_waited_for() {
    let mut scene = Scene::new();
    let before = scene.report().unwrap().status(&scene.trust, "1.0.0", None, now()).unwrap();
    scene.trust.status = Some(before.clone());
    scene.facts.seen = Some(chain(old_intermediate()));
    let later = now() + SignedDuration::from_secs(60);
    let after = scene.report().unwrap().status(&scene.trust, "1.0.0", None, later).unwrap();
    assert_eq!((after.loaded, after.pickup), (before.loaded, Pickup::RestartNeeded));
    assert_ne!(after.since, before.since);
    assert_eq!(after.conditions[0].status, "False");
}

#[test]
fn a_refusal_leaves_what_was_seen_as_it_was() {
    let mut scene = Scene::new();
    let before = scene.report().unwrap().status(&scene.trust, "1.0.0", None, now()).unwrap();
    scene.trust.status = Some(before.clone());
    scene.trust.spec.request = "nonsense".into();
    let report = scene.report().unwrap();
    let after = report.status(&scene.trust, "1.0.0", None, now()).unwrap();
    assert_eq!((after.pickup, after.since), (before.pickup, before.since));
    assert_eq!((after.installed, after.loaded), (before.installed, before.loaded));
}

#[test]
fn what_was_put_back_stays_known_until_something_else_is() {
    let mut scene = Scene::new();
    let report = scene.report().unwrap();
    let changed = |by| put_back(&scene.place, Some(by));
    let status = report.status(&scene.trust, "1.0.0", Some(&changed("argocd")), now()).unwrap();
    let known = status.put_back.clone().unwrap();
    assert_eq!(known.time.0, now());
    assert!(known.message.contains("was changed by argocd"), "{}", known.message);
    scene.trust.status = Some(status);
    assert_eq!(report.status(&scene.trust, "1.0.0", None, now()), None);
    let long = put_back(&scene.place, Some(&"x".repeat(2_000)));
    let status = report.status(&scene.trust, "1.0.0", Some(&long), now()).unwrap();
    assert_eq!(status.put_back.unwrap().message.len(), 1024);
}
