//! What is concluded from what was seen of a control plane.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::trust::{Pickup, Witness};
use meshroot_core::pickup::{Seen, Settings, Written, judge};
use meshroot_pki::{Certificate, Fingerprint};
use rstest::rstest;

use crate::x509::{
    DAY, NOW, Template, intermediate_key, name, now, root_key, subject_key_identifier,
};

fn root() -> Certificate {
    Template::root().sign(root_key())
}

fn other_root() -> Certificate {
    let mut other = Template::new(&name("istio"), &name("istio"), intermediate_key());
    other.extensions = Template::root().extensions;
    other.with(subject_key_identifier(&intermediate_key().public_key().key_identifier()));
    other.sign(intermediate_key())
}

fn intermediate() -> Certificate {
    // ECDSA signs differently each time: one certificate is kept.
    static INTERMEDIATE: std::sync::LazyLock<Certificate> =
        std::sync::LazyLock::new(|| Template::intermediate().sign(root_key()));
    INTERMEDIATE.clone()
}

fn anchors() -> Vec<Fingerprint> {
    static ROOT: std::sync::LazyLock<Certificate> = std::sync::LazyLock::new(root);
    vec![ROOT.fingerprint()]
}

/// Written at the moment of all tests.
fn written(root: &Certificate) -> Written {
    Written {
        intermediate: intermediate(),
        chain: vec![intermediate()],
        anchors: vec![root.fingerprint()],
        at: now(),
    }
}

fn leaf() -> Certificate {
    Template::leaf().sign(intermediate_key())
}

fn old_intermediate() -> Certificate {
    Template { serial: vec![1], ..Template::intermediate() }.sign(root_key())
}

const SOON: i64 = 300;
const LATE: i64 = 301;

#[rstest]
#[case::soon(SOON, Pickup::Waiting)]
#[case::late(LATE, Pickup::RestartNeeded)]
fn an_old_intermediate_below_a_known_root_is_waited_for_and_not_for_ever(
    #[case] after: i64,
    #[case] expected: Pickup,
) {
    let root = root();
    let chain = vec![leaf(), old_intermediate(), root.clone()];
    let seen = Seen { workload_chain: Some(chain), ..Seen::default() };
    assert_eq!(
        judge(&written(&root), &seen, at(after)),
        (expected, Some(Witness::WorkloadCertificate))
    );
}

fn at(after: i64) -> Timestamp {
    now() + SignedDuration::from_secs(after)
}

#[test]
fn a_workload_certificate_below_the_intermediate_confirms_at_any_time() {
    let root = root();
    let seen = Seen {
        workload_chain: Some(vec![leaf(), intermediate(), root.clone()]),
        ..Seen::default()
    };
    for after in [0, LATE, DAY] {
        assert_eq!(
            judge(&written(&root), &seen, at(after)),
            (Pickup::Confirmed, Some(Witness::WorkloadCertificate))
        );
    }
}

#[test]
fn a_workload_certificate_below_another_root_means_a_restart_at_once() {
    let root = root();
    let other = other_root();
    for chain in
        [vec![leaf(), other.clone()], vec![leaf(), old_intermediate(), other], vec![leaf()], vec![]]
    {
        let seen = Seen { workload_chain: Some(chain), ..Seen::default() };
        let judged = judge(&written(&root), &seen, at(0));
        assert_eq!(judged, (Pickup::RestartNeeded, Some(Witness::WorkloadCertificate)));
    }
}

#[test]
fn the_intermediate_as_a_leaf_is_no_proof() {
    let root = root();
    let seen = Seen { workload_chain: Some(vec![intermediate(), root.clone()]), ..Seen::default() };
    assert_eq!(judge(&written(&root), &seen, at(0)).0, Pickup::Waiting);
}

#[test]
fn a_workload_certificate_is_believed_before_the_metric_and_the_anchors() {
    let root = root();
    let seen = Seen {
        workload_chain: Some(vec![leaf(), old_intermediate(), root.clone()]),
        metric_not_after: Some(intermediate().not_after().as_second()),
        published_anchors: Some(Vec::new()),
        settings: None,
    };
    assert_eq!(
        judge(&written(&root), &seen, at(0)),
        (Pickup::Waiting, Some(Witness::WorkloadCertificate))
    );
}

#[rstest]
#[case::exact(0, 0, Pickup::Confirmed)]
#[case::exact_and_late(0, LATE, Pickup::Confirmed)]
#[case::rounded_up(5, 0, Pickup::Confirmed)]
#[case::rounded_down(-5, 0, Pickup::Confirmed)]
#[case::later(6, 0, Pickup::Waiting)]
#[case::earlier(-6, SOON, Pickup::Waiting)]
#[case::never(-6, LATE, Pickup::RestartNeeded)]
fn the_metric_is_compared_with_the_end_of_the_intermediate(
    #[case] off: i64,
    #[case] after: i64,
    #[case] expected: Pickup,
) {
    let metric = intermediate().not_after().as_second() + off;
    let seen = Seen {
        metric_not_after: Some(metric),
        published_anchors: Some(anchors()),
        ..Seen::default()
    };
    let written = Written { anchors: anchors(), ..written(&root()) };
    assert_eq!(judge(&written, &seen, at(after)), (expected, Some(Witness::Metric)));
    // It says nothing of the anchors.
    let seen = Seen { published_anchors: Some(vec![other_root().fingerprint()]), ..seen };
    assert_ne!(judge(&written, &seen, at(after)).0, Pickup::Confirmed);
    assert_eq!(intermediate().not_after().as_second(), NOW + DAY);
}

#[rstest]
#[case::same(anchors(), 0, Pickup::Waiting)]
#[case::same_and_late(anchors(), LATE, Pickup::RestartNeeded)]
#[case::others(vec![other_root().fingerprint()], 0, Pickup::RestartNeeded)]
#[case::none(vec![], 0, Pickup::RestartNeeded)]
fn published_anchors_can_only_deny(
    #[case] published: Vec<Fingerprint>,
    #[case] after: i64,
    #[case] expected: Pickup,
) {
    let written = Written {
        intermediate: intermediate(),
        chain: vec![intermediate()],
        anchors: anchors(),
        at: now(),
    };
    let seen = Seen { published_anchors: Some(published), ..Seen::default() };
    assert_eq!(judge(&written, &seen, at(after)), (expected, Some(Witness::PublishedAnchors)));
}

#[test]
fn nothing_is_concluded_from_nothing() {
    for after in [0, LATE] {
        assert_eq!(judge(&written(&root()), &Seen::default(), at(after)), (Pickup::Unknown, None));
    }
}

/// What a control plane gives while its trust anchors are changed.
#[rstest]
#[case::the_former_alone(false, false, Pickup::RestartNeeded)]
#[case::the_former_alone_while_it_loads(true, false, Pickup::Waiting)]
#[case::both_of_two(false, true, Pickup::Confirmed)]
fn anchors_that_are_not_loaded_take_a_restart_unless_they_are_loaded_live(
    #[case] anchors_live: bool,
    #[case] gives_both: bool,
    #[case] expected: Pickup,
) {
    let (former, next) = (root(), other_root());
    let anchors = vec![next.fingerprint(), former.fingerprint()];
    let written = Written { anchors, ..written(&former) };
    let mut chain = vec![leaf(), intermediate()];
    chain.extend(gives_both.then_some(next));
    chain.push(former);
    assert_eq!(judge(&written, &given(chain, anchors_live), at(0)).0, expected);
}

#[test]
fn an_anchor_that_is_still_given_although_it_is_told_no_more_is_not_gone() {
    let (former, next) = (root(), other_root());
    let written = Written { anchors: vec![former.fingerprint()], ..written(&former) };
    let chain = vec![leaf(), intermediate(), former, next];
    for (anchors_live, expected) in [(true, Pickup::Waiting), (false, Pickup::RestartNeeded)] {
        let seen = given(chain.clone(), anchors_live);
        assert_eq!(judge(&written, &seen, at(0)).0, expected);
    }
}

#[test]
fn a_cross_certificate_that_is_still_sent_although_it_is_told_no_more_is_not_gone() {
    let root = root();
    let chain = vec![leaf(), intermediate(), old_intermediate(), root.clone()];
    assert_eq!(judge(&written(&root), &given(chain, false), at(0)).0, Pickup::Waiting);
}

fn given(chain: Vec<Certificate>, anchors_live: bool) -> Seen {
    let settings = Some(Settings { anchors_live, leaf_lifetime: SignedDuration::from_hours(1) });
    Seen { workload_chain: Some(chain), settings, ..Seen::default() }
}
