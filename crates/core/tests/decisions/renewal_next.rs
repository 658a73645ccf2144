//! Which request comes next, for whoever asks; and which number.

use std::time::Duration;

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names::RequestName;
use meshroot_api::security::{ApprovalStatus, Response};
use meshroot_api::shared::{State, Status};
use meshroot_core::renewal::{
    Cause, Next, Numbers, Standing, is_far_ahead, next, pause, superseded,
};
use rstest::rstest;

use crate::scene::{IDENTITY, REQUEST, csr, request};
use crate::x509::{Template, intermediate_key, leaf_key, root_key};

/// A request with a CSR for the intermediate's key, of which the hub says this.
fn said(state: State) -> Request {
    let csr = csr(intermediate_key(), &[IDENTITY]).to_pem().into_bytes();
    let mut request = request(REQUEST, csr);
    let status = request.status.get_or_insert_default();
    status.computed_status = Status::new(state, "words that nobody reads back");
    request
}

fn answered(mut request: Request) -> Request {
    let response = Response { ca_certificate: b"x".to_vec().into(), ..Response::default() };
    request.status.get_or_insert_default().response = response;
    request
}

fn denied(mut request: Request) -> Request {
    let status = request.status.get_or_insert_default();
    status.third_party_approval.approval_status = ApprovalStatus::Denied;
    request
}

fn with_csr(mut request: Request, csr: &[u8]) -> Request {
    request.spec.csr_data = csr.to_vec().into();
    request
}

#[rstest]
#[case::nobody_said_anything(said(State::Unknown), Standing::Open)]
#[case::retried_by_itself(said(State::ProcessingError), Standing::Open)]
#[case::answered(answered(said(State::Accepted)), Standing::Answered)]
#[case::answered_counts_before_all_that_is_said(
    answered(denied(said(State::Conflict))),
    Standing::Answered
)]
#[case::denied(denied(said(State::Invalid)), Standing::Denied)]
#[case::denied_before_the_hub_has_seen_it(denied(said(State::Unknown)), Standing::Denied)]
#[case::the_number_is_taken(said(State::Conflict), Standing::Dead)]
#[case::refused_as_things_are(said(State::Invalid), Standing::Refused)]
#[case::refused_before_the_agent_came(with_csr(said(State::Invalid), b""), Standing::Open)]
#[case::the_csr_is_none(with_csr(said(State::Invalid), b"x"), Standing::Dead)]
#[case::the_csr_is_none_and_not_looked_at(with_csr(said(State::Unknown), b"x"), Standing::Open)]
fn a_request_stands_where_its_fields_say(#[case] request: Request, #[case] expected: Standing) {
    assert_eq!(Standing::of(&request), expected);
}

#[test]
fn a_refused_request_that_is_not_for_the_key_that_is_kept_for_it_is_dead() {
    let request = said(State::Invalid);
    let (own, other, in_use) =
        (intermediate_key().public_key(), leaf_key().public_key(), root_key().public_key());
    let standing = |kept, in_use| Standing::of(&request).beside_key(&request, kept, in_use);
    assert_eq!(standing(Some(own), in_use), Standing::Refused);
    assert_eq!(standing(Some(other), in_use), Standing::Dead, "somebody else's CSR");
    assert_eq!(standing(None, in_use), Standing::Dead, "its key is gone");
    assert_eq!(standing(Some(own), own), Standing::Dead, "the key in use, once more");
    let open = said(State::Unknown);
    assert_eq!(Standing::of(&open).beside_key(&open, None, in_use), Standing::Open);
}

#[rstest]
#[case::in_use(Standing::InUse, [true, true, true, true])]
#[case::answered(Standing::Answered, [false, true, true, true])]
#[case::open(Standing::Open, [false, false, true, false])]
#[case::refused(Standing::Refused, [false, false, true, true])]
#[case::denied(Standing::Denied, [false, false, true, true])]
#[case::dead(Standing::Dead, [true, true, true, true])]
fn who_asks_for_another_after_which(#[case] newest: Standing, #[case] expected: [bool; 4]) {
    let asks = |cause| next(&name(3), newest, cause, |_| false) == Next::Ask(name(4));
    assert_eq!(CAUSES.map(asks), expected);
}

#[test]
fn a_number_that_the_ledger_knows_is_passed_over() {
    let recorded = |name: &RequestName| [1, 2, 3, 4, 5].contains(&name.generation);
    for cause in CAUSES {
        assert_eq!(next(&name(3), Standing::InUse, cause, recorded), Next::Ask(name(6)));
    }
    // After the last number of all there is none: that name is there, and nothing comes of asking again.
    let last = name(u32::MAX);
    assert_eq!(next(&last, Standing::InUse, Cause::Due, |_| true), Next::Ask(last.clone()));
}

const CAUSES: [Cause; 4] = [Cause::Due, Cause::Policy, Cause::Identity, Cause::Person];

fn name(generation: u32) -> RequestName {
    RequestName { mesh: "a".into(), virtual_mesh: "demo".into(), generation }
}

/// The requests and the records that there are, what is installed; then: the current number, the requests from it on,
/// and what is made if there are none.
#[rstest]
#[case::new(&[], &[], None, 1, &[], Next::Ask(name(1)))]
#[case::asked(&[1], &[], None, 1, &[1], Next::Ask(name(1)))]
#[case::renewed(&[1, 2], &[1, 2], Some(name(1)), 1, &[1, 2], Next::Wait)]
#[case::the_one_in_use_is_gone(&[], &[1], Some(name(1)), 1, &[], Next::Wait)]
#[case::its_renewal_is_there(&[2], &[1], Some(name(1)), 1, &[2], Next::Wait)]
#[case::a_deleted_renewal_is_passed_over(&[1, 3], &[1, 2, 3], Some(name(1)), 1, &[1, 3], Next::Wait)]
#[case::it_comes_back_to_the_virtual_mesh(&[], &[1, 2], None, 3, &[], Next::Ask(name(3)))]
#[case::what_is_installed_is_of_another(&[], &[1], Some(RequestName::first("a", "left")), 2, &[], Next::Ask(name(2)))]
#[case::it_comes_back_with_what_it_had(&[9], &[1, 2, 9], Some(name(9)), 9, &[9], Next::Wait)]
#[case::it_claims_what_was_never_issued(&[1], &[1], Some(name(u32::MAX)), 1, &[1], Next::Wait)]
#[case::the_last_number_of_all_is_used(&[u32::MAX], &[1, u32::MAX], Some(name(u32::MAX)), u32::MAX, &[u32::MAX], Next::Wait)]
#[case::an_undecided_renewal_was_deleted(&[1, 3], &[1, 3], Some(name(1)), 1, &[1, 3], Next::Wait)]
#[case::deleted_before_it_was_of_use(&[2], &[1], None, 2, &[2], Next::Ask(name(2)))]
fn the_hub_finds_the_current_number(
    #[case] requests: &[u32],
    #[case] records: &[u32],
    #[case] installed: Option<RequestName>,
    #[case] current: u32,
    #[case] found: &[u32],
    #[case] first: Next,
) {
    let numbers = Numbers {
        is_there: &|name| requests.contains(&name.generation),
        is_recorded: &|name| records.contains(&name.generation),
        installed,
    };
    assert_eq!(numbers.current(name(1)), name(current));
    let there: Vec<u32> = numbers.requests(&name(current)).map(|name| name.generation).collect();
    assert_eq!(there, found);
    assert_eq!(numbers.first(&name(current)), first);
}

#[test]
fn a_number_may_be_a_thousand_above_what_the_ledger_knows_and_no_more() {
    let far = |generation, known: Option<u32>| {
        is_far_ahead(&name(generation), |name| Some(name.generation) == known)
    };
    assert!(!far(1, None) && !far(1000, None) && far(1001, None));
    assert!(!far(1001, Some(1)) && !far(1100, Some(100)) && far(1100, Some(99)));
    assert!(far(u32::MAX, Some(7)) && !far(u32::MAX, Some(u32::MAX - 1)));
}

#[test]
fn older_requests_of_the_same_mesh_and_those_of_a_virtual_mesh_it_left_are_superseded() {
    let left = RequestName { virtual_mesh: "left".into(), ..name(7) };
    let other = RequestName::first("b", "demo");
    let all = [name(1), name(2), name(3), other, left.clone()];
    assert_eq!(superseded(&name(2), &all), vec![&name(1), &left]);
}

#[test]
fn requests_of_an_agent_are_apart_by_minutes_that_double_but_by_no_more_than_a_tenth_of_a_lifetime()
{
    let minutes = |minutes| Some(Duration::from_mins(minutes));
    assert_eq!(pause(None, 5, None), None, "it has not asked since it started");
    for (in_vain, floor) in [(0, 10), (1, 20), (3, 80), (6, 360), (60, 360)] {
        assert_eq!(pause(minutes(floor - 1), in_vain, None), minutes(1), "{in_vain}");
        assert_eq!(pause(minutes(floor), in_vain, None), None, "{in_vain}");
    }
    let template = Template { not_before: 0, not_after: 300, ..Template::intermediate() };
    let five_minutes = template.sign(root_key());
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(pause(seconds(29), 3, Some(&five_minutes)), seconds(1));
    assert_eq!(pause(seconds(30), 3, Some(&five_minutes)), None);
}
