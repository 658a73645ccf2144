#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::{ClientCertificateError, user_of_client_certificate};

const TEN_YEARS: SignedDuration = SignedDuration::from_hours(24 * 3650);

fn moment() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn authority() -> ServingAuthority {
    ServingAuthority::create("embedded", moment(), TEN_YEARS).unwrap()
}

#[test]
fn an_authority_is_the_same_after_a_restart() {
    let authority = authority();
    let again =
        ServingAuthority::load(authority.certificate_pem(), &authority.key_pem().unwrap()).unwrap();
    assert_eq!(again.certificate_pem(), authority.certificate_pem());
    assert_eq!((&again.name, &again.key_identifier), (&authority.name, &authority.key_identifier));
    let (begin, end) = again.valid().unwrap();
    assert_eq!(moment().duration_since(begin), BACKDATE);
    assert_eq!(end.duration_since(moment()), TEN_YEARS);
}

#[test]
fn a_certificate_beside_another_key_is_refused() {
    let (one, other) = (authority(), authority());
    let error =
        ServingAuthority::load(one.certificate_pem(), &other.key_pem().unwrap()).unwrap_err();
    assert!(matches!(error, AuthorityError::OtherKey { .. }), "{error}");
    let error = ServingAuthority::load("x", &other.key_pem().unwrap()).unwrap_err();
    assert!(matches!(error, AuthorityError::NotCertificate { .. }), "{error}");
}

#[test]
fn a_serving_certificate_covers_its_hosts_and_is_renewed_in_its_last_third() {
    let hosts = ["hub.example.com".to_owned(), "10.1.2.3".to_owned(), "fd00::1".to_owned()];
    let issued = authority().serving_certificate(&hosts, moment()).unwrap();
    assert!(issued.covers(&hosts));
    assert!(issued.covers(&STANDARD_HOSTS.map(str::to_owned)));
    assert!(!issued.covers(&["other.example.com".to_owned()]));
    assert!(!issued.needs_renewal(moment()));
    assert!(!issued.needs_renewal(moment() + SignedDuration::from_hours(24 * 243)));
    assert!(issued.needs_renewal(moment() + SignedDuration::from_hours(24 * 244)));
    let again = Issued::load(issued.certificate_pem(), &issued.key_pem().unwrap()).unwrap();
    assert!(again.covers(&hosts));
}

#[test]
fn a_host_that_is_no_name_is_refused() {
    let error = authority().serving_certificate(&["a b".to_owned()], moment()).unwrap_err();
    assert_eq!(error.to_string(), "host \"a b\" is neither a DNS name nor an IP address");
}

#[test]
fn a_client_certificate_names_its_user() {
    let issued = authority()
        .client_certificate("alice", Some("system:masters"), moment(), TEN_YEARS)
        .unwrap();
    let user = user_of_client_certificate(&issued.certificate_der().unwrap()).unwrap();
    assert_eq!(user.name, "alice");
    assert_eq!(user.groups, ["system:masters", "system:authenticated"]);
    assert!(user.extra["authentication.kubernetes.io/credential-id"][0].starts_with("X509SHA256="));
    assert_eq!(user_of_client_certificate(b"x").unwrap_err(), ClientCertificateError::Malformed);
    let nameless = authority().client_certificate("", None, moment(), TEN_YEARS).unwrap();
    let error = user_of_client_certificate(&nameless.certificate_der().unwrap()).unwrap_err();
    assert_eq!(error, ClientCertificateError::NoCommonName);
}

#[test]
fn debug_shows_no_key() {
    let text = format!("{:?}", authority());
    assert!(text.contains("P256Key(..)") && !text.contains("PRIVATE"), "{text}");
}
