//! What is said while nothing is installed.

use super::*;

/// Nothing is installed, and this is the request that is waited for.
fn scene(request: Request) -> Scene {
    let mut scene = Scene::before_installation();
    scene.requests = vec![Arc::new(request)];
    scene
}

#[test]
fn a_request_on_its_ordinary_way_is_not_worth_a_word() {
    let mut without_csr = asked(1);
    without_csr.spec.csr_data = Vec::new().into();
    let said_to_the_agent = said(asked(1), State::Unknown);
    for request in [asked(1), without_csr, said_to_the_agent] {
        let scene = scene(request);
        assert_eq!(scene.steps(), Vec::<&str>::new());
        assert_eq!(scene.actions().again, None);
    }
    let mut scene = Scene::before_installation();
    scene.requests.clear();
    assert_eq!(scene.steps(), Vec::<&str>::new());
}

#[test]
fn what_a_person_has_to_know_is_said_by_state_with_the_hubs_text_whole() {
    for (state, reason) in [
        (State::Invalid, Reason::RequestRefused),
        (State::Conflict, Reason::RequestRefused),
        (State::ProcessingError, Reason::RequestFailing),
    ] {
        let text = format!("request {}: Why: so it is", name(1));
        scene(said(asked(1), state)).assert_says(reason, &text);
        assert_eq!(
            reason.state().word(),
            if state == State::Conflict { "INVALID" } else { state.word() }
        );
    }
    scene(denied(asked(1))).assert_says(Reason::Denied, "was denied: CHG-9");
}

#[test]
fn a_question_to_a_person_is_passed_on() {
    let mut request = asked(1);
    let nobody = issuance::Given { people: Vec::new(), required: 2, until: None };
    let question = issuance::waiting_for_approval(&request, &nobody, "").status();
    request.status.get_or_insert_default().computed_status = question;
    let command = format!("meshroot approve {NAMESPACE}/{}", name(1));
    scene(request).assert_says(Reason::WaitingForApproval, &command);
}
