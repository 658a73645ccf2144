use std::net::IpAddr;

use meshroot_pki::{
    Certificate, CertificateRequest, DerForm, DistinguishedName, Fingerprint, Host, PathOptions,
    PrivateKey, PublicKey, Purpose, build_path, parse_bundle, read_certificates,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::paths::Chain;
use crate::support::{hosts, name, now, root_key};

fn host() -> impl Strategy<Value = Host> {
    let dns = "[a-z]([a-z0-9-]{0,20}[a-z0-9])?(\\.[a-z]([a-z0-9-]{0,20}[a-z0-9])?){0,4}"
        .prop_map(Host::Dns);
    let id = "spiffe://[a-z0-9_-]{1,10}(\\.[a-z0-9_-]{1,10}){0,4}(/[A-Za-z0-9_-]{1,20}){0,4}"
        .prop_map(Host::Uri);
    let is_whole = |host: &Host| host.validate().is_ok();
    let ip = any::<IpAddr>().prop_map(Host::Ip);
    let ip = ip.prop_filter("an IPv4 address within IPv6 is refused", is_whole);
    prop_oneof![dns, id, ip]
}

/// Bytes that are nearly something: a valid input with some octets changed, cut or doubled.
fn mutated(valid: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = valid.len();
    (vec((0..length, any::<u8>()), 1..4), 0..=length, any::<bool>()).prop_map(
        move |(changes, cut, cut_off)| {
            let mut bytes = valid.clone();
            for (position, value) in changes {
                bytes[position] = value;
            }
            if cut_off {
                bytes.truncate(cut);
            }
            bytes
        },
    )
}

fn request() -> CertificateRequest {
    CertificateRequest::create(root_key(), &name("east 1"), &hosts(&["spiffe://a/b", "a.example"]))
        .unwrap()
}

/// Every parser, on the same bytes; the only wrong answer is a panic.
fn parse_everything(bytes: &[u8]) {
    let _ = CertificateRequest::parse(bytes);
    let _ = Certificate::from_der(bytes);
    let _ = Certificate::from_pem(bytes);
    let _ = parse_bundle(bytes);
    let _ = (read_certificates(bytes), DerForm::of(bytes));
    let _ = PrivateKey::from_pem(bytes);
    let _ = PublicKey::from_spki_der(bytes).map(|key| (key.check_strength(), key.kind_name()));
    let _ = DistinguishedName::from_der(bytes).map(|name| name.to_string());
}

fn configuration() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(1000 * crate::times())
    }
}

proptest! {
    #![proptest_config(configuration())]

    #[test]
    fn no_parser_panics_on_arbitrary_bytes(bytes in vec(any::<u8>(), 0..300)) {
        parse_everything(&bytes);
    }

    #[test]
    fn no_parser_panics_on_arbitrary_content_in_a_block(
        bytes in vec(any::<u8>(), 0..300),
        label in prop_oneof![
            Just("CERTIFICATE"), Just("CERTIFICATE REQUEST"), Just("PRIVATE KEY"), Just("RSA PRIVATE KEY"), Just("EC PRIVATE KEY"),
        ],
    ) {
        let framed = [&[0x30, 0x82, u8::try_from(bytes.len() >> 8).unwrap(), bytes.len().to_le_bytes()[0]][..], &bytes].concat();
        for content in [bytes, framed] {
            let pem = der::pem::encode_string(label, der::pem::LineEnding::LF, &content).unwrap();
            parse_everything(pem.as_bytes());
        }
    }

    #[test]
    fn no_parser_panics_on_text(text in "(-----BEGIN [A-Z ]{0,12}-----\n)?[A-Za-z0-9+/=\n:-]{0,80}(-----END [A-Z ]{0,12}-----)?") {
        parse_everything(text.as_bytes());
    }

    #[test]
    fn no_parser_panics_on_a_mutated_certificate(bytes in mutated(Chain::new().certificates()[0].der().to_vec())) {
        parse_everything(&bytes);
        if let Ok(leaf) = Certificate::from_der(&bytes) {
            let [original, intermediate, root] = Chain::new().certificates();
            let path = build_path(&leaf, &[intermediate], &[root], &PathOptions::new(now(), Purpose::Any));
            // Ed25519 and ECDSA: a changed certificate is never accepted, at most the same one is.
            prop_assert!(path.is_err() || leaf == original || leaf.tbs_der() == original.tbs_der());
        }
    }

    #[test]
    fn a_mutated_request_is_never_accepted_with_other_content(bytes in mutated(request().der().to_vec())) {
        let original = request();
        if let Ok(accepted) = CertificateRequest::parse(&bytes) {
            // request() signs anew each time, so what is accepted must at least say the same.
            prop_assert_eq!(accepted.public_key(), original.public_key());
            prop_assert_eq!(accepted.subject(), original.subject());
            prop_assert_eq!(accepted.hosts(), original.hosts());
            prop_assert_eq!(accepted.der(), &bytes[..]);
        }
    }

    #[test]
    fn a_request_says_what_it_was_created_with(hosts in vec(host(), 0..6), common_name in "[ -~]{1,64}") {
        let subject = DistinguishedName::new("Example", "shop", &common_name).unwrap();
        let request = CertificateRequest::create(root_key(), &subject, &hosts).unwrap();
        prop_assert_eq!(request.hosts(), &hosts[..]);
        prop_assert_eq!(request.subject(), &subject);
        prop_assert_eq!(CertificateRequest::parse(request.to_pem().as_bytes()).unwrap(), request);
    }

    #[test]
    fn a_host_is_read_as_it_is_written(host in host()) {
        host.validate().unwrap();
        prop_assert_eq!(host.to_string().parse::<Host>().unwrap(), host);
    }

    #[test]
    fn every_text_that_is_a_host_validates(text in "\\PC{0,40}") {
        if let Ok(host) = text.parse::<Host>() {
            prop_assert_eq!(host.validate(), Ok(()));
            prop_assert_eq!(host.to_string().parse::<Host>().unwrap(), host);
        }
    }

    #[test]
    fn a_distinguished_name_never_gains_attributes(parts in proptest::array::uniform3("[^\\pC]{1,64}")) {
        let [org, unit, common_name] = &parts;
        let name = DistinguishedName::new(org, unit, common_name).unwrap();
        prop_assert_eq!(name.as_name().iter().count(), 3);
        prop_assert_eq!(DistinguishedName::from_der(name.der()).unwrap(), name);
    }

    #[test]
    fn a_fingerprint_survives_its_text(bytes in vec(any::<u8>(), 0..64)) {
        let fingerprint = Fingerprint::of(&bytes);
        prop_assert_eq!(fingerprint.to_string().parse::<Fingerprint>().unwrap(), fingerprint);
    }
}
