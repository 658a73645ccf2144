//! What a virtual mesh trusts, and when another root is no other root.

use jiff::SignedDuration;
use meshroot_api::Reason;
use meshroot_api::names::RequestName;
use meshroot_api::policy::{RootPhase, TrustPolicySpec};
use meshroot_core::trust::{Past, TrustSet, ending, signing_root, told};
use meshroot_pki::{Certificate, Fingerprint, KeyKind, PrivateKey, parse_bundle};

use crate::x509::{self, Template, intermediate_key, root_key};

fn root() -> Certificate {
    Template::root().sign(root_key())
}

/// A root of the same name with another key.
fn other() -> Certificate {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let template = Template::new(&x509::name("root"), &x509::name("root"), &key);
    Template { extensions: Template::root().extensions, ..template }.sign(&key)
}

fn phases(set: &TrustSet) -> Vec<(u32, RootPhase)> {
    set.anchors().map(|anchor| (anchor.number, anchor.phase)).collect()
}

#[test]
fn the_signing_root_comes_first_wherever_the_secret_has_it() {
    let (signing, other) = (root(), other());
    let first =
        TrustSet::new([signing.clone(), other.clone()], &signing, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(phases(&first), [(1, RootPhase::Signing), (2, RootPhase::Trusted)]);
    let last =
        TrustSet::new([other.clone(), signing.clone()], &signing, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(phases(&last), [(2, RootPhase::Signing), (1, RootPhase::Trusted)]);
    for set in [first, last] {
        assert_eq!(set.signing().certificate, signing);
        let bundle = parse_bundle(set.to_bundle().as_bytes()).unwrap();
        assert_eq!(bundle, [signing.clone(), other.clone()]);
        let statuses = set.statuses();
        assert_eq!(signing_root(&statuses), Some(signing.fingerprint().to_string().as_str()));
        let mut moved = statuses;
        moved.reverse();
        assert_eq!(signing_root(&moved), Some(signing.fingerprint().to_string().as_str()));
    }
}

#[test]
fn a_mesh_is_told_its_request_the_anchors_and_the_policy() {
    let (policy, root) = (TrustPolicySpec::default(), root());
    let set = TrustSet::new([root.clone()], &root, jiff::Timestamp::UNIX_EPOCH);
    let request = RequestName::first("east", "demo");
    let told = told(&policy, Some(&set), &request, None, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!((told.request.as_str(), told.key), ("east.demo.1", policy.intermediate.key));
    assert_eq!(told.trust_anchors, root.to_pem());
}

#[test]
fn there_was_a_root_where_members_trust_one_or_the_ledger_shows_that_one_signed() {
    assert!(!Past::default().had_root());
    assert!(Past { root: Some("ab".into()), ..Past::default() }.had_root());
    assert!(Past { issuers: ["ab".into()].into(), ..Past::default() }.had_root());
}

#[test]
fn another_signing_root_is_refused() {
    let (now, before, company) = (root(), other(), Fingerprint::of(b"company"));
    let (one, both) = (
        TrustSet::new([now.clone()], &now, jiff::Timestamp::UNIX_EPOCH),
        TrustSet::new([before.clone(), now.clone()], &now, jiff::Timestamp::UNIX_EPOCH),
    );
    let signed = [company.to_string()];
    let none: &[String] = &[];
    let cases = [
        ("nothing is known", &one, None, none, true),
        ("the same root", &one, Some(&now), none, true),
        ("another root", &one, Some(&before), none, false),
        ("another root by the same issuer", &one, Some(&before), &signed[..], false),
        ("another of two roots by a new issuer", &both, Some(&before), none, false),
        // An earlier hub took the first root of the Secret for the one that signs.
        ("the first of two roots by the same issuer", &both, Some(&before), &signed, true),
    ];
    for (case, set, known, issuers, unchanged) in cases {
        let root = known.map(|root| root.fingerprint().to_string());
        let past =
            Past { root, certificate: known.cloned(), issuers: issuers.iter().cloned().collect() };
        let checked = past.check_unchanged(set, &company);
        assert_eq!(checked.is_ok(), unchanged, "{case}");
        if let Err(refusal) = checked {
            assert_eq!(refusal.reason, Reason::RootSecretInvalid, "{case}");
            for root in [&now, &before] {
                let named = refusal.message.contains(&root.fingerprint().to_string());
                assert!(named, "{case}: {}", refusal.message);
            }
        }
    }
}

#[test]
fn a_root_whose_life_was_extended_under_its_key_and_name_is_the_same_root() {
    let before = root();
    let mut template = Template::root();
    template.serial = vec![7];
    let extended = template.sign(root_key());
    let company = Fingerprint::of(b"company");
    let set = TrustSet::new([extended.clone()], &extended, jiff::Timestamp::UNIX_EPOCH);
    let known = |certificate: Option<Certificate>| Past {
        root: Some(before.fingerprint().to_string()),
        certificate,
        ..Past::default()
    };
    assert_ne!(extended.fingerprint(), before.fingerprint());
    assert_eq!(known(Some(before.clone())).check_unchanged(&set, &company), Ok(()));
    assert!(known(None).check_unchanged(&set, &company).is_err(), "nobody knows its key");
    let name = other();
    let other_key = Template::new(before.subject(), before.subject(), intermediate_key());
    let other_key = other_key.sign(intermediate_key());
    assert!(known(Some(other_key)).check_unchanged(&set, &company).is_err(), "another key");
    assert!(known(Some(name)).check_unchanged(&set, &company).is_err(), "another name");
}

#[test]
fn what_ends_within_two_lifetimes_of_what_is_issued_is_told() {
    let root = root();
    let lifetime = SignedDuration::from_hours(24);
    let ending = |before| ending(&root, lifetime, root.not_after() - before);
    assert!(ending(SignedDuration::from_hours(49)).is_none());
    let said = ending(SignedDuration::from_hours(48)).unwrap();
    assert_eq!(said.reason, Reason::RootEnds);
    assert!(said.message.contains(&root.not_after().to_string()), "{}", said.message);
}

#[test]
fn a_further_root_that_has_ended_is_left_out_and_told() {
    let (signing, other) = (root(), other());
    let later = other.not_after() + SignedDuration::from_secs(1);
    let set = TrustSet::new([other.clone(), signing.clone()], &signing, later);
    assert_eq!(phases(&set), [(2, RootPhase::Signing)]);
    let statuses = set.statuses();
    assert_eq!(statuses[1].phase, RootPhase::Removed);
    assert_eq!(statuses[1].fingerprint, other.fingerprint().to_string());
    assert!(!set.to_bundle().contains(&other.to_pem()));
}

#[test]
fn an_anchor_that_is_gone_from_the_set_stays_with_the_members_that_have_it_until_it_ends() {
    let (signing, gone) = (root(), other());
    let (policy, request) = (TrustPolicySpec::default(), RequestName::first("east", "demo"));
    let set = |roots: &[&Certificate]| {
        let roots: Vec<Certificate> = roots.iter().map(|one| (*one).clone()).collect();
        TrustSet::new(roots, &signing, signing.not_before())
    };
    let now = signing.not_before();
    let both = told(&policy, Some(&set(&[&signing, &gone])), &request, None, now);
    let after = told(&policy, Some(&set(&[&signing])), &request, Some(&both), now);
    assert_eq!(after.trust_anchors, both.trust_anchors);
    let ended = gone.not_after() + SignedDuration::from_secs(1);
    let after = told(&policy, Some(&set(&[&signing])), &request, Some(&both), ended);
    assert_eq!(after.trust_anchors, signing.to_pem());
    // One that is added reaches a member that had none of it.
    let alone = told(&policy, Some(&set(&[&signing])), &request, None, now);
    let added = told(&policy, Some(&set(&[&signing, &gone])), &request, Some(&alone), now);
    assert_eq!(added.trust_anchors, both.trust_anchors);
}
