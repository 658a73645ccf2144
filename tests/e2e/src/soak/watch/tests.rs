//! The watcher finds what it is there for.

use meshroot_api::Bytes;

use super::*;
use crate::soak::judge::samples::{Authority, answered, later, now, record, secret};

const TWO_YEARS: i64 = 2 * 365 * 24 * 3600;

fn watcher() -> Watcher {
    Watcher::new(Arc::new(Diary::start()))
}

fn key(name: &str) -> Key {
    ("meshroot-cluster-east".to_owned(), name.to_owned())
}

#[test]
fn members_that_are_well_are_no_finding_until_their_certificates_end() {
    let (watcher, root) = (watcher(), Authority::new("one"));
    for cluster in ["east", "west"] {
        let secret = secret(&format!("{cluster}.demo.1"), &root.issue());
        watcher.cacerts(cluster, Some(secret), now());
    }
    watcher.tick(now());
    assert_eq!(watcher.diary.findings(), 0);
    watcher.tick(later(TWO_YEARS));
    assert!(watcher.diary.findings() >= 2, "both have ended");
}

#[test]
fn a_member_under_another_root_is_a_finding_until_it_is_gone() {
    let watcher = watcher();
    for cluster in ["east", "west"] {
        let secret = secret(&format!("{cluster}.demo.1"), &Authority::new(cluster).issue());
        watcher.cacerts(cluster, Some(secret), now());
    }
    assert_eq!(watcher.diary.findings(), 1);
    watcher.cacerts("east", None, now());
    assert!(watcher.seen().request("east").is_none() && watcher.seen().request("west").is_some());
}

#[test]
fn what_the_soak_spoiled_is_no_finding_and_what_others_did_is() {
    let (watcher, root) = (watcher(), Authority::new("one"));
    let mut spoiled = secret("east.demo.1", &root.issue());
    spoiled.data.as_mut().unwrap().remove("ca-cert.pem");
    let mut marked = spoiled.clone();
    marked.metadata.annotations.as_mut().unwrap().insert(SPOILED.to_owned(), "true".to_owned());
    watcher.cacerts("east", Some(marked), now());
    assert_eq!(watcher.diary.findings(), 0);
    watcher.cacerts("east", Some(spoiled), now());
    assert_eq!(watcher.diary.findings(), 1);
}

#[test]
fn a_request_that_is_answered_twice_is_a_finding() {
    let (watcher, (mut request, _)) = (watcher(), answered());
    watcher.request(key("east.demo.1"), request.clone());
    watcher.request(key("east.demo.1"), request.clone());
    assert_eq!(watcher.diary.findings(), 0);
    request.status.as_mut().unwrap().response.ca_certificate = Bytes::from("another".to_owned());
    watcher.request(key("east.demo.1"), request);
    assert_eq!(watcher.diary.findings(), 1);
}

#[test]
fn a_record_that_changes_or_breaks_the_chain_is_a_finding() {
    let watcher = watcher();
    watcher.record(key("east.demo.1"), record(1));
    watcher.record(key("east.demo.1"), record(1));
    assert_eq!(watcher.diary.findings(), 0);
    let mut changed = record(1);
    changed.spec.decision.message.push('!');
    watcher.record(key("east.demo.1"), changed);
    assert_eq!(watcher.diary.findings(), 1);
    watcher.record(key("east.demo.3"), record(3));
    assert_eq!(watcher.diary.findings(), 2, "the second is missing");
}

#[test]
fn an_answer_waits_for_its_record_and_is_a_finding_without_one() {
    let (watcher, (mut request, mut record)) = (watcher(), answered());
    request.metadata.namespace = Some(key("").0);
    request.metadata.uid = Some("uid-1".to_owned());
    assert!(!watcher.judge_answer(&watcher.seen(), &request, false));
    assert_eq!(watcher.diary.findings(), 0);
    assert!(watcher.judge_answer(&watcher.seen(), &request, true));
    assert_eq!(watcher.diary.findings(), 1, "signed without a record");
    watcher.seen().records.insert(key("east.demo.1"), record.clone());
    assert!(watcher.judge_answer(&watcher.seen(), &request, false));
    assert_eq!(watcher.diary.findings(), 1, "it is the record of that very request");
    record.spec.csr_sha256.push('!');
    watcher.seen().records.insert(key("east.demo.1"), record);
    assert!(watcher.judge_answer(&watcher.seen(), &request, false));
    assert_eq!(watcher.diary.findings(), 2, "it is of another one");
}
