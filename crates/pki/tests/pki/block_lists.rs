use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use meshroot_pki::{BlockList, BlockListError, KeyError, KeyKind, PrivateKey, PublicKey};
use rstest::rstest;

use crate::support::openssl;

fn key(kind: KeyKind) -> PublicKey {
    PrivateKey::generate(kind).unwrap().public_key().clone()
}

#[rstest]
#[case::of_rfc_8410("MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=", "RFC 8410")]
#[case::of_rfc_9500(
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjVuKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==",
    "RFC 9500"
)]
fn a_key_whose_private_half_is_published_is_refused(#[case] spki: &str, #[case] source: &str) {
    let key = PublicKey::from_spki_der(&BASE64_STANDARD.decode(spki).unwrap()).unwrap();
    let message = key.check_strength().unwrap_err().to_string();
    assert!(
        message.contains("published test keys, line ") && message.contains(source),
        "{message}"
    );
}

#[test]
fn the_published_keys_can_be_read() {
    assert_eq!(BlockList::published().len(), 13);
}

#[rstest]
#[case::p256(KeyKind::EcdsaP256)]
#[case::ed25519(KeyKind::Ed25519)]
#[case::rsa(KeyKind::Rsa2048)]
fn a_key_on_a_list_is_refused_and_the_refusal_names_list_and_line(#[case] kind: KeyKind) {
    let (listed, other) = (key(kind), key(kind));
    let digest = listed.fingerprint().to_string().to_ascii_uppercase();
    let text = format!("# lost laptops\r\n\r\n  {digest}  # of 2025\r\n");
    let list = BlockList::parse("lost.txt", &text).unwrap();
    let refused = KeyError::Blocked {
        fingerprint: listed.fingerprint(),
        entry: "lost.txt, line 3 (of 2025)".to_owned(),
    };
    assert!(refused.to_string().contains("block list lost.txt, line 3 (of 2025): "), "{refused}");
    assert_eq!(listed.check_not_on(&list), Err(refused));
    assert_eq!(other.check_not_on(&list), Ok(()));
}

#[test]
fn a_modulus_is_found_by_the_digest_of_openssl_blacklist() {
    let (listed, other) = (key(KeyKind::Rsa2048), key(KeyKind::Rsa2048));
    let arguments = ["rsa", "-pubin", "-inform", "DER", "-modulus", "-noout"];
    let modulus = openssl(&arguments, listed.spki_der()).unwrap();
    let digest = openssl(&["dgst", "-sha1", "-r"], &modulus).unwrap();
    let digest = String::from_utf8(digest).unwrap();
    let list = BlockList::parse("debian", &digest[20..40]).unwrap();
    let refused = listed.check_not_on(&list).unwrap_err().to_string();
    assert!(refused.contains("block list debian, line 1: "), "{refused}");
    assert_eq!(other.check_not_on(&list), Ok(()));
}

/// What stands there is not repeated: it may be a private key whose file was given by mistake.
#[rstest]
#[case::no_digest("# keys\nhello # a word\n", 2, 5)]
#[case::one_digit_less("0011223344556677889\n", 1, 19)]
#[case::sign("+0112233445566778899", 1, 20)]
#[case::colons("00:11:22\n", 1, 8)]
#[case::two_in_a_line("00112233445566778899 00112233445566778899", 1, 41)]
#[case::key_without_line_breaks("-----BEGIN PRIVATE KEY----- MC4CAQAwBQYD", 1, 40)]
fn a_line_that_is_no_digest_is_named_and_not_shown(
    #[case] text: &str,
    #[case] line: usize,
    #[case] length: usize,
) {
    let refused = BlockList::parse("keys.txt", text).unwrap_err();
    assert_eq!(refused, BlockListError { line, length });
}

#[test]
fn a_list_may_be_empty_and_begin_with_a_byte_order_mark() {
    assert!(BlockList::parse("keys.txt", "\u{feff}# nothing yet\n").unwrap().is_empty());
}
