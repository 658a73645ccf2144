//! How many certificates a mesh may have in an hour: one that asks without end fills the ledger and holds up others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use meshroot_api::IssuanceRecord;
use meshroot_api::names::RequestName;
use meshroot_api::record::Verdict;
use meshroot_core::membership::Key;

/// Certificates of one mesh in an hour. A mesh that is well needs one in weeks; a person who changes policies, some.
pub(crate) const MOST: usize = 30;
const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// Where certificates live for minutes, an hour would let the one in use end: nobody waits longer than this part of the
/// newest one's lifetime after it was recorded, which then has three quarters of it left.
const PART_OF_LIFETIME: i32 = 4;

/// When the latest decisions of each mesh were recorded. Built from the ledger; it keeps no more than it asks for.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    recorded: Mutex<HashMap<Key, VecDeque<Recorded>>>,
}

#[derive(Debug)]
struct Recorded {
    at: Timestamp,
    request: String,
    /// How long what was to be signed lives from then on; `None` where nothing was.
    lifetime: Option<SignedDuration>,
}

impl Budgets {
    /// Learns from an entry of the ledger; the same one may come again.
    pub(crate) fn learn(&self, record: &IssuanceRecord) {
        if record.spec.decision.verdict == Verdict::Revoked {
            return;
        }
        let namespace = record.metadata.namespace.clone().unwrap_or_default();
        let request = &record.spec.request.name;
        let Some(created) = record.metadata.creation_timestamp.as_ref() else { return };
        let prepared = record.spec.prepared.as_ref();
        let lifetime = prepared.map(|prepared| prepared.not_after.0.duration_since(created.0));
        self.put(&Key::new(namespace, request), created.0, lifetime);
    }

    /// A request was recorded now: the watch, which brings the entry, may be late.
    pub(crate) fn recorded(&self, request: &Key, at: Timestamp) {
        self.put(request, at, None);
    }

    fn put(&self, request: &Key, at: Timestamp, lifetime: Option<SignedDuration>) {
        let mut all = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = all.entry(mesh_of(request)).or_default();
        if let Some(known) = latest.iter_mut().find(|known| known.request == request.name) {
            known.lifetime = known.lifetime.or(lifetime);
            return;
        }
        let place = latest.partition_point(|known| known.at <= at);
        latest.insert(place, Recorded { at, request: request.name.clone(), lifetime });
        if latest.len() > MOST {
            latest.pop_front();
        }
    }

    /// From when on a request may be issued; `None` where it may be now.
    pub(crate) fn wait(&self, request: &Key, now: Timestamp) -> Option<Timestamp> {
        let all = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = all.get(&mesh_of(request)).filter(|latest| latest.len() >= MOST)?;
        // A clock that went back must not hold a mesh up for longer than the window.
        let hour = latest.front()?.at.min(now) + WINDOW;
        let newest = latest.iter().rev().find_map(|known| Some((known.at, known.lifetime?)));
        let part = newest.map(|(at, lifetime)| at.min(now) + lifetime / PART_OF_LIFETIME);
        let from = part.map_or(hour, |part| part.min(hour));
        (from > now).then_some(from)
    }
}

/// Requests of the original system, whose names say nothing of a mesh, count together.
fn mesh_of(request: &Key) -> Key {
    let mesh = RequestName::parse(&request.name).map(|name| name.mesh).unwrap_or_default();
    Key::new(&request.namespace, mesh)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use meshroot_api::record::{IssuanceRecordSpec, PreparedCertificate};
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn record(namespace: &str, name: &str, second: i64) -> IssuanceRecord {
        let spec: IssuanceRecordSpec = serde_json::from_value(json!({
            "request": { "name": name, "uid": "" }, "virtualMeshRef": {}, "csrSha256": "",
            "publicKeySha256": "", "sequence": 1, "fence": 0,
            "decision": { "verdict": "Approved", "by": "policy", "message": "", "time": "2026-01-01T00:00:00Z" },
        }))
        .unwrap();
        let mut record = IssuanceRecord::new(name, spec);
        record.metadata.namespace = Some(namespace.to_owned());
        record.metadata.creation_timestamp = Some(Time(at(second)));
        record
    }

    fn spent() -> Budgets {
        let budgets = Budgets::default();
        for number in 1..=i64::try_from(MOST).unwrap() {
            let name = format!("a.demo.{number}");
            budgets.learn(&record("east", &name, number));
            budgets.learn(&record("east", &name, number));
        }
        budgets
    }

    #[test]
    fn a_mesh_that_had_its_certificates_of_the_hour_waits_and_no_other_does() {
        let budgets = spent();
        let ask = |namespace: &str, name: &str, second| {
            budgets.wait(&Key::new(namespace, name), at(second))
        };
        assert_eq!(ask("east", "a.demo.99", 40), Some(at(3601)));
        assert_eq!(ask("east", "a.other.1", 40), Some(at(3601)), "in any virtual mesh");
        assert_eq!(ask("east", "b.demo.1", 40), None);
        assert_eq!(ask("west", "a.demo.99", 40), None);
        assert_eq!(ask("east", "a.demo.99", 3601), None);
    }

    #[test]
    fn certificates_that_live_for_minutes_wait_for_a_quarter_of_that_only() {
        let budgets = spent();
        let mut short = record("east", "a.demo.100", 1_000);
        short.spec.prepared = Some(prepared(1_300));
        budgets.learn(&short);
        let ask = |second| budgets.wait(&Key::new("east", "a.demo.102"), at(second));
        assert_eq!(ask(1_001), Some(at(1_075)));
        assert_eq!(ask(1_075), None);
        budgets.learn(&record("east", "a.demo.101", 1_010));
        assert_eq!(ask(1_020), Some(at(1_075)), "a denial says nothing of lifetimes");
        let mut long = record("east", "a.demo.103", 1_030);
        long.spec.prepared = Some(prepared(90 * 24 * 3_600));
        budgets.learn(&long);
        assert_eq!(ask(1_080), Some(at(3_604)), "for others it is the hour");
    }

    fn prepared(not_after: i64) -> PreparedCertificate {
        PreparedCertificate {
            serial: String::new(),
            tbs_sha256: String::new(),
            issuer_sha256: String::new(),
            not_before: Time(at(0)),
            not_after: Time(at(not_after)),
            profile_sha256: String::new(),
        }
    }

    #[test]
    fn only_the_latest_count_and_a_clock_that_went_back_holds_nobody_up_for_longer() {
        let budgets = spent();
        budgets.learn(&record("east", "a.demo.100", 1_000));
        assert_eq!(budgets.wait(&Key::new("east", "a.demo.101"), at(1_001)), Some(at(3602)));
        assert_eq!(budgets.wait(&Key::new("east", "a.demo.101"), at(-5_000)), Some(at(-1_400)));
    }
}
