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

/// As the builds before made them, with another library.
mod earlier {
    use std::net::IpAddr;
    use std::time::Duration;

    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
        IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
    };

    use super::*;

    pub(super) fn parameters(name: &str, end: SignedDuration) -> CertificateParams {
        let since_epoch =
            |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap());
        let mut parameters = CertificateParams::default();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.not_before = date_time_ymd(1970, 1, 1) + since_epoch(moment() - BACKDATE);
        parameters.not_after = date_time_ymd(1970, 1, 1) + since_epoch(moment() + end);
        parameters
    }

    pub(super) fn authority(key: &KeyPair) -> rcgen::Certificate {
        let mut parameters = parameters("embedded", TEN_YEARS);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        parameters.self_signed(key).unwrap()
    }

    pub(super) fn serving(hosts: &[&str]) -> CertificateParams {
        let mut parameters = parameters("kube-apiserver", SERVING_LIFETIME);
        for host in hosts {
            parameters.subject_alt_names.push(match host.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*host).try_into().unwrap()),
            });
        }
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters
    }

    pub(super) fn client(user: &str, group: &str) -> CertificateParams {
        let mut parameters = parameters(user, TEN_YEARS);
        parameters.distinguished_name.push(DnType::OrganizationName, group);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        parameters
    }

    pub(super) fn issued(
        mut parameters: CertificateParams,
        key: &KeyPair,
        by: (&KeyPair, &[u8]),
    ) -> rcgen::Certificate {
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.use_authority_key_identifier_extension = true;
        let mut authority = self::parameters("embedded", TEN_YEARS);
        authority.key_identifier_method = KeyIdMethod::PreSpecified(by.1.to_vec());
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        parameters.signed_by(key, &Issuer::from_params(&authority, by.0)).unwrap()
    }

    /// What was signed.
    pub(super) fn to_be_signed(certificate: &[u8]) -> Vec<u8> {
        use x509_cert::der::{Decode, Encode};
        Certificate::from_der(certificate).unwrap().tbs_certificate().to_der().unwrap()
    }

    pub(super) fn key(pem: &str) -> KeyPair {
        KeyPair::from_pem(pem).unwrap()
    }
}

#[test]
fn certificates_say_what_those_of_earlier_builds_say_byte_by_byte() {
    let authority = authority();
    let key = earlier::key(&authority.key_pem().unwrap());
    let tbs = |issued: &Issued| earlier::to_be_signed(&issued.certificate_der().unwrap());
    assert_eq!(
        earlier::to_be_signed(&authority.certificate_der().unwrap()),
        earlier::to_be_signed(earlier::authority(&key).der())
    );
    let by = (&key, authority.key_identifier.as_bytes());
    let hosts = ["hub.example.com".to_owned(), "10.1.2.3".to_owned()];
    let serving = authority.serving_certificate(&hosts, moment()).unwrap();
    let names: Vec<&str> =
        STANDARD_HOSTS.into_iter().chain(hosts.iter().map(String::as_str)).collect();
    let earlier_serving =
        earlier::issued(earlier::serving(&names), &earlier::key(&serving.key_pem().unwrap()), by);
    assert_eq!(tbs(&serving), earlier::to_be_signed(earlier_serving.der()));
    let client = authority.client_certificate("älice", Some("ops"), moment(), TEN_YEARS).unwrap();
    let earlier_client = earlier::issued(
        earlier::client("älice", "ops"),
        &earlier::key(&client.key_pem().unwrap()),
        by,
    );
    assert_eq!(tbs(&client), earlier::to_be_signed(earlier_client.der()));
}

#[test]
fn an_authority_of_an_earlier_build_is_read_and_continued() {
    let key = rcgen::KeyPair::generate().unwrap();
    let earlier = earlier::authority(&key);
    let authority = ServingAuthority::load(&earlier.pem(), &key.serialize_pem()).unwrap();
    assert_eq!(authority.certificate_der().unwrap(), earlier.der().to_vec());
    let serving = authority.serving_certificate(&[], moment()).unwrap();
    let certificate = serving.certificate().tbs_certificate();
    assert_eq!(certificate.issuer(), authority.issued.certificate().tbs_certificate().subject());
}
