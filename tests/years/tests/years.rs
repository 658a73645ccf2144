//! Some months of four clusters, by the seed; and worlds that are not as the product is told, which must be found.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use jiff::SignedDuration;
use meshroot_years::{Mutant, Options, run};

/// With shorter lives than the whole run has, so that as much happens.
fn months(mutant: Option<Mutant>) -> Options {
    Options {
        seed: 1,
        clusters: 4,
        workloads: 3,
        span: SignedDuration::from_hours(24 * 110),
        root_days: 80,
        intermediate_days: 20,
        faults: 5,
        restores: true,
        mutant,
        talks: false,
    }
}

/// One after the other: a process has one clock.
#[test]
fn years_pass_without_a_refused_handshake_unless_the_world_is_not_as_told() {
    let outcome = run(&months(None)).unwrap();
    println!("{outcome}");
    outcome.check().unwrap();
    for (name, count) in &outcome.rotations {
        assert!(*count >= 2, "{name}: {count} rotations");
    }
    assert_eq!(outcome.rotations.len(), 2, "{:?}", outcome.rotations);
    assert_eq!(outcome.went_back, Some(4), "members that say that the hub went back");
    let stolen = &outcome.stolen;
    assert!(stolen.times > 0 && stolen.certificates >= stolen.times, "{stolen:?}");
    assert!(outcome.faults.iter().all(|count| *count > 0), "{:?}", outcome.faults);
    for mutant in [Mutant::LongLeaves, Mutant::Pretence] {
        let span = SignedDuration::from_hours(24 * 50);
        let outcome = run(&Options { span, restores: false, ..months(Some(mutant)) }).unwrap();
        assert!(outcome.tally.refused > 0, "{mutant:?} was not found:\n{outcome}");
    }
}
