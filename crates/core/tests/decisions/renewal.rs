//! When a renewal begins.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use meshroot_core::renewal::{due, late};
use meshroot_pki::Certificate;
use proptest::prelude::*;

use crate::x509::{DAY, NOW, Template, leaf_key};

const NINETY_DAYS: i64 = 90 * DAY;

/// Validity begins ten minutes before the issuance.
const BACKDATED: i64 = 600;

/// A certificate that lives for so many seconds from now, when it is issued.
fn certificate(lifetime: i64) -> Certificate {
    Template { not_before: NOW - BACKDATED, not_after: NOW + lifetime, ..Template::intermediate() }
        .sign(leaf_key())
}

/// Seconds from the issuance.
fn offset(certificate: &Certificate, due: Timestamp) -> i64 {
    due.duration_since(certificate.not_before()).as_secs() - BACKDATED
}

/// The window in whole seconds: from three fifths of `percent` to `percent`, of a lifetime.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "lifetimes are far below 2^52 s"
)]
fn window(lifetime: i64, percent: u8) -> std::ops::RangeInclusive<i64> {
    let part = |share: f64| (lifetime as f64 * share * f64::from(percent) / 100.0).floor() as i64;
    part(0.6)..=part(1.0)
}

#[test]
fn a_renewal_begins_at_its_share_of_the_lifetime_or_up_to_two_fifths_earlier() {
    let certificate = certificate(NINETY_DAYS);
    for mesh in 0..100 {
        let begins = offset(&certificate, due(&certificate, &format!("mesh-{mesh}"), 67));
        assert!(window(NINETY_DAYS, 67).contains(&begins), "{begins}");
    }
}

/// The agent's turn is at 67 %, of five minutes at 20 %.
#[test]
fn the_hub_asks_for_what_the_agent_does_not_when_half_of_the_time_left_has_passed() {
    let time = |second| Timestamp::from_second(second).unwrap();
    for (lifetime, percent, from) in [(200 * DAY, 67, 167 * DAY), (300, 20, 180), (300, 95, 292)] {
        let late = late(time(NOW - BACKDATED), time(NOW + lifetime), percent);
        assert_eq!(late.as_second() - NOW, from);
    }
}

#[test]
fn every_restart_comes_to_the_same_moment() {
    let certificate = certificate(NINETY_DAYS);
    let again = Certificate::from_der(certificate.der()).unwrap();
    assert_eq!(due(&certificate, "east", 50), due(&again, "east", 50));
}

#[test]
fn meshes_that_were_issued_together_are_not_renewed_together() {
    let certificate = certificate(NINETY_DAYS);
    let begins: Vec<i64> = (0..500)
        .map(|mesh| offset(&certificate, due(&certificate, &format!("mesh-{mesh}"), 50)))
        .collect();
    let window = window(NINETY_DAYS, 50);
    let tenth = (window.end() - window.start()) / 10;
    for part in 0..10 {
        let from = window.start() + part * tenth;
        let here = begins.iter().filter(|begin| (from..=from + tenth).contains(begin)).count();
        assert!((20..=90).contains(&here), "{here} of 500 in part {part} of 10");
    }
    assert!(begins.iter().collect::<HashSet<_>>().len() > 450);
}

/// A root is replaced: all are issued at once, and renew from then on as they are due.
#[test]
fn after_all_were_issued_at_once_no_week_has_three_times_the_renewals_of_the_mean() {
    const WEEK: i64 = 7 * DAY;
    let (meshes, weeks) = (1000, 52);
    let mut renewals = vec![0_i64; 52];
    let (certificate, issued) = (certificate(NINETY_DAYS), NOW);
    for mesh in 0..meshes {
        // Another mesh's name stands for another certificate: both are digested.
        let mut at = 0;
        for generation in 0..20 {
            let due = due(&certificate, &format!("mesh-{mesh}.{generation}"), 67);
            at += due.as_second() - issued;
            if let Some(week) = usize::try_from(at / WEEK).ok().filter(|week| *week < weeks) {
                renewals[week] += 1;
            }
        }
    }
    let sum: i64 = renewals.iter().sum();
    let most = renewals.iter().max().unwrap();
    assert!(most * i64::try_from(weeks).unwrap() <= 3 * sum, "{renewals:?}");
}

#[test]
fn the_same_mesh_has_another_jitter_for_each_certificate() {
    let begins: HashSet<i64> = (0..20)
        .map(|serial| {
            let template =
                Template { serial: vec![serial + 1], not_before: NOW, ..Template::intermediate() };
            let certificate = template.sign(leaf_key());
            offset(&certificate, due(&certificate, "east", 50))
        })
        .collect();
    assert!(begins.len() > 15, "{begins:?}");
}

#[test]
fn a_share_out_of_bounds_counts_as_the_bound() {
    let certificate = certificate(NINETY_DAYS);
    for (given, counts) in [(0, 10), (9, 10), (96, 95), (u8::MAX, 95)] {
        assert_eq!(due(&certificate, "east", given), due(&certificate, "east", counts), "{given}");
        let begins = offset(&certificate, due(&certificate, "east", given));
        assert!(window(NINETY_DAYS, counts).contains(&begins), "{given}: {begins}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_renewal_lies_strictly_within_the_validity(
        lifetime in 300_i64..=3_660 * DAY,
        percent in any::<u8>(),
        mesh in "[a-z0-9.-]{0,64}",
    ) {
        let certificate = certificate(lifetime);
        let due = due(&certificate, &mesh, percent);
        prop_assert!(offset(&certificate, due) > 0 && due < certificate.not_after());
        // At least the last twentieth is left to try again in.
        let left = certificate.not_after().duration_since(due);
        prop_assert!(left >= SignedDuration::from_secs(lifetime / 20), "{left}");
    }
}
