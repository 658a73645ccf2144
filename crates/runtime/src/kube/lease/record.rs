//! What a Lease records and what is written into it: pure functions of the record and the time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::ObjectMeta;

use super::{Fence, LeaseSettings};

/// The number of the record's last term; 0 before the first.
pub(super) fn transitions(lease: &Lease) -> u64 {
    let number = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}

/// Who holds the Lease, if anyone does.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// How long the record must stand unchanged before others may take over: as its holder counts, if that is longer
/// than we would.
pub(super) fn duration(lease: &Lease, own: Duration) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
    let stated = seconds.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    stated.map_or(own, |stated| stated.min(LONGEST_DURATION).max(own))
}

/// Whether `lease` is of the term `fence` of `settings.holder`.
pub(super) fn is_of_term(lease: &Lease, settings: &LeaseSettings, fence: Fence) -> bool {
    holder(lease) == Some(&settings.holder) && transitions(lease) == fence.0
}

/// The record that begins the term `fence`, based on the one that is there.
pub(super) fn claimed(
    previous: Option<Lease>,
    settings: &LeaseSettings,
    fence: Fence,
    now: Timestamp,
) -> Lease {
    let mut lease = previous.unwrap_or_else(|| empty(settings));
    lease.metadata.labels.get_or_insert_default().extend(settings.labels.clone());
    let before = lease.spec.take().unwrap_or_default();
    let time = MicroTime(later_than(before.renew_time.as_ref(), now));
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(settings.holder.clone()),
        lease_duration_seconds: Some(whole_seconds(settings.duration)),
        lease_transitions: Some(i32::try_from(fence.0).unwrap_or(i32::MAX)),
        acquire_time: Some(time.clone()),
        renew_time: Some(time),
        ..before
    });
    lease
}

/// The record that prolongs the term which `lease` is of.
pub(super) fn renewed(mut lease: Lease, settings: &LeaseSettings, now: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.renew_time = Some(MicroTime(later_than(spec.renew_time.as_ref(), now)));
    spec.lease_duration_seconds = Some(whole_seconds(settings.duration));
    lease
}

/// The record that ends the term which `lease` is of and lets anyone begin the next at once.
pub(super) fn released(mut lease: Lease, now: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = None;
    spec.acquire_time = None;
    spec.renew_time = Some(MicroTime(later_than(spec.renew_time.as_ref(), now)));
    lease
}

fn empty(settings: &LeaseSettings) -> Lease {
    Lease {
        metadata: ObjectMeta {
            namespace: Some(settings.namespace.clone()),
            name: Some(settings.name.clone()),
            ..Default::default()
        },
        spec: None,
    }
}

/// `now`, but never at or before the time that stands there: candidates see a renewal by its difference, also when a
/// wall clock was set back.
fn later_than(before: Option<&MicroTime>, now: Timestamp) -> Timestamp {
    let after = before.and_then(|before| before.0.checked_add(SignedDuration::from_micros(1)).ok());
    after.map_or(now, |after| after.max(now))
}

fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX).max(1)
}

/// A record must not lock everybody out for ever.
const LONGEST_DURATION: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> LeaseSettings {
        LeaseSettings::new("ns", "lease", "one")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn renew_time(lease: &Lease) -> Timestamp {
        lease.spec.as_ref().unwrap().renew_time.as_ref().unwrap().0
    }

    #[test]
    fn a_claim_keeps_the_version_and_what_others_wrote_beside_it() {
        let mut previous = claimed(None, &settings(), Fence(1), at(100));
        previous.metadata.resource_version = Some("7".into());
        previous.metadata.labels.get_or_insert_default().insert("theirs".into(), "kept".into());
        let other = LeaseSettings { holder: "two".into(), ..settings() };
        let claim = claimed(Some(previous), &other, Fence(2), at(200));
        assert_eq!(claim.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(claim.metadata.labels.as_ref().unwrap()["theirs"], "kept");
        assert!(is_of_term(&claim, &other, Fence(2)));
        assert!(!is_of_term(&claim, &other, Fence(1)), "an earlier term of the same holder");
        assert!(!is_of_term(&claim, &settings(), Fence(2)), "another holder");
    }

    #[test]
    fn a_renewal_always_differs_even_when_the_clock_was_set_back() {
        let lease = claimed(None, &settings(), Fence(1), at(100));
        let renewal = renewed(lease.clone(), &settings(), at(50));
        assert!(renew_time(&renewal) > renew_time(&lease));
        assert_eq!(renew_time(&renewed(lease, &settings(), at(105))), at(105));
    }

    #[test]
    fn a_release_leaves_the_number_and_no_holder() {
        let lease = released(claimed(None, &settings(), Fence(9), at(100)), at(101));
        assert_eq!(holder(&lease), None);
        assert_eq!(transitions(&lease), 9);
    }

    #[test]
    fn an_empty_holder_is_none() {
        let mut lease = claimed(None, &settings(), Fence(1), at(100));
        lease.spec.as_mut().unwrap().holder_identity = Some(String::new());
        assert_eq!(holder(&lease), None);
    }

    #[test]
    fn the_duration_is_the_longer_of_both_but_not_endless() {
        let own = Duration::from_secs(15);
        for (stated, expected) in
            [(None, 15), (Some(5), 15), (Some(40), 40), (Some(-3), 15), (Some(i32::MAX), 600)]
        {
            let mut lease = claimed(None, &settings(), Fence(1), at(100));
            lease.spec.as_mut().unwrap().lease_duration_seconds = stated;
            assert_eq!(duration(&lease, own), Duration::from_secs(expected), "{stated:?}");
        }
    }

    #[test]
    fn a_number_that_makes_no_sense_counts_as_none() {
        let mut lease = claimed(None, &settings(), Fence(1), at(100));
        lease.spec.as_mut().unwrap().lease_transitions = Some(-4);
        assert_eq!(transitions(&lease), 0);
    }

    #[test]
    fn durations_are_written_in_whole_seconds_rounded_up() {
        for (millis, seconds) in [(1, 1), (1000, 1), (1001, 2), (15_000, 15)] {
            assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
        }
    }
}
