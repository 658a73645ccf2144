use der::asn1::Any;
use der::{Encode, Tag};
use meshroot_pki::{DistinguishedName, NameError};
use rstest::rstest;

use crate::support::sequence;

fn value_tags(name: &DistinguishedName) -> Vec<Tag> {
    use der::Tagged as _;
    name.as_name().iter().map(|attribute| attribute.value.tag()).collect()
}

#[test]
fn the_parts_stand_in_the_order_o_ou_cn() {
    let name = DistinguishedName::new("Istio", "shop", "east 1").unwrap();
    let oids: Vec<_> = name.as_name().iter().map(|attribute| attribute.oid.to_string()).collect();
    assert_eq!(oids, ["2.5.4.10", "2.5.4.11", "2.5.4.3"]);
    assert_eq!(name.as_name().iter_rdn().count(), 3);
    assert_eq!(name.to_string(), "CN=east 1,OU=shop,O=Istio");
}

#[test]
fn printable_characters_make_a_printable_string_and_others_utf8() {
    let name = DistinguishedName::new("Istio", "sh_op", "Bücher").unwrap();
    assert_eq!(value_tags(&name), [Tag::PrintableString, Tag::Utf8String, Tag::Utf8String]);
    assert_eq!(name.to_string(), "CN=Bücher,OU=sh_op,O=Istio");
}

#[rstest]
#[case("a,CN=root", "CN=a\\,CN\\=root", "CN=a\\,CN=root")]
#[case("a+b", "", "CN=a\\+b")]
#[case("#a", "", "CN=\\#a")]
#[case(" a ", "", "CN=\\ a\\ ")]
#[case("a\\b\"", "", "CN=a\\\\b\\\"")]
#[case("a\u{202e}b", "", "CN=a\\E2\\80\\AEb")]
fn special_characters_stay_in_their_value_and_are_escaped(
    #[case] common_name: &str,
    #[case] never: &str,
    #[case] shown: &str,
) {
    let name = DistinguishedName::new("o", "u", common_name).unwrap();
    assert_eq!(name.as_name().iter().count(), 3);
    assert_eq!(name.to_string(), format!("{shown},OU=u,O=o"));
    assert!(never.is_empty() || !name.to_string().contains(never));
}

#[rstest]
#[case("", "u", "c", NameError::Empty { field: "organization" })]
#[case("o", "", "c", NameError::Empty { field: "organizational unit" })]
#[case("o", "u", "", NameError::Empty { field: "common name" })]
#[case("o", "u", "a\nb", NameError::ControlCharacter { field: "common name" })]
fn a_field_that_cannot_stand_is_named(
    #[case] org: &str,
    #[case] unit: &str,
    #[case] common_name: &str,
    #[case] expected: NameError,
) {
    assert_eq!(DistinguishedName::new(org, unit, common_name), Err(expected));
}

#[test]
fn a_field_has_at_most_64_characters() {
    let (longest, too_long) = ("ü".repeat(64), "ü".repeat(65));
    DistinguishedName::new(&longest, &longest, &longest).unwrap();
    let refused = |name: Result<DistinguishedName, NameError>, field| {
        assert_eq!(name, Err(NameError::TooLong { field, length: 65 }));
    };
    refused(DistinguishedName::new(&too_long, "u", "c"), "organization");
    refused(DistinguishedName::new("o", &too_long, "c"), "organizational unit");
    refused(DistinguishedName::new("o", "u", &too_long), "common name");
}

#[test]
fn the_empty_name_is_empty() {
    assert!(DistinguishedName::empty().is_empty());
    assert_eq!(DistinguishedName::empty().to_string(), "");
    assert_eq!(DistinguishedName::from_der(&[0x30, 0x00]).unwrap(), DistinguishedName::empty());
}

#[test]
fn names_of_other_string_types_differ() {
    let name = |tag| {
        let value = Any::new(tag, &b"root"[..]).unwrap().to_der().unwrap();
        let attribute = sequence(&[vec![0x06, 0x03, 0x55, 0x04, 0x03], value]);
        let set = Any::new(Tag::Set, attribute).unwrap().to_der().unwrap();
        DistinguishedName::from_der(&sequence(&[set])).unwrap()
    };
    let (printable, utf8) = (name(Tag::PrintableString), name(Tag::Utf8String));
    assert_eq!(printable.to_string(), utf8.to_string());
    assert_ne!(printable, utf8);
}

#[test]
fn an_unknown_attribute_is_shown_as_hexadecimal() {
    let value = Any::new(Tag::Utf8String, &b"x"[..]).unwrap().to_der().unwrap();
    let attribute = sequence(&[vec![0x06, 0x03, 0x2a, 0x03, 0x04], value]);
    let set = Any::new(Tag::Set, attribute).unwrap().to_der().unwrap();
    let name = DistinguishedName::from_der(&sequence(&[set])).unwrap();
    assert_eq!(name.to_string(), "1.2.3.4=#0c0178");
}
