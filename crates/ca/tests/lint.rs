//! Each rule of the profile, broken by a certificate that breaks nothing else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::similar_names, reason = "issuer and issued are the words of X.509")]

mod support;

use der::Encode as _;
use jiff::SignedDuration;
use meshroot_ca::{Issuer, LintError, Order, lint};
use meshroot_pki::DistinguishedName;
use rstest::rstest;
use support::x509::{
    self, DAY, NOW, SERVER_AUTH, Template, alternative_names, authority_key_identifier,
    basic_constraints, extended_key_usage, extension, general_name, hosts, ia5, key_usage, now,
    subject_key_identifier,
};
use support::{IDENTITY, issuer, issuer_of, order, profile};
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::ext::pkix::name::GeneralName;

const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";

/// An intermediate as [`order_with`] asks for it, for a test to bend.
fn good() -> Template {
    let mut template = Template::intermediate();
    template.with(alternative_names(false, &hosts(&[IDENTITY])));
    template
}

fn order_with(path_len: u8) -> Order {
    order(x509::intermediate_key(), profile(SignedDuration::from_hours(1), path_len))
}

fn judge(template: &Template, issuer: &Issuer) -> Result<(), LintError> {
    lint(&template.sign(x509::root_key()), &order_with(0), issuer)
}

fn extension_error(oid: &str) -> LintError {
    LintError::Extension { oid: oid.to_owned() }
}

#[test]
fn a_certificate_that_breaks_no_rule_passes() {
    judge(&good(), &issuer()).unwrap();
}

#[test]
fn the_serial_may_have_20_octets() {
    for serial in [vec![1], vec![0x7f; 20]] {
        judge(&Template { serial, ..good() }, &issuer()).unwrap();
    }
}

type Bend = fn(&mut Template);

#[rstest]
#[case::version(|it: &mut Template| it.version = Some(1), LintError::Version)]
#[case::no_subject(|it: &mut Template| it.subject = DistinguishedName::empty(), LintError::SubjectEmpty)]
#[case::other_issuer(|it: &mut Template| it.issuer = x509::name("another root"), LintError::IssuerName)]
#[case::empty_validity(|it: &mut Template| it.not_after = it.not_before, LintError::ValidityEmpty)]
#[case::other_key(|it: &mut Template| it.spki = x509::leaf_key().public_key().spki_der().to_vec(), LintError::PublicKey)]
#[case::other_algorithm(|it: &mut Template| it.algorithm = Some(x509::intermediate_key().signature_algorithm()), LintError::Algorithm)]
#[case::wrong_ski(|it: &mut Template| it.with(subject_key_identifier(&[7; 20])), LintError::SubjectKeyIdentifier)]
#[case::no_ski(|it: &mut Template| it.without(SUBJECT_KEY_IDENTIFIER), LintError::SubjectKeyIdentifier)]
#[case::wrong_aki(|it: &mut Template| it.with(authority_key_identifier(&[7; 20])), LintError::AuthorityKeyIdentifier)]
#[case::no_aki(|it: &mut Template| it.without(AUTHORITY_KEY_IDENTIFIER), LintError::AuthorityKeyIdentifier)]
#[case::no_constraints(|it: &mut Template| it.without(x509::BASIC_CONSTRAINTS), extension_error(x509::BASIC_CONSTRAINTS))]
#[case::no_usage(|it: &mut Template| it.without(x509::KEY_USAGE), extension_error(x509::KEY_USAGE))]
#[case::no_names(|it: &mut Template| it.without(SUBJECT_ALT_NAME), extension_error(SUBJECT_ALT_NAME))]
#[case::one_too_many(|it: &mut Template| it.with(extended_key_usage(&[SERVER_AUTH])), extension_error("2.5.29.37"))]
#[case::critical_names(|it: &mut Template| it.with(alternative_names(true, &hosts(&[IDENTITY]))), extension_error(SUBJECT_ALT_NAME))]
#[case::usage_not_critical(|it: &mut Template| uncritical(it, x509::KEY_USAGE), extension_error(x509::KEY_USAGE))]
#[case::constraints_not_critical(|it: &mut Template| uncritical(it, x509::BASIC_CONSTRAINTS), extension_error(x509::BASIC_CONSTRAINTS))]
#[case::no_ca(|it: &mut Template| it.with(basic_constraints(false, None)), LintError::BasicConstraints { expected: 0 })]
#[case::no_limit(|it: &mut Template| it.with(basic_constraints(true, None)), LintError::BasicConstraints { expected: 0 })]
#[case::other_limit(|it: &mut Template| it.with(basic_constraints(true, Some(1))), LintError::BasicConstraints { expected: 0 })]
#[case::sign_only(|it: &mut Template| it.with(key_usage(KeyUsages::KeyCertSign.into())), LintError::KeyUsage)]
#[case::more_usages(
    |it: &mut Template| it.with(key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign | KeyUsages::DigitalSignature)),
    LintError::KeyUsage
)]
#[case::other_host(|it: &mut Template| it.with(alternative_names(false, &hosts(&["spiffe://other/ns/a/sa/b"]))), LintError::Hosts)]
#[case::more_hosts(|it: &mut Template| it.with(alternative_names(false, &hosts(&[IDENTITY, "10.0.0.1"]))), LintError::Hosts)]
#[case::a_mail_address(|it: &mut Template| it.with(with_mail_address()), LintError::Hosts)]
fn a_broken_rule_is_named(#[case] bend: Bend, #[case] expected: LintError) {
    let mut template = good();
    bend(&mut template);
    assert_eq!(judge(&template, &issuer()), Err(expected));
}

fn uncritical(template: &mut Template, oid: &str) {
    for extension in &mut template.extensions {
        extension.critical &= extension.extn_id.to_string() != oid;
    }
}

/// The approved host and a name that is none of the types that hosts have.
fn with_mail_address() -> x509_cert::ext::Extension {
    let host = general_name(&hosts(&[IDENTITY])[0]);
    let names = vec![host, GeneralName::Rfc822Name(ia5("root@example.com"))];
    extension(SUBJECT_ALT_NAME, false, names.to_der().unwrap())
}

#[test]
fn a_serial_of_zero_or_of_more_than_20_octets_is_refused() {
    // 2^159 has 20 octets as a number and 21 as an INTEGER.
    let large = [vec![0, 0x80], vec![0; 19]].concat();
    for (serial, printed) in [(vec![0], "00".to_owned()), (large, format!("80{}", "00".repeat(19)))]
    {
        let refused = judge(&Template { serial, ..good() }, &issuer());
        assert_eq!(refused, Err(LintError::Serial { serial: printed }));
    }
}

#[test]
fn a_start_before_the_issuers_is_refused() {
    let early = Template { not_before: NOW - DAY - 1, ..good() };
    let Err(LintError::NotBeforePrecedesIssuer { asked, issuer }) = judge(&early, &issuer()) else {
        panic!()
    };
    assert_eq!((asked.as_second(), issuer.as_second()), (NOW - DAY - 1, NOW - DAY));
}

#[test]
fn an_end_after_the_issuers_is_refused() {
    let late = Template { not_after: NOW + DAY + 1, ..good() };
    let Err(LintError::NotAfterExceedsIssuer { asked, issuer }) = judge(&late, &issuer()) else {
        panic!()
    };
    assert_eq!((asked.as_second(), issuer.as_second()), (NOW + DAY + 1, NOW + DAY));
}

#[test]
fn an_issuer_name_in_another_string_type_is_refused() {
    // The same text as UTF8String: OpenSSL takes it for equal, Go does not.
    let printable = x509::name("root").der().to_vec();
    let utf8: Vec<u8> =
        printable.iter().map(|byte| if *byte == 0x13 { 0x0c } else { *byte }).collect();
    let issuer_name = DistinguishedName::from_der(&utf8).unwrap();
    assert_eq!(issuer_name.to_string(), x509::name("root").to_string());
    assert_eq!(
        judge(&Template { issuer: issuer_name, ..good() }, &issuer()),
        Err(LintError::IssuerName)
    );
}

#[test]
fn a_path_length_that_is_not_below_the_issuers_is_refused() {
    let mut root = Template::root();
    root.with(basic_constraints(true, Some(1)));
    let mut deep = good();
    deep.with(basic_constraints(true, Some(1)));
    let refused = lint(&deep.sign(x509::root_key()), &order_with(1), &issuer_of(&root));
    assert_eq!(refused, Err(LintError::PathLenExceedsIssuer { asked: 1, issuer: 1 }));
    lint(&deep.sign(x509::root_key()), &order_with(1), &issuer()).unwrap();
}

#[test]
fn an_issuer_without_key_identifier_is_named_by_its_key() {
    let mut root = Template::root();
    root.without(SUBJECT_KEY_IDENTIFIER);
    let issuer = issuer_of(&root);
    judge(&good(), &issuer).unwrap();
    let issued = support::issue(order_with(0), &issuer, now());
    let identifier = x509::root_key().public_key().key_identifier().to_vec();
    assert_eq!(issued.certificate().authority_key_identifier(), Some(identifier));
}
