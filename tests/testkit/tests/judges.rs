//! The judges tell good from bad.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "only parts of the authority are used here")]

mod authority;

use authority::{Authority, Issued};
use meshroot_testkit::{envoy, judges};

#[test]
fn zlint_finds_nothing_in_a_good_root_and_names_what_is_wrong_with_a_bad_one() {
    let good = Authority::create("good");
    assert_eq!(judges::zlint(&good.root).unwrap(), []);
    let bad = Authority::create_with_extensions(
        "bad",
        "basicConstraints=CA:true\nkeyUsage=keyCertSign\n",
    );
    let findings = judges::zlint(&bad.root).unwrap();
    let named = |finding: &judges::Finding| finding.lint == "e_basic_constraints_not_critical";
    assert!(findings.iter().any(named), "{findings:?}");
    judges::zlint("no certificate").unwrap_err();
}

#[test]
fn openssl_verifies_a_path_and_says_why_it_refuses_another() {
    let (ours, theirs) = (Authority::create("ours"), Authority::create("theirs"));
    let intermediate = ours.intermediate("one", 30).certificate;
    judges::openssl_verify(&intermediate, "", &ours.root).unwrap();
    let refusal = judges::openssl_verify(&intermediate, "", &theirs.root).unwrap_err();
    assert!(refusal.contains("unable to get local issuer certificate"), "{refusal}");
}

#[tokio::test]
async fn envoy_takes_a_chain_to_its_anchors_and_no_other() {
    let (ours, theirs) = (Authority::create("ours"), Authority::create("theirs"));
    let intermediate = ours.intermediate("one", 30).certificate;
    let leaf = ours.leaf("one", "leaf");
    let chain = leaf.certificate.clone() + &intermediate;
    envoy::accepts(&chain, &leaf.key, &ours.root, None).await.unwrap();
    for (chain, anchors) in [(&chain, &theirs.root), (&leaf.certificate, &ours.root)] {
        let refusal = envoy::accepts(chain, &leaf.key, anchors, None).await.unwrap_err();
        assert!(refusal.contains(envoy::REFUSAL), "{refusal}");
    }
    for side in ["server", "client"] {
        let leaf = ours.leaf_of(side, "one");
        let chain = leaf.certificate + &intermediate;
        let refusal = envoy::accepts(&chain, &leaf.key, &ours.root, None).await.unwrap_err();
        assert!(refusal.contains(envoy::REFUSAL), "{refusal}");
    }
    // What is no refusal is not taken for one.
    let fault = envoy::accepts(&chain, "no key", &ours.root, None).await.unwrap_err();
    assert!(!fault.contains(envoy::REFUSAL), "{fault}");
}

#[tokio::test]
async fn envoy_heeds_crls_where_every_ca_on_the_path_has_one() {
    let ours = Authority::create("ours");
    let intermediate = ours.intermediate("one", 30).certificate;
    let (good, bad) = (ours.leaf("one", "good"), ours.leaf("one", "bad"));
    let root_crl = ours.crl("root", &[]);
    let crl = ours.crl("one", &["bad"]);
    let all = root_crl + &crl;
    let verdict = async |leaf: &Issued, crls: &str| {
        let chain = leaf.certificate.clone() + &intermediate;
        envoy::accepts(&chain, &leaf.key, &ours.root, Some(crls)).await
    };
    verdict(&good, &all).await.unwrap();
    for (leaf, crls, why) in
        [(&bad, &all, "certificate_revoked"), (&good, &crl, "unable_to_get_certificate_CRL")]
    {
        let refusal = verdict(leaf, crls).await.unwrap_err();
        assert!(refusal.contains(envoy::REFUSAL) && refusal.contains(why), "{refusal}");
    }
}
