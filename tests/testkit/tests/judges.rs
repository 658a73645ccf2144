//! The judges tell good from bad.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "only parts of the authority are used here")]

mod authority;

use authority::Authority;
use meshroot_testkit::judges;

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
