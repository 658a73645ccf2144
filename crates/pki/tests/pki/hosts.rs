use std::net::IpAddr;

use meshroot_pki::{Fingerprint, FingerprintError, Host, HostError};
use rstest::rstest;

#[rstest]
#[case("web.shop.svc", Host::Dns("web.shop.svc".to_owned()))]
#[case("Web.Shop", Host::Dns("web.shop".to_owned()))]
#[case("localhost", Host::Dns("localhost".to_owned()))]
#[case("3com.example", Host::Dns("3com.example".to_owned()))]
#[case("10.1.2.3", Host::Ip(IpAddr::from([10, 1, 2, 3])))]
#[case("::1", Host::Ip("::1".parse().unwrap()))]
#[case("spiffe://cluster.local", Host::Uri("spiffe://cluster.local".to_owned()))]
#[case("spiffe://a_b-c.d/ns/Shop/sa/w.e_b-1", Host::Uri("spiffe://a_b-c.d/ns/Shop/sa/w.e_b-1".to_owned()))]
#[case("https://example.com/a?b=c", Host::Uri("https://example.com/a?b=c".to_owned()))]
fn a_host_is_recognised_by_its_form(#[case] text: &str, #[case] expected: Host) {
    let host: Host = text.parse().unwrap();
    assert_eq!(host, expected);
    host.validate().unwrap();
    assert_eq!(host.to_string().parse::<Host>().unwrap(), expected);
}

macro_rules! refusals {
    ($($name:ident: $text:expr => $expected:pat,)*) => {$(
        #[test]
        fn $name() {
            let error = <str>::parse::<Host>($text.as_ref()).unwrap_err();
            assert!(matches!(error, $expected), "{error:?}");
        }
    )*};
}

refusals! {
    an_empty_host_is_refused: "" => HostError::Empty,
    a_long_dns_name_is_refused: "a.".repeat(127) => HostError::Length { kind: "DNS", length: 254, most: 253 },
    a_wildcard_is_refused: "*.example.com" => HostError::Wildcard { .. },
    an_empty_label_is_refused: "a..b" => HostError::LabelEmpty { .. },
    a_trailing_dot_is_refused: "a.b." => HostError::LabelEmpty { .. },
    a_long_label_is_refused: "a".repeat(64) => HostError::LabelLength { .. },
    an_underscore_in_a_dns_name_is_refused: "a_b.c" => HostError::LabelCharacter { character: '_', .. },
    a_letter_outside_ascii_is_refused: "bücher.example" => HostError::LabelCharacter { character: 'ü', .. },
    a_space_is_refused: "a b" => HostError::LabelCharacter { character: ' ', .. },
    a_port_is_refused: "a.b:80" => HostError::LabelCharacter { character: ':', .. },
    a_label_that_begins_with_a_hyphen_is_refused: "a.-b" => HostError::LabelHyphen { .. },
    a_label_that_ends_with_a_hyphen_is_refused: "a-.b" => HostError::LabelHyphen { .. },
    an_ipv4_address_within_ipv6_is_refused: "::ffff:10.1.2.3" => HostError::IpMapped { .. },
    a_broken_address_is_no_dns_name: "10.1.2.300" => HostError::NumericTopLabel { .. },
    a_uri_without_scheme_is_refused: "://a" => HostError::UriScheme { .. },
    an_upper_case_scheme_is_refused: "SPIFFE://a" => HostError::UriScheme { .. },
    a_uri_without_authority_is_refused: "https:///a" => HostError::UriAuthority { .. },
    a_control_character_in_a_uri_is_refused: "https://a/\n" => HostError::UriCharacter { character: '\n', .. },
    a_long_uri_is_refused: format!("https://a/{}", "b".repeat(2039)) => HostError::Length { kind: "URI", length: 2049, .. },
    a_spiffe_id_with_a_port_is_refused: "spiffe://a:1/b" => HostError::SpiffePart { part: ':', .. },
    a_spiffe_id_with_a_user_is_refused: "spiffe://a@b/c" => HostError::SpiffePart { part: '@', .. },
    a_spiffe_id_with_a_query_is_refused: "spiffe://a/b?c" => HostError::SpiffePart { part: '?', .. },
    a_spiffe_id_with_a_fragment_is_refused: "spiffe://a/b#c" => HostError::SpiffePart { part: '#', .. },
    a_spiffe_id_without_trust_domain_is_refused: "spiffe:///a" => HostError::UriAuthority { .. },
    an_upper_case_trust_domain_is_refused: "spiffe://A/b" => HostError::SpiffeTrustDomain { character: 'A', .. },
    a_percent_in_a_trust_domain_is_refused: "spiffe://a%20/b" => HostError::SpiffeTrustDomain { character: '%', .. },
    a_trust_domain_that_ends_in_a_dot_is_refused: "spiffe://cluster.local./ns/a" => HostError::SpiffeLabelEmpty { .. },
    a_trust_domain_that_begins_with_a_dot_is_refused: "spiffe://.a/b" => HostError::SpiffeLabelEmpty { .. },
    an_empty_label_in_a_trust_domain_is_refused: "spiffe://a..b/c" => HostError::SpiffeLabelEmpty { .. },
    an_empty_label_in_a_uri_is_refused: "https://a..b/c" => HostError::UriUnreadable { .. },
    a_bad_escape_in_a_uri_is_refused: "https://a.example/%zz" => HostError::UriUnreadable { .. },
    a_port_that_is_no_number_is_refused: "https://a.example:x/" => HostError::UriUnreadable { .. },
    a_long_trust_domain_is_refused: format!("spiffe://{}", "a".repeat(256)) => HostError::Length { kind: "SPIFFE trust domain", .. },
    a_percent_in_a_spiffe_path_is_refused: "spiffe://a/b%2f" => HostError::SpiffePath { character: '%', .. },
    an_empty_spiffe_segment_is_refused: "spiffe://a/b//c" => HostError::SpiffeSegment { .. },
    a_spiffe_id_that_ends_in_a_slash_is_refused: "spiffe://a/" => HostError::SpiffeSegment { .. },
    a_single_dot_segment_is_refused: "spiffe://a/./b" => HostError::SpiffeSegment { .. },
    a_double_dot_segment_is_refused: "spiffe://a/../b" => HostError::SpiffeSegment { .. },
}

#[test]
fn the_longest_names_are_accepted() {
    let label = "a".repeat(63);
    let dns = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(dns.len(), 253);
    dns.parse::<Host>().unwrap();
    let id = format!("spiffe://{}/{}", "a".repeat(255), "b".repeat(2048 - 9 - 256));
    assert_eq!(id.len(), 2048);
    id.parse::<Host>().unwrap();
}

#[rstest]
#[case(Host::Dns("A.example".to_owned()))]
#[case(Host::Dns(String::new()))]
#[case(Host::Dns("*.example".to_owned()))]
#[case(Host::Uri("spiffe://A".to_owned()))]
#[case(Host::Uri("no-uri".to_owned()))]
fn a_host_built_by_hand_is_validated(#[case] host: Host) {
    host.validate().unwrap_err();
}

#[test]
fn only_spiffe_ids_have_a_trust_domain() {
    let domain =
        |text: &str| text.parse::<Host>().unwrap().spiffe_trust_domain().map(str::to_owned);
    assert_eq!(domain("spiffe://east.example/ns/a").as_deref(), Some("east.example"));
    assert_eq!(domain("spiffe://0aa.consul").as_deref(), Some("0aa.consul"));
    assert_eq!(domain("https://east.example/ns/a"), None);
    assert_eq!(domain("east.example"), None);
}

#[test]
fn a_fingerprint_is_read_as_it_is_written() {
    let fingerprint = Fingerprint::of(b"");
    let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(fingerprint.to_string(), text);
    assert_eq!(format!("{fingerprint:?}"), text);
    assert_eq!(text.parse::<Fingerprint>().unwrap(), fingerprint);
    assert_eq!(text[1..].parse::<Fingerprint>(), Err(FingerprintError::Length { found: 63 }));
    assert_eq!(
        text.to_uppercase().parse::<Fingerprint>(),
        Err(FingerprintError::Digit { position: 1 })
    );
}
