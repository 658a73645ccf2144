//! Prepare → record → sign → check: what holds for every certificate, and what is refused on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::similar_names, reason = "issuer and issued are the words of X.509")]

mod support;

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use jiff::{SignedDuration, Timestamp};
use meshroot_ca::{
    Facts, Issuer, LintError, MemorySigner, Order, PrepareError, Prepared, SignError, Subject,
};
use meshroot_pki::{Certificate, KeyKind, PathError, PathOptions, PrivateKey, Purpose, build_path};
use proptest::prelude::*;
use support::x509::{self, DAY, NOW, Template, basic_constraints, now};
use support::{
    BrokenLedger, MemoryLedger, WatchedSigner, checked, copy, days, issue, issuer, issuer_of,
    order, order_of, profile,
};
use support::{ready, recorded, request};
use x509_cert::ext::pkix::KeyUsages;

const TEN_MINUTES: SignedDuration = SignedDuration::from_mins(10);

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn key() -> &'static PrivateKey {
    x509::intermediate_key()
}

fn prepare(issuer: &Issuer) -> Prepared {
    Prepared::new(order(key(), profile(hours(1), 0)), issuer, now()).unwrap()
}

/// A root that is valid between two moments, counted in seconds from now.
fn issuer_between(not_before: i64, not_after: i64, path_len: Option<u8>) -> Issuer {
    let mut root =
        Template { not_before: NOW + not_before, not_after: NOW + not_after, ..Template::root() };
    root.with(basic_constraints(true, path_len));
    issuer_of(&root)
}

#[test]
fn a_certificate_never_outlives_its_issuer() {
    let issuer = issuer();
    let long = issue(order(key(), profile(days(365), 0)), &issuer, now());
    assert_eq!(long.certificate().not_after(), issuer.certificate().not_after());
    let short = issue(order(key(), profile(hours(3), 0)), &issuer, now());
    assert_eq!(short.certificate().not_after(), now() + hours(3));
}

#[test]
fn validity_begins_ten_minutes_ago_but_never_before_the_issuer() {
    let old = issue(order(key(), profile(hours(1), 0)), &issuer(), now());
    assert_eq!(old.certificate().not_before(), now() - TEN_MINUTES);
    let young = issuer_between(-60, DAY, None);
    let young = issue(order(key(), profile(hours(1), 0)), &young, now());
    assert_eq!(young.certificate().not_before().as_second(), NOW - 60);
}

#[test]
fn a_certificate_never_outlives_the_company_root_above_its_issuer() {
    let root = Template { not_after: NOW + 2 * DAY, ..Template::root() }.sign(x509::root_key());
    let mut signer = Template { not_after: NOW + 300 * DAY, ..Template::intermediate() };
    signer.with(basic_constraints(true, None));
    let issuer = Issuer::load(
        root.to_pem().as_bytes(),
        x509::intermediate_key().to_pkcs8_pem().as_bytes(),
        Some(signer.sign(x509::root_key()).to_pem().as_bytes()),
        now(),
    )
    .unwrap();
    let issued = issue(order(key(), profile(days(90), 0)), &issuer, now());
    assert_eq!(issued.certificate().not_after(), root.not_after());
}

#[test]
fn a_moment_within_a_second_gives_whole_seconds() {
    let moment = now() + SignedDuration::from_millis(1_750);
    let issued = issue(order(key(), profile(hours(1), 0)), &issuer(), moment);
    assert_eq!(issued.certificate().not_before().as_second(), NOW + 1 - 600);
    assert_eq!(issued.certificate().not_after().as_second(), NOW + 1 + 3600);
}

#[test]
fn an_issuer_that_ends_too_soon_prepares_nothing() {
    let ending = issuer_between(-DAY, 299, None);
    let refused = Prepared::new(order(key(), profile(hours(1), 0)), &ending, now()).unwrap_err();
    assert!(matches!(refused, PrepareError::IssuerEnds { .. }), "{refused:?}");
    assert!(refused.to_string().contains("replace the root first"), "{refused}");
    Prepared::new(order(key(), profile(hours(1), 0)), &issuer_between(-DAY, 300, None), now())
        .unwrap();
}

#[test]
fn a_path_length_stays_below_the_issuers() {
    let issuer = issuer_between(-DAY, DAY, Some(2));
    let issued = issue(order(key(), profile(hours(1), 1)), &issuer, now());
    assert_eq!(issued.certificate().path_len(), Some(1));
    let refused = Prepared::new(order(key(), profile(hours(1), 2)), &issuer, now()).unwrap_err();
    let PrepareError::Lint(error) = refused else { panic!("{refused:?}") };
    assert_eq!(error, LintError::PathLenExceedsIssuer { asked: 2, issuer: 2 });
}

#[test]
fn every_serial_is_new_positive_and_of_127_random_bits() {
    let issuer = issuer();
    let serials: Vec<Vec<u8>> = (0..256).map(|_| prepare(&issuer).facts().serial.clone()).collect();
    assert_eq!(serials.iter().collect::<HashSet<_>>().len(), 256);
    let (mut ones, mut zeros) = ([0_u8; 16], [0_u8; 16]);
    for serial in &serials {
        assert_eq!(serial.len(), 16);
        for (place, byte) in serial.iter().enumerate() {
            ones[place] |= byte;
            zeros[place] |= !byte;
        }
    }
    // Each of the 127 lower bits was seen as one and as zero; the uppermost is the sign.
    assert_eq!((ones[0], zeros[0]), (0x7f, 0xff));
    assert_eq!((&ones[1..], &zeros[1..]), (&[0xff; 15][..], &[0xff; 15][..]));
}

#[test]
fn the_serial_that_is_recorded_is_the_serial_of_the_certificate() {
    let issuer = issuer();
    let prepared = prepare(&issuer);
    let serial = prepared.facts().serial.clone();
    let Ok(recorded) = ready(prepared.record(&MemoryLedger::default()));
    let issued = recorded.sign(&issuer, now()).unwrap();
    let significant: Vec<u8> = serial.into_iter().skip_while(|byte| *byte == 0).collect();
    assert_eq!(issued.certificate().serial().as_bytes(), significant);
}

#[test]
fn the_facts_are_those_of_the_certificate() {
    let (issuer, ledger) = (issuer(), MemoryLedger::default());
    let Ok(recorded) = ready(prepare(&issuer).record(&ledger));
    let issued = recorded.sign(&issuer, now()).unwrap();
    let [facts] = ledger.entries().try_into().unwrap();
    assert_eq!(facts.tbs, meshroot_pki::Fingerprint::of(issued.certificate().tbs_der()));
    assert_eq!(facts.issuer, issuer.certificate().fingerprint());
    assert_eq!(facts.not_before, issued.certificate().not_before());
    assert_eq!(facts.not_after, issued.certificate().not_after());
    assert_eq!(facts.profile, profile(hours(1), 0).fingerprint());
}

#[test]
fn only_the_key_of_a_request_is_used() {
    let subject = x509::name("somebody else");
    let request = meshroot_pki::CertificateRequest::create(key(), &subject, &[]).unwrap();
    let approved = x509::hosts(&[support::IDENTITY]);
    let order = order_of(request, "east", approved.clone(), profile(hours(1), 0));
    let issued = issue(order, &issuer(), now());
    assert_eq!(issued.certificate().hosts(), approved);
    assert_eq!(issued.certificate().subject().to_string(), "CN=east 1,OU=demo,O=Istio");
    assert_eq!(issued.certificate().public_key(), key().public_key());
}

#[test]
fn an_order_without_hosts_gives_a_certificate_without_alternative_names() {
    let order = order_of(request(key(), &[]), "east", vec![], profile(hours(1), 0));
    let issued = issue(order, &issuer(), now());
    assert_eq!(issued.certificate().hosts(), []);
    assert_eq!(issued.certificate().tbs().extensions().unwrap().len(), 4);
}

#[test]
fn hosts_of_every_kind_come_out_as_they_went_in() {
    let hosts = x509::hosts(&[
        support::IDENTITY,
        "identity.linkerd.cluster.local",
        "10.1.2.3",
        "2001:db8::1",
    ]);
    let order = order_of(request(key(), &hosts), "east", hosts.clone(), profile(hours(1), 0));
    assert_eq!(issue(order, &issuer(), now()).certificate().hosts(), hosts);
}

#[test]
fn a_certificate_comes_with_the_chain_up_to_but_without_the_root() {
    let mut signer = Template::intermediate();
    signer.with(basic_constraints(true, None));
    let (root, signer) = (Template::root().sign(x509::root_key()), signer.sign(x509::root_key()));
    let signing = MemorySigner::new(copy(x509::intermediate_key()));
    let issuer = Issuer::new(&[root], vec![signer.clone()], Box::new(signing), now()).unwrap();
    let issued = issue(order(x509::leaf_key(), profile(hours(1), 0)), &issuer, now());
    let bundle = meshroot_pki::parse_bundle(issued.to_pem().as_bytes()).unwrap();
    assert_eq!(bundle, [issued.certificate().clone(), signer]);
}

#[test]
fn a_crash_after_recording_gives_the_same_bytes_again() {
    let (issuer, ledger) = (issuer(), MemoryLedger::default());
    let Ok(recorded) = ready(prepare(&issuer).record(&ledger));
    let first = recorded.sign(&issuer, now()).unwrap();
    let [facts] = ledger.entries().try_into().unwrap();
    let later = now() + hours(1) - SignedDuration::from_mins(5);
    let resumed = Prepared::resume(order(key(), profile(hours(1), 0)), &issuer, &facts).unwrap();
    assert_eq!(resumed.facts(), &facts);
    let Ok(recorded) = ready(resumed.record(&ledger));
    let second = recorded.sign(&issuer, later).unwrap();
    assert_eq!(first.certificate().tbs_der(), second.certificate().tbs_der());
    assert_eq!(ledger.entries(), [facts.clone(), facts]);
}

#[test]
fn signing_twice_with_a_deterministic_key_gives_the_very_same_certificate() {
    let root_key = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let root = Template::new(&x509::name("root"), &x509::name("root"), &root_key);
    let root = Template {
        extensions: vec![
            basic_constraints(true, None),
            x509::key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            x509::subject_key_identifier(&root_key.public_key().key_identifier()),
        ],
        ..root
    };
    let signer = MemorySigner::new(copy(&root_key));
    let issuer = Issuer::new(&[root.sign(&root_key)], vec![], Box::new(signer), now()).unwrap();
    let recorded = recorded(order(key(), profile(hours(1), 0)), &issuer, now());
    let (first, second) =
        (recorded.sign(&issuer, now()).unwrap(), recorded.sign(&issuer, now()).unwrap());
    assert_eq!(first.certificate(), second.certificate());
}

/// Resumes with what a test changed, and expects a mismatch that names both digests.
fn assert_mismatch(changed: Order, facts: &Facts) {
    let refused = Prepared::resume(changed, &issuer(), facts).unwrap_err();
    let PrepareError::RecordMismatch { recorded, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!(*recorded, facts.tbs);
    assert!(refused.to_string().contains("ask for a renewal"), "{refused}");
}

fn facts() -> Facts {
    prepare(&issuer()).facts().clone()
}

#[test]
fn a_record_does_not_fit_another_key() {
    assert_mismatch(order(x509::leaf_key(), profile(hours(1), 0)), &facts());
}

#[test]
fn a_record_does_not_fit_other_hosts() {
    let hosts = x509::hosts(&["spiffe://cluster.local/ns/other/sa/istiod"]);
    let request = request(key(), &hosts);
    let order = order_of(request, "istio-istio-system-east", hosts, profile(hours(1), 0));
    assert_mismatch(order, &facts());
}

#[test]
fn a_record_does_not_fit_another_profile() {
    assert_mismatch(order(key(), profile(hours(1), 1)), &facts());
    // The bytes would be the same, the decision named another lifetime.
    assert_mismatch(order(key(), profile(hours(2), 0)), &facts());
}

#[test]
fn a_record_does_not_fit_another_issuer() {
    let mut facts = facts();
    facts.issuer = meshroot_pki::Fingerprint::of(b"another issuer");
    assert_mismatch(order(key(), profile(hours(1), 0)), &facts);
}

#[test]
fn a_record_whose_digest_was_changed_is_refused() {
    let mut facts = facts();
    facts.tbs = meshroot_pki::Fingerprint::of(b"other bytes");
    assert_mismatch(order(key(), profile(hours(1), 0)), &facts);
}

#[test]
fn a_record_that_outlives_the_issuer_is_refused_by_the_lint() {
    let mut facts = facts();
    facts.not_after = now() + days(2);
    let refused =
        Prepared::resume(order(key(), profile(hours(1), 0)), &issuer(), &facts).unwrap_err();
    assert!(
        matches!(refused, PrepareError::Lint(LintError::NotAfterExceedsIssuer { .. })),
        "{refused:?}"
    );
}

#[test]
fn nothing_is_signed_by_another_issuer_than_it_was_prepared_for() {
    let recorded = recorded(order(key(), profile(hours(1), 0)), &issuer(), now());
    // The same key and name with another validity is another issuer.
    let other = issuer_between(-DAY, 2 * DAY, None);
    let refused = recorded.sign(&other, now()).unwrap_err();
    let SignError::IssuerChanged { prepared, given } = refused else { panic!("{refused:?}") };
    assert_eq!(given, other.certificate().fingerprint());
    assert_ne!(prepared, given);
}

/// An issuer whose use of the key is counted.
fn watched(signer: WatchedSigner) -> Issuer {
    Issuer::new(&[Template::root().sign(x509::root_key())], vec![], Box::new(signer), now())
        .unwrap()
}

#[test]
fn the_issuing_key_is_used_once_and_only_after_the_ledger_has_the_entry() {
    let signer = WatchedSigner::honest(x509::root_key());
    let uses = signer.uses.clone();
    let issuer = watched(signer);
    let Ok(recorded) = ready(prepare(&issuer).record(&MemoryLedger::default()));
    assert_eq!(uses.load(Ordering::SeqCst), 0);
    recorded.sign(&issuer, now()).unwrap();
    assert_eq!(uses.load(Ordering::SeqCst), 1);
}

#[test]
fn a_ledger_that_fails_means_that_nothing_is_signed() {
    let signer = WatchedSigner::honest(x509::root_key());
    let uses = signer.uses.clone();
    let issuer = watched(signer);
    let refused = ready(prepare(&issuer).record(&BrokenLedger)).unwrap_err();
    assert_eq!(refused, "the ledger cannot be written");
    assert_eq!(uses.load(Ordering::SeqCst), 0);
}

#[test]
fn a_refused_order_never_reaches_the_issuing_key() {
    let signer = WatchedSigner::honest(x509::root_key());
    let uses = signer.uses.clone();
    let mut root = Template::root();
    root.with(basic_constraints(true, Some(1)));
    let issuer =
        Issuer::new(&[root.sign(x509::root_key())], vec![], Box::new(signer), now()).unwrap();
    Prepared::new(order(key(), profile(hours(1), 1)), &issuer, now()).unwrap_err();
    assert_eq!(uses.load(Ordering::SeqCst), 0);
}

#[test]
fn a_signature_over_other_bytes_does_not_come_out() {
    let issuer = watched(WatchedSigner::lying(x509::root_key()));
    let refused = recorded(order(key(), profile(hours(1), 0)), &issuer, now())
        .sign(&issuer, now())
        .unwrap_err();
    assert!(matches!(refused, SignError::Path(PathError::Signature { .. })), "{refused:?}");
}

#[test]
fn what_was_recorded_long_ago_and_is_over_does_not_come_out() {
    let issuer = issuer();
    let recorded = recorded(order(key(), profile(hours(1), 0)), &issuer, now());
    let refused = recorded.sign(&issuer, now() + hours(2)).unwrap_err();
    assert!(matches!(refused, SignError::Path(PathError::NotAfter { .. })), "{refused:?}");
}

#[test]
fn a_weak_key_is_not_prepared() {
    // OpenSSL signs with an exponent of 3, and such a request is well formed.
    let pem = x509::openssl(
        &[
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-pkeyopt",
            "rsa_keygen_pubexp:3",
        ],
        b"",
    );
    let request = request_by_openssl(&pem.unwrap());
    let order = order_of(request, "east", vec![], profile(hours(1), 0));
    let refused = Prepared::new(order, &issuer(), now()).unwrap_err();
    assert!(matches!(refused, PrepareError::Lint(LintError::WeakKey(_))), "{refused:?}");
}

fn request_by_openssl(key: &[u8]) -> meshroot_pki::CertificateRequest {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let configuration = file("request.cnf", b"[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n");
    let key = file("key.pem", key);
    let request =
        x509::openssl(&["req", "-new", "-config", &configuration, "-key", &key, "-subj", "/"], b"");
    meshroot_pki::CertificateRequest::parse(&request.unwrap()).unwrap()
}

/// What `flows.md` (4) and the profile promise of every certificate.
fn assert_invariants(certificate: &Certificate, issuer: &Certificate, at: Timestamp) {
    assert!(certificate.not_before() >= issuer.not_before() && certificate.not_before() <= at);
    assert!(certificate.not_after() <= issuer.not_after() && certificate.not_after() > at);
    assert!(!certificate.serial().is_zero() && certificate.serial().as_bytes().len() <= 16);
    assert!(certificate.is_ca() && !certificate.subject().is_empty());
    assert!(
        issuer.path_len().is_none_or(|limit| certificate.path_len().is_some_and(|own| own < limit))
    );
    assert_eq!(certificate.key_usage().unwrap().0, KeyUsages::KeyCertSign | KeyUsages::CRLSign);
    assert_eq!(certificate.extended_key_usage(), None);
    assert_eq!(certificate.authority_key_identifier(), issuer.subject_key_identifier());
    assert_eq!(certificate.hosts(), x509::hosts(&[support::IDENTITY]));
    for purpose in [Purpose::Server, Purpose::Client] {
        build_path(certificate, &[], std::slice::from_ref(issuer), &PathOptions::new(at, purpose))
            .unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_is_asked_every_certificate_keeps_the_invariants_or_is_refused_for_the_right_reason(
        minutes in 5_i64..=5_256_000,
        path_len in 0_u8..=4,
        root_path_len in proptest::option::of(1_u8..=5),
        root_began in 0_i64..=4_000 * DAY,
        root_remains in 1_i64..=3_650 * DAY,
        soon in any::<bool>(),
    ) {
        let root_remains = if soon { root_remains % 1_200 + 1 } else { root_remains };
        let issuer = issuer_between(-root_began, root_remains, root_path_len);
        let order = order(key(), profile(SignedDuration::from_mins(minutes), path_len));
        match Prepared::new(order, &issuer, now()) {
            Ok(prepared) => {
                let Ok(recorded) = ready(prepared.record(&MemoryLedger::default()));
                let issued = recorded.sign(&issuer, now()).unwrap();
                assert_invariants(issued.certificate(), issuer.certificate(), now());
            }
            Err(PrepareError::IssuerEnds { .. }) => prop_assert!(root_remains < 300),
            Err(PrepareError::Lint(LintError::PathLenExceedsIssuer { asked, issuer })) => {
                prop_assert_eq!((asked, Some(issuer)), (path_len, root_path_len));
                prop_assert!(asked >= issuer);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn a_subject_is_within_bounds_and_another_one_in_each_generation(
        mesh in "[a-z0-9.-]{0,253}",
        virtual_mesh in "[a-z0-9.-]{1,253}",
        generation in 1_u32..u32::MAX,
    ) {
        let issuer = issuer();
        let subject = |generation: u32| {
            let generation = generation.to_string();
            let subject = Subject {
                organization: "Istio", virtual_mesh: &virtual_mesh, mesh: &mesh, generation: &generation,
            };
            let request = checked(request(key(), &[]), vec![]);
            let order = Order::new(&request, subject, profile(hours(1), 0));
            let certificate = issue(order.unwrap(), &issuer, now()).certificate().clone();
            let subject = certificate.subject().to_string();
            assert!(subject.contains(&format!(" {generation},OU=")), "{subject}");
            assert!(subject.strip_prefix("CN=").unwrap().split(",OU=").next().unwrap().chars().count() <= 64);
            subject
        };
        prop_assert_ne!(subject(generation), subject(generation + 1));
    }
}
