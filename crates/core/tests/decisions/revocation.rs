//! What is revoked, when another list is due, and what is said of who believes it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::record::{IssuanceRecordSpec, Verdict};
use meshroot_core::membership::Key;
use meshroot_core::revocation::{Exposed, Stolen, asked, exposure, is_current, waits};
use meshroot_pki::{Certificate, RevocationReason, Revoked};

use crate::recorded::record;
use crate::scene::{NAMESPACE, Scene};
use crate::x509::{Template, intermediate_key, now, revocation_list, root_key};

/// Request number 4, asked for because of this.
fn asked_because(reason: &str) -> Request {
    let mut request = Scene::new().request;
    request.metadata.name = Some("istio.demo.4".to_owned());
    request.metadata.creation_timestamp = Some(Time(now()));
    let annotation = ("meshroot.dev/reason".to_owned(), reason.to_owned());
    request.metadata.annotations = Some(BTreeMap::from([annotation]));
    request
}

#[test]
fn a_stolen_key_revokes_all_that_came_before_the_request_that_says_so() {
    assert!(asked(&asked_because("KeyCompromised")).is_some());
    assert!(asked(&asked_because("RenewalAsked")).is_none());
}

/// Whether that request revokes what this one got, decided so many seconds after it was created.
fn revokes(name: &str, seconds: i64) -> bool {
    let request = asked_because("KeyCompromised");
    let mut entry = record(&Scene::new());
    name.clone_into(&mut entry.request.name);
    entry.decision.time = Time(now() + SignedDuration::from_secs(seconds));
    let stolen = Stolen::read(&request).unwrap();
    stolen.issued(NAMESPACE, &entry, Timestamp::UNIX_EPOCH).is_some()
}

#[test]
fn before_is_what_was_decided_before_or_has_a_lower_number_wherever_it_was_issued() {
    assert!(
        revokes("istio.demo.3", -9) && revokes("istio.demo.3", 9) && revokes("istio.demo.1", -9)
    );
    assert!(revokes("istio.demo.4294967295", -9), "an agent chooses its number");
    assert!(revokes("istio.prod.1", -9), "in another virtual mesh");
    for (name, seconds) in [
        ("istio.demo.4", -9),
        ("istio.demo.5", 9),
        ("istio.prod.1", 9),
        ("other.demo.1", -9),
        ("istio-cert-request", -9),
    ] {
        assert!(!revokes(name, seconds), "{name}");
    }
}

#[test]
fn the_new_certificate_is_waited_for_but_no_longer_than_an_hour() {
    let minutes = SignedDuration::from_mins;
    let mut request = asked_because("KeyCompromised");
    assert_eq!(waits(&request, now() + minutes(20)), Some(minutes(40)));
    assert_eq!(waits(&request, now() + minutes(60)), None, "whatever became of it");
    request.status.get_or_insert_default().response.ca_certificate = b"x".to_vec().into();
    assert_eq!(waits(&request, now()), None, "it is there");
}

#[test]
fn what_was_denied_or_has_ended_or_is_of_another_cluster_is_not_revoked() {
    let request = asked_because("KeyCompromised");
    let stolen = Stolen::read(&request).unwrap();
    let mut entry = record(&Scene::new());
    entry.request.name = "istio.demo.3".to_owned();
    let at = Timestamp::UNIX_EPOCH;
    let is_revoked = |entry: &IssuanceRecordSpec, at| stolen.issued(NAMESPACE, entry, at).is_some();
    assert!(is_revoked(&entry, at));
    let end = entry.prepared.as_ref().unwrap().not_after.0;
    assert!(!is_revoked(&entry, end), "it has ended");
    assert!(stolen.issued("meshroot-cluster-west", &entry, at).is_none());
    let mut revoked = entry.clone();
    revoked.decision.verdict = Verdict::Revoked;
    assert!(!is_revoked(&revoked, at), "not twice");
    entry.prepared = None;
    assert!(!is_revoked(&entry, at), "denied");
}

fn entry(certificate: &Certificate) -> Revoked {
    let reason = Some(RevocationReason::CA_COMPROMISE);
    Revoked { serial: certificate.serial().clone(), since: now(), reason }
}

#[test]
fn another_list_is_due_with_another_entry_another_issuer_and_at_half_of_its_life() {
    let root = Template::root().sign(root_key());
    let revoked = Template::intermediate().sign(root_key());
    let hours = SignedDuration::from_hours;
    let entries = [entry(&revoked)];
    let times = [now(), now() + hours(10)];
    let list = revocation_list(root_key(), &root, 1, times, &entries);
    assert!(is_current(&list, &root, &entries, now() + hours(4)));
    assert!(!is_current(&list, &root, &entries, now() + hours(5)), "half is over");
    assert!(!is_current(&list, &root, &entries, now() - hours(1)), "it is of the future");
    let last = [root.not_after() - hours(10), root.not_after()];
    let last = revocation_list(root_key(), &root, 1, last, &entries);
    assert!(is_current(&last, &root, &entries, root.not_after() - hours(1)), "none is good longer");
    assert!(!is_current(&list, &root, &[], now()));
    let another = Template { serial: vec![0x2b], ..Template::intermediate() }.sign(root_key());
    let more = [entry(&revoked), entry(&another)];
    assert!(!is_current(&list, &root, &more, now()));
    assert!(!is_current(&list, &root, &more[1..], now()), "another one");
    assert!(!is_current(&list, &revoked, &entries, now()));
    let forged = revocation_list(intermediate_key(), &root, 1, times, &entries);
    assert!(!is_current(&forged, &root, &entries, now()), "by another key");
}

fn exposed(name: &str, days: i64, by: &[&str], is_leaving: bool) -> Exposed {
    Exposed {
        because: format!("the key of {name} is stolen"),
        until: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days),
        by: by.iter().map(|mesh| Key::new(NAMESPACE, *mesh)).collect(),
        is_leaving,
        no_list: None,
    }
}

#[test]
fn it_is_said_who_believes_a_stolen_key_longest_and_what_ends_it_sooner() {
    let demo = Key::new("meshroot-system", "demo");
    let said = |all: &[Exposed]| exposure(all, &demo).map(|it| it.message);
    let one = exposed("a", 1, &["a", "b"], false);
    assert_eq!(
        said(std::slice::from_ref(&one)).unwrap(),
        "the key of a is stolen; workloads of meshroot-cluster-east/a, meshroot-cluster-east/b believe what it signs until \
         1970-01-02T00:00:00Z, sooner where the root is replaced: meshroot rotate root meshroot-system/demo"
    );
    let many = exposed("c", 2, &["a", "b", "c", "d", "e"], true);
    assert_eq!(
        said(&[one.clone(), many]).unwrap(),
        "the key of c is stolen; workloads of meshroot-cluster-east/a, meshroot-cluster-east/b, meshroot-cluster-east/c and 2 \
         more believe what it signs until 1970-01-03T00:00:00Z, or until its root, which is being replaced, is trusted no \
         more; and so it is with 1 more"
    );
    let no_list = Some("it lacks cRLSign".to_owned());
    let unlisted = Exposed { no_list, ..exposed("a", 1, &["a"], true) };
    let without = exposure(&[unlisted], &demo).unwrap().message;
    assert!(without.ends_with("; no revocation list says so: it lacks cRLSign"), "{without}");
    assert_eq!(said(&[exposed("a", 1, &[], true)]), None, "nobody trusts its root any more");
    assert_eq!(said(&[]), None);
}
