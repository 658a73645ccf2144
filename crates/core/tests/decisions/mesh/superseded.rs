//! What is forgotten.

use super::*;

/// The second certificate is in use, the first has not been forgotten.
fn scene() -> Scene {
    let mut scene = Scene::new().with(answered(asked(2)));
    scene.trust.spec.request = name(2).to_string();
    scene.found = Found::Ours(Box::new(installed(2)));
    scene.facts.kept = Some(vec![name(1), name(2)]);
    scene.facts.trust_is_fresh = true;
    scene
}

fn forgotten(scene: &Scene) -> Option<(Vec<RequestName>, Vec<RequestName>)> {
    scene.actions().steps.into_iter().find_map(|step| match step {
        Step::Forget { requests, keys } => Some((requests, keys)),
        _ => None,
    })
}

#[test]
fn older_requests_and_keys_go_once_the_newer_certificate_is_confirmed() {
    let mut scene = scene();
    assert_eq!(forgotten(&scene), Some((vec![name(1)], vec![name(1)])));
    scene.facts.seen = Some(chain(old_intermediate()));
    assert_eq!(forgotten(&scene), None);
}

#[test]
fn a_request_that_somebody_may_be_deciding_on_stays_with_its_key() {
    let mut scene = scene();
    scene.requests[0] = Arc::new(asked(1));
    assert_eq!(forgotten(&scene), None);
    scene.requests[0] = Arc::new(said(asked(1), State::Conflict));
    assert_eq!(forgotten(&scene), Some((vec![name(1)], vec![name(1)])));
    scene.requests[0] = Arc::new(denied(asked(1)));
    assert_eq!(forgotten(&scene), Some((vec![name(1)], vec![name(1)])));
}

#[test]
fn a_request_that_says_that_the_key_was_stolen_stays_until_it_is_answered() {
    let mut scene = scene();
    let stolen = |mut request: Request| {
        let reason = (REASON_ANNOTATION.to_owned(), "KeyCompromised".to_owned());
        request.metadata.annotations = Some([reason].into());
        Arc::new(request)
    };
    scene.requests[0] = stolen(denied(asked(1)));
    assert_eq!(forgotten(&scene), None);
    scene.requests[0] = stolen(answered(asked(1)));
    assert_eq!(forgotten(&scene), Some((vec![name(1)], vec![name(1)])));
}

#[test]
fn nothing_goes_before_the_keys_are_known_and_the_virtual_mesh_is_sure() {
    let mut lagging = scene();
    lagging.facts.trust_is_fresh = false;
    lagging.assert_asks(&Fact::FreshTrust);
    let mut unknown = scene();
    unknown.facts.kept = None;
    unknown.assert_asks(&Fact::Kept);
}

#[test]
fn nothing_goes_once_the_mesh_has_moved() {
    let mut scene = scene();
    scene.trust.spec.request = RequestName::first(MESH, "prod").to_string();
    assert_eq!(forgotten(&scene), None);
}
