//! When the next request is asked for.

use super::*;

#[test]
fn what_is_due_is_asked_for_from_what_is_kept_beside_the_key() {
    let mut scene = Scene::due();
    assert_eq!(scene.steps(), ["measure", "renew", "report"]);
    assert_eq!(scene.asked_for(), Some(name(2)));
    scene.assert_says(Reason::Loaded, "uses the certificate");
    scene.requests.clear();
    assert_eq!(scene.asked_for(), Some(name(2)), "the old request is not needed");
    scene.facts.keys.clear();
    scene.assert_asks(&Fact::Key(name(1)));
}

#[test]
fn where_the_kept_key_is_gone_the_next_is_asked_for_from_the_request_and_without_that_a_person_is_told()
 {
    let mut gone = Scene::due().with_key(1, None);
    assert_eq!(gone.asked_for(), Some(name(2)));
    gone.requests.clear();
    assert_eq!(gone.steps(), ["measure", "report"]);
    gone.assert_says(Reason::ResponseInvalid, "`meshroot renew` asks now");
}

#[test]
fn nothing_is_asked_for_before_its_time_nor_once_the_mesh_has_moved() {
    assert_eq!(Scene::new().asked_for(), None);
    let mut moved = Scene::due();
    moved.trust.spec.request = RequestName::first(MESH, "prod").to_string();
    assert_eq!(moved.asked_for(), None);
}

#[test]
fn of_a_mesh_that_has_moved_is_said_what_keeps_it_from_a_certificate_where_it_is_now() {
    let old = said(asked(2), State::Invalid);
    let first = RequestName::first(MESH, "prod");
    let mut moved = Scene::new().with(old);
    moved.trust.spec.request = first.to_string();
    moved.facts.trust_is_fresh = true;
    moved.assert_says(Reason::Loaded, "uses the certificate");
    let named = |name: &RequestName| {
        let mut request = denied(asked(1));
        request.metadata.name = Some(name.to_string());
        request
    };
    let moved = moved.with(named(&first));
    moved.assert_says(Reason::Denied, &first.to_string());
    moved.with(named(&first.next())).assert_says(Reason::Denied, &first.next().to_string());
}

#[test]
fn a_renewal_that_is_under_way_is_waited_for() {
    for next in [asked(2), said(asked(2), State::ProcessingError), denied(asked(2))] {
        assert_eq!(Scene::due().with(next).asked_for(), None);
    }
    let trouble = Scene::new().with(denied(asked(2)));
    trouble.assert_says(Reason::Denied, &name(2).to_string());
    assert_eq!(trouble.report().unwrap().pickup, Pickup::Confirmed, "what was seen is kept");
}

#[test]
fn one_that_can_never_be_answered_is_followed_by_the_next_number() {
    let taken = Scene::due().with(said(asked(2), State::Conflict));
    assert_eq!(taken.asked_for(), Some(name(3)));
    taken.assert_says(Reason::Loaded, "uses the certificate");
    let no_csr_at_all = Request {
        spec: meshroot_api::security::VirtualMeshCertificateSigningRequestSpec {
            csr_data: b"x".to_vec().into(),
            ..asked(2).spec
        },
        ..said(asked(2), State::Invalid)
    };
    assert_eq!(Scene::due().with(no_csr_at_all).asked_for(), Some(name(3)));
}

#[test]
fn one_that_is_refused_is_followed_only_if_it_is_not_for_its_own_key() {
    let refused = || Scene::due().with(said(renewed(2, leaf_key()), State::Invalid));
    refused().assert_asks(&Fact::Key(name(2)));
    let own = refused().with_key(2, Some(kept(leaf_key())));
    assert_eq!(own.asked_for(), None);
    own.assert_says(Reason::RequestRefused, "Why: so it is");
    for other in [Some(kept(root_key())), None] {
        assert_eq!(refused().with_key(2, other).asked_for(), Some(name(3)));
    }
    // The key in use once more.
    let reused = Scene::due().with(said(asked(2), State::Invalid));
    let reused = reused.with_key(2, Some(kept(intermediate_key())));
    assert_eq!(reused.asked_for(), Some(name(3)));
}

fn renewed(generation: u32, key: &PrivateKey) -> Request {
    request(&name(generation).to_string(), csr(key, &[IDENTITY]).to_pem().into_bytes())
}

#[test]
fn a_certificate_that_is_due_as_soon_as_it_is_installed_is_not_asked_for_without_end() {
    let mut ahead = Scene::due();
    ahead.asked = Some(Duration::from_secs(3));
    assert_eq!(ahead.asked_for(), None);
    ahead.asked = Some(Duration::from_mins(10));
    assert_eq!(ahead.asked_for(), Some(name(2)));
}
