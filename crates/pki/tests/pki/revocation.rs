//! Revocation lists: what is read, and which paths they leave; OpenSSL is asked for a second opinion.

use der::{Decode, Encode};
use jiff::{SignedDuration, Timestamp};
use meshroot_pki::{
    Certificate, Coverage, PathError, PathOptions, PrivateKey, Purpose, RevocationList,
    RevocationListError, RevocationReason, Revoked, Serial, build_path, check_revocation, frame,
    read_revocation_lists,
};
use rstest::rstest;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::KeyUsages;

use crate::support::{
    Template, extension, intermediate_key, key_usage, leaf_key, now, openssl, revocation_list,
    root_key,
};

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn path() -> Vec<Certificate> {
    let intermediate = Template { serial: vec![0x1b], ..Template::intermediate() };
    let leaf = Template { serial: vec![0x1c], ..Template::leaf() };
    path_of(&leaf.sign(intermediate_key()), &intermediate.sign(root_key()))
}

fn path_of(leaf: &Certificate, intermediate: &Certificate) -> Vec<Certificate> {
    let root = Template::root().sign(root_key());
    let options = PathOptions::new(now(), Purpose::Server);
    build_path(leaf, std::slice::from_ref(intermediate), &[root], &options).unwrap()
}

fn list(key: &PrivateKey, issuer: &Certificate, revoked: &[&Certificate]) -> RevocationList {
    list_at(key, issuer, revoked, now() - DAY)
}

fn list_at(
    key: &PrivateKey,
    issuer: &Certificate,
    revoked: &[&Certificate],
    this_update: Timestamp,
) -> RevocationList {
    let entries: Vec<Revoked> = revoked.iter().map(|revoked| entry(revoked.serial())).collect();
    let end = this_update + DAY * 2;
    revocation_list(key, issuer, 7, [this_update, end], &entries)
}

fn entry(serial: &Serial) -> Revoked {
    let reason = Some(RevocationReason::CA_COMPROMISE);
    Revoked { serial: serial.clone(), since: now() - DAY, reason }
}

fn openssl_accepts(path: &[Certificate], lists: &[RevocationList]) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [leaf, intermediate, root] = path else { panic!("{path:?}") };
    let lists: String = lists.iter().map(RevocationList::to_pem).collect();
    let files = [
        file("root.pem", &root.to_pem()),
        file("intermediate.pem", &intermediate.to_pem()),
        file("lists.pem", &lists),
        file("leaf.pem", &leaf.to_pem()),
    ];
    let at = now().as_second().to_string();
    let mut command = vec!["verify", "-no-CApath", "-no-CAstore", "-attime", &at, "-crl_check_all"];
    command.extend(["-CAfile", &files[0], "-untrusted", &files[1], "-CRLfile", &files[2]]);
    command.push(&files[3]);
    openssl(&command, b"").map(|_| ())
}

/// Both judges on one path and some lists; ours is returned.
fn judged(path: &[Certificate], lists: &[RevocationList]) -> Result<(), PathError> {
    let ours = check_revocation(path, lists, Coverage::EveryIssuer, now());
    let theirs = openssl_accepts(path, lists);
    assert_eq!(ours.is_ok(), theirs.is_ok(), "ours: {ours:?}, OpenSSL: {theirs:?}");
    ours
}

#[test]
fn a_path_stands_where_every_issuer_has_a_list_and_it_is_on_none() {
    let path = path();
    let lists = [list(intermediate_key(), &path[1], &[]), list(root_key(), &path[2], &[])];
    assert_eq!(judged(&path, &lists), Ok(()));
    assert_eq!(
        check_revocation(&path, &[], Coverage::EveryIssuer, now()),
        Ok(()),
        "nothing is asked without lists"
    );
}

#[test]
fn a_revoked_intermediate_takes_what_is_below_it_along() {
    let path = path();
    let lists = [list(intermediate_key(), &path[1], &[]), list(root_key(), &path[2], &[&path[1]])];
    let error = judged(&path, &lists).unwrap_err();
    assert_eq!(
        error.to_string(),
        "certificate 1 (CN=intermediate,OU=shop,O=Example) was revoked by CN=root,OU=shop,O=Example \
         at 2026-09-20T14:13:20Z (cACompromise)"
    );
}

#[test]
fn a_revoked_leaf_is_refused() {
    let path = path();
    let lists = [list(intermediate_key(), &path[1], &[&path[0]]), list(root_key(), &path[2], &[])];
    let error = judged(&path, &lists).unwrap_err();
    assert!(matches!(error, PathError::Revoked { certificate, .. } if certificate.index == 0));
}

#[test]
fn a_serial_number_of_another_issuer_is_no_revocation() {
    let path = path();
    let lists =
        [list(intermediate_key(), &path[1], &[&path[1]]), list(root_key(), &path[2], &[&path[0]])];
    assert_eq!(judged(&path, &lists), Ok(()));
}

/// Envoy refuses everybody then.
#[rstest]
#[case::of_the_root(&[0])]
#[case::of_the_intermediate(&[1])]
fn one_list_that_is_missing_refuses_the_path(#[case] given: &[usize]) {
    let path = path();
    let lists = [list(intermediate_key(), &path[1], &[]), list(root_key(), &path[2], &[])];
    let lists: Vec<_> = given.iter().map(|given| lists[*given].clone()).collect();
    let error = judged(&path, &lists).unwrap_err();
    assert!(matches!(error, PathError::NoRevocationList { .. }), "{error}");
    let asked_where_given = check_revocation(&path, &lists, Coverage::WhereGiven, now());
    assert_eq!(asked_where_given, Ok(()));
}

#[rstest]
#[case::over(now() - DAY * 2)]
#[case::not_yet(now() + DAY)]
fn a_list_out_of_its_time_does_not_count(#[case] this_update: Timestamp) {
    let path = path();
    let own = list(intermediate_key(), &path[1], &[]);
    let lists = [own.clone(), list_at(root_key(), &path[2], &[], this_update)];
    let error = judged(&path, &lists).unwrap_err();
    assert!(matches!(error, PathError::RevocationListTime { .. }), "{error}");
    let renewed = [lists.as_slice(), &[list(root_key(), &path[2], &[])]].concat();
    assert_eq!(judged(&path, &renewed), Ok(()), "a current one beside it");
}

/// OpenSSL looks at the newest only; who revoked something once does not take it back.
#[test]
fn what_an_older_list_revokes_stays_revoked() {
    let path = path();
    let older = list_at(root_key(), &path[2], &[&path[1]], now() - DAY * 3);
    let lists = [list(intermediate_key(), &path[1], &[]), list(root_key(), &path[2], &[]), older];
    let error = check_revocation(&path, &lists, Coverage::WhereGiven, now()).unwrap_err();
    assert!(matches!(error, PathError::Revoked { .. }), "{error}");
}

#[test]
fn a_list_in_the_issuers_name_by_another_key_is_refused() {
    let path = path();
    let forged = list(leaf_key(), &path[2], &[]);
    let lists = [list(intermediate_key(), &path[1], &[]), forged];
    let error = judged(&path, &lists).unwrap_err();
    assert!(matches!(error, PathError::RevocationListSignature { .. }), "{error}");
}

#[test]
fn an_issuer_that_may_not_sign_lists_has_none() {
    let mut intermediate = Template::intermediate();
    intermediate.with(key_usage(KeyUsages::KeyCertSign.into()));
    let leaf = Template::leaf().sign(intermediate_key());
    let path = path_of(&leaf, &intermediate.sign(root_key()));
    let lists = [list(intermediate_key(), &path[1], &[]), list(root_key(), &path[2], &[])];
    let error = judged(&path, &lists).unwrap_err();
    assert!(matches!(error, PathError::CrlSignMissing { .. }), "{error}");
}

#[test]
fn openssl_reads_what_is_written() {
    let path = path();
    let list = list(root_key(), &path[2], &[&path[1]]);
    let text = openssl(&["crl", "-noout", "-text"], list.to_pem().as_bytes()).unwrap();
    let text = String::from_utf8(text).unwrap();
    for part in [
        "Version 2",
        "X509v3 CRL Number: \n                7",
        "Serial Number: 1B",
        "CA Compromise",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let read = RevocationList::from_der(list.der()).unwrap();
    assert_eq!(read.entries(), [entry(path[1].serial())]);
    assert_eq!(read.number().unwrap().to_string(), "07");
    assert_eq!((read.this_update(), read.next_update()), (now() - DAY, now() + DAY));
    assert!(read.names(&path[2]) && !read.names(&path[1]));
}

#[test]
fn lists_are_read_from_pem_with_text_around_it_and_from_der() {
    let path = path();
    let lists = [list(intermediate_key(), &path[1], &[]), list(root_key(), &path[2], &[])];
    let text = format!("# ours\n{}\n# theirs\n{}", lists[0].to_pem(), lists[1].to_pem());
    assert_eq!(read_revocation_lists(text.as_bytes()).unwrap(), lists);
    assert_eq!(read_revocation_lists(lists[0].der()).unwrap(), lists[..1]);
}

#[test]
fn what_is_no_list_is_named() {
    let certificate = &path()[2];
    let error = read_revocation_lists(certificate.to_pem().as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "revocation list 1 of the file: a CERTIFICATE block was found where a certificate revocation list (X509 CRL) belongs"
    );
    let error = read_revocation_lists(certificate.der()).unwrap_err();
    assert!(matches!(error, RevocationListError::AnotherForm { .. }), "{error}");
    assert!(matches!(read_revocation_lists(b"").unwrap_err(), RevocationListError::Pem(_)));
}

/// The list of [`path`]'s root, with something changed and signed again.
fn changed(change: impl Fn(&mut CertificateList)) -> Result<RevocationList, RevocationListError> {
    let path = path();
    let mut list =
        CertificateList::from_der(list(root_key(), &path[2], &[&path[1]]).der()).unwrap();
    change(&mut list);
    let tbs = list.tbs_cert_list.to_der().unwrap();
    let algorithm = root_key().signature_algorithm();
    let der = frame::assemble(&tbs, &algorithm, &root_key().sign(&tbs).unwrap()).unwrap();
    RevocationList::from_der(&der)
}

#[test]
fn a_list_of_a_part_and_one_with_entries_of_others_are_refused() {
    // What says so is to be critical, and counts where it is not.
    for (oid, critical, name) in [
        ("2.5.29.28", true, "issuingDistributionPoint"),
        ("2.5.29.28", false, "issuingDistributionPoint"),
        ("2.5.29.27", true, "deltaCRLIndicator"),
        ("2.5.29.27", false, "deltaCRLIndicator"),
        ("1.3.6.1.4.1.1", true, "one that nobody knows"),
    ] {
        let error = changed(|list| {
            let extensions = list.tbs_cert_list.crl_extensions.as_mut().unwrap();
            extensions.push(extension(oid, critical, vec![0x30, 0x00]));
        });
        assert!(matches!(error, Err(RevocationListError::Partial { .. })), "{name}: {error:?}");
    }
    let error = changed(|list| {
        let entries = list.tbs_cert_list.revoked_certificates.as_mut().unwrap();
        let extensions = entries[0].crl_entry_extensions.as_mut().unwrap();
        extensions.push(extension("2.5.29.29", true, vec![0x30, 0x00]));
    });
    assert!(matches!(error, Err(RevocationListError::Partial { .. })), "{error:?}");
}

#[test]
fn a_list_that_is_never_over_or_says_something_twice_is_refused() {
    let error = changed(|list| list.tbs_cert_list.next_update = None);
    assert!(matches!(error, Err(RevocationListError::NextUpdateMissing { .. })), "{error:?}");
    let error = changed(|list| {
        let extensions = list.tbs_cert_list.crl_extensions.as_mut().unwrap();
        extensions.push(extensions[0].clone());
    });
    assert!(matches!(error, Err(RevocationListError::DuplicateExtension { .. })), "{error:?}");
    let error = changed(|list| {
        list.tbs_cert_list.crl_extensions.as_mut().unwrap()[1].extn_value =
            der::asn1::OctetString::new(vec![0x05, 0x00]).unwrap();
    });
    assert!(matches!(error, Err(RevocationListError::Extension { .. })), "{error:?}");
    let error = changed(|list| list.tbs_cert_list.signature = leaf_key().signature_algorithm());
    assert!(matches!(error, Err(RevocationListError::AlgorithmMismatch { .. })), "{error:?}");
    let error = changed(|list| list.tbs_cert_list.version = x509_cert::Version::V1);
    assert!(matches!(error, Err(RevocationListError::Malformed)), "{error:?}");
}
