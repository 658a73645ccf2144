//! What may sign for a virtual mesh, and why everything else is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use jiff::SignedDuration;
use meshroot_ca::{Issuer, IssuerError, MemorySigner, RevocationError, revocation_list};
use meshroot_pki::{
    Certificate, CertificateError, KeyError, KeyKind, PathError, PemError, PrivateKey,
    RevocationList, RevocationReason, Revoked,
};
use support::copy;
use support::x509::{
    self, CLIENT_AUTH, DAY, NOW, SERVER_AUTH, Template, basic_constraints, dns_subtree,
    extended_key_usage, ia5, key_usage, name_constraints, now,
};
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::ext::pkix::name::GeneralName;

const NO_ROOT_LIMIT: Option<u8> = None;

/// The files of a root's Secret; a test spoils one.
struct Files {
    root: Vec<u8>,
    key: Vec<u8>,
    chain: Option<Vec<u8>>,
}

impl Files {
    fn of_root(root: &Template) -> Self {
        let key = x509::root_key();
        Self { root: pem(&root.sign(key)), key: key_pem(key), chain: None }
    }

    /// A signer (the intermediate key) below a company root.
    fn of_signer(signer: &Template, root: &Template) -> Self {
        Self {
            root: pem(&root.sign(x509::root_key())),
            key: key_pem(x509::intermediate_key()),
            chain: Some(pem(&signer.sign(x509::root_key()))),
        }
    }

    fn load(&self) -> Result<Issuer, IssuerError> {
        Issuer::load(&self.root, &self.key, self.chain.as_deref(), now())
    }

    /// The refusal and its message.
    fn refusal(&self) -> (IssuerError, String) {
        let error = self.load().expect_err("the issuer was accepted");
        let message = error.to_string();
        assert!(!message.contains("PRIVATE KEY"), "{message}");
        (error, message)
    }
}

fn pem(certificate: &Certificate) -> Vec<u8> {
    certificate.to_pem().into_bytes()
}

fn key_pem(key: &PrivateKey) -> Vec<u8> {
    key.to_pkcs8_pem().as_bytes().to_vec()
}

fn root() -> Template {
    Template::root()
}

fn root_with_path_len(path_len: Option<u8>) -> Template {
    let mut root = root();
    root.with(basic_constraints(true, path_len));
    root
}

/// An intermediate that may sign intermediates.
fn signer() -> Template {
    let mut signer = Template::intermediate();
    signer.with(basic_constraints(true, None));
    signer
}

#[test]
fn a_root_with_its_key_is_an_issuer_without_a_chain() {
    let issuer = Files::of_root(&root()).load().unwrap();
    assert_eq!(issuer.certificate(), issuer.root());
    assert!(issuer.chain().is_empty());
    assert_eq!(issuer.signer().public_key(), x509::root_key().public_key());
}

#[test]
fn an_intermediate_of_a_company_root_is_an_issuer_with_a_chain() {
    let files = Files::of_signer(&signer(), &root());
    let issuer = files.load().unwrap();
    assert_eq!(issuer.certificate().subject(), &x509::name("intermediate"));
    assert_eq!(issuer.chain(), [issuer.certificate().clone()]);
    assert_eq!(issuer.root().subject(), &x509::name("root"));
}

#[test]
fn a_chain_that_ends_in_the_root_is_cut_before_it() {
    let mut files = Files::of_signer(&signer(), &root());
    let root = files.root.clone();
    files.chain.as_mut().unwrap().extend(root);
    assert_eq!(files.load().unwrap().chain().len(), 1);
}

#[test]
fn a_root_that_also_stands_in_the_chain_file_signs_itself() {
    let mut files = Files::of_root(&root());
    files.chain = Some(files.root.clone());
    let issuer = files.load().unwrap();
    assert_eq!((issuer.chain().len(), issuer.certificate()), (0, issuer.root()));
}

/// A root of another company, beside the one that signs.
fn other_root() -> Certificate {
    let key = PrivateKey::generate(meshroot_pki::KeyKind::EcdsaP256).unwrap();
    let other = Template::new(&x509::name("other"), &x509::name("other"), &key);
    Template { extensions: root().extensions, ..other }.sign(&key)
}

#[test]
fn which_root_signs_is_told_by_key_and_path_and_not_by_its_place() {
    let other = pem(&other_root());
    for mut files in [Files::of_root(&root()), Files::of_signer(&signer(), &root())] {
        let alone = files.load().unwrap();
        for bundle in [[&other[..], &files.root].concat(), [&files.root[..], &other].concat()] {
            files.root = bundle;
            let issuer = files.load().unwrap();
            assert_eq!(issuer.root(), alone.root());
            assert_eq!(issuer.certificate(), alone.certificate());
            assert_eq!(issuer.chain(), alone.chain());
        }
    }
}

#[test]
fn which_certificate_of_a_chain_signs_is_told_by_its_key() {
    let mut files = Files::of_signer(&signer(), &root());
    let alone = files.load().unwrap();
    let stranger = Template::leaf().sign(x509::intermediate_key());
    files.chain = Some([pem(&stranger), files.chain.unwrap()].concat());
    let issuer = files.load().unwrap();
    assert_eq!((issuer.certificate(), issuer.chain()), (alone.certificate(), alone.chain()));
}

#[test]
fn a_missing_root_is_refused() {
    let signer = MemorySigner::new(copy(x509::root_key()));
    let refused = Issuer::new(&[], Vec::new(), Box::new(signer), now());
    assert!(matches!(refused, Err(IssuerError::NoRoot)));
}

#[test]
fn an_empty_root_file_is_refused_by_its_name() {
    let (error, message) = Files { root: Vec::new(), ..Files::of_root(&root()) }.refusal();
    let IssuerError::Certificate {
        file: "root-cert.pem",
        source: CertificateError::Pem(PemError::Empty),
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(message.starts_with("root-cert.pem: "), "{message}");
}

#[test]
fn a_root_file_that_is_no_pem_is_refused() {
    let (error, message) =
        Files { root: b"not a certificate\n".to_vec(), ..Files::of_root(&root()) }.refusal();
    assert!(matches!(error, IssuerError::Certificate { file: "root-cert.pem", .. }), "{error:?}");
    assert!(message.contains("line 1"), "{message}");
}

#[test]
fn a_key_where_the_root_belongs_is_refused() {
    let files = Files::of_root(&root());
    let (error, message) = Files { root: files.key.clone(), ..files }.refusal();
    assert!(matches!(error, IssuerError::Certificate { file: "root-cert.pem", .. }), "{error:?}");
    assert!(message.contains("a private key was found where a certificate belongs"), "{message}");
}

#[test]
fn a_certificate_where_the_key_belongs_is_refused() {
    let files = Files::of_root(&root());
    let (error, message) = Files { key: files.root.clone(), ..files }.refusal();
    assert!(matches!(error, IssuerError::Key(KeyError::CertificateFound)), "{error:?}");
    assert!(message.starts_with("key.pem: "), "{message}");
}

#[test]
fn a_key_file_that_is_no_pem_is_refused() {
    let (error, message) = Files { key: b"secret\n".to_vec(), ..Files::of_root(&root()) }.refusal();
    assert!(matches!(error, IssuerError::Key(KeyError::Pem(_))), "{error:?}");
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn a_chain_file_that_is_no_pem_is_refused() {
    let (error, _) = Files { chain: Some(b"junk\n".to_vec()), ..Files::of_root(&root()) }.refusal();
    assert!(matches!(error, IssuerError::Certificate { file: "cert-chain.pem", .. }), "{error:?}");
}

#[test]
fn the_key_of_another_certificate_is_refused_with_both_fingerprints() {
    let (error, message) =
        Files { key: key_pem(x509::leaf_key()), ..Files::of_root(&root()) }.refusal();
    let IssuerError::KeyMismatch { key, expected, .. } = error else { panic!("{error:?}") };
    assert_eq!(key, x509::leaf_key().public_key().fingerprint());
    assert_eq!(expected, x509::root_key().public_key().fingerprint());
    assert!(
        message.contains(&key.to_string()) && message.contains(&expected.to_string()),
        "{message}"
    );
}

#[test]
fn an_expired_root_is_refused_with_its_dates() {
    let expired = Template { not_before: NOW - 3 * DAY, not_after: NOW - DAY, ..root() };
    let (error, message) = Files::of_root(&expired).refusal();
    let IssuerError::NotValid { file: "root-cert.pem", not_after, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(not_after.as_second(), NOW - DAY);
    assert!(message.contains(&not_after.to_string()), "{message}");
}

#[test]
fn a_root_that_is_not_valid_yet_is_refused() {
    let early = Template { not_before: NOW + DAY, not_after: NOW + 3 * DAY, ..root() };
    let (error, _) = Files::of_root(&early).refusal();
    assert!(matches!(error, IssuerError::NotValid { file: "root-cert.pem", .. }), "{error:?}");
}

#[test]
fn an_expired_signer_below_a_valid_root_is_refused() {
    let expired = Template { not_before: NOW - 3 * DAY, not_after: NOW - DAY, ..signer() };
    let (error, _) = Files::of_signer(&expired, &root()).refusal();
    assert!(matches!(error, IssuerError::NotValid { file: "cert-chain.pem", .. }), "{error:?}");
}

#[test]
fn an_expired_company_root_is_refused() {
    let expired = Template { not_before: NOW - 3 * DAY, not_after: NOW - DAY, ..root() };
    let (error, _) = Files::of_signer(&signer(), &expired).refusal();
    assert!(matches!(error, IssuerError::NotValid { file: "root-cert.pem", .. }), "{error:?}");
}

#[test]
fn a_further_root_that_has_ended_takes_nothing_from_the_one_that_signs() {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let name = x509::name("retiring");
    let mut ended = Template::new(&name, &name, &key);
    ended.extensions = root().extensions;
    (ended.not_before, ended.not_after) = (NOW - 3 * DAY, NOW - DAY);
    for files in [Files::of_root(&root()), Files::of_signer(&signer(), &root())] {
        let ended = pem(&ended.sign(&key));
        for roots in [[files.root.clone(), ended.clone()], [ended.clone(), files.root.clone()]] {
            let files =
                Files { root: roots.concat(), key: files.key.clone(), chain: files.chain.clone() };
            assert_eq!(pem(files.load().unwrap().root()), pem(&root_certificate(&files)));
        }
    }
}

/// The root of the files that is not the one that has ended.
fn root_certificate(files: &Files) -> Certificate {
    let all = meshroot_pki::parse_bundle(&files.root).unwrap();
    all.into_iter().find(|one| one.not_after() > now()).unwrap()
}

#[test]
fn what_is_issued_ends_with_the_first_to_end_on_the_way_up() {
    let long = Template { not_after: NOW + 3 * DAY, ..signer() };
    let root = Template { not_after: NOW + 2 * DAY, ..root() };
    let issuer = Files::of_signer(&long, &root).load().unwrap();
    assert_eq!(issuer.first_to_end(), issuer.root());
    let short = Template { not_after: NOW + DAY, ..signer() };
    let issuer = Files::of_signer(&short, &root).load().unwrap();
    assert_eq!(issuer.first_to_end(), issuer.certificate());
}

#[test]
fn a_certificate_that_is_no_ca_is_refused() {
    let mut leaf = root();
    leaf.with(basic_constraints(false, None));
    let (error, message) = Files::of_root(&leaf).refusal();
    assert!(
        matches!(error, IssuerError::NotCertificateAuthority { file: "root-cert.pem", .. }),
        "{error:?}"
    );
    assert!(message.contains("CN=root"), "{message}");
}

#[test]
fn a_certificate_without_basic_constraints_is_refused() {
    let mut bare = root();
    bare.without(x509::BASIC_CONSTRAINTS);
    let (error, _) = Files::of_root(&bare).refusal();
    assert!(matches!(error, IssuerError::NotCertificateAuthority { .. }), "{error:?}");
}

#[test]
fn a_root_without_key_cert_sign_is_refused() {
    let mut root = root();
    root.with(key_usage(KeyUsages::CRLSign.into()));
    let (error, message) = Files::of_root(&root).refusal();
    assert!(
        matches!(error, IssuerError::KeyCertSignMissing { file: "root-cert.pem", .. }),
        "{error:?}"
    );
    assert!(message.contains("keyCertSign"), "{message}");
}

#[test]
fn a_root_with_path_length_zero_is_refused() {
    let (error, message) = Files::of_root(&root_with_path_len(Some(0))).refusal();
    assert!(matches!(error, IssuerError::PathLenZero { file: "root-cert.pem", .. }), "{error:?}");
    assert!(message.contains("pathLen 0"), "{message}");
}

#[test]
fn a_signer_with_path_length_zero_is_refused() {
    let (error, _) = Files::of_signer(&Template::intermediate(), &root()).refusal();
    assert!(matches!(error, IssuerError::PathLenZero { file: "cert-chain.pem", .. }), "{error:?}");
}

#[test]
fn a_company_root_whose_path_length_leaves_no_room_for_the_intermediate_is_refused() {
    for (path_len, accepted) in
        [(Some(0), false), (Some(1), false), (Some(2), true), (NO_ROOT_LIMIT, true)]
    {
        let files = Files::of_signer(&signer(), &root_with_path_len(path_len));
        match files.load() {
            Ok(_) => assert!(accepted, "{path_len:?}"),
            Err(IssuerError::Chain(PathError::PathLenExceeded { .. })) => {
                assert!(!accepted, "{path_len:?}");
            }
            Err(error) => panic!("{path_len:?}: {error}"),
        }
    }
}

#[test]
fn an_intermediate_in_the_place_of_the_root_without_a_chain_is_refused() {
    let files = Files {
        root: pem(&signer().sign(x509::root_key())),
        key: key_pem(x509::intermediate_key()),
        chain: None,
    };
    let (error, message) = files.refusal();
    let IssuerError::NotSelfSigned { subject, issuer } = error else { panic!("{error:?}") };
    assert!(subject.contains("CN=intermediate") && issuer.contains("CN=root"));
    assert!(message.contains("cert-chain.pem"), "{message}");
}

#[test]
fn a_root_that_its_own_key_did_not_sign_is_refused() {
    let forged = root().sign_der(&PrivateKey::generate(meshroot_pki::KeyKind::EcdsaP256).unwrap());
    let forged = Certificate::from_der(&forged).unwrap();
    let (error, message) = Files { root: pem(&forged), ..Files::of_root(&root()) }.refusal();
    assert!(matches!(error, IssuerError::SelfSignature { .. }), "{error:?}");
    assert!(message.starts_with("root-cert.pem: "), "{message}");
}

#[test]
fn a_chain_that_does_not_lead_to_the_root_is_refused() {
    let other_key = PrivateKey::generate(meshroot_pki::KeyKind::EcdsaP256).unwrap();
    let other = Template::new(&x509::name("other"), &x509::name("other"), &other_key);
    let other = Template { extensions: root().extensions, ..other };
    let files =
        Files { root: pem(&other.sign(&other_key)), ..Files::of_signer(&signer(), &root()) };
    let (error, message) = files.refusal();
    assert!(matches!(error, IssuerError::Chain(PathError::UnknownAuthority { .. })), "{error:?}");
    assert!(message.contains("CN=root"), "{message}");
}

#[test]
fn a_chain_that_another_key_of_the_same_name_signed_is_refused() {
    let other_key = PrivateKey::generate(meshroot_pki::KeyKind::EcdsaP256).unwrap();
    let signer = signer().sign_der(&other_key);
    let files = Files::of_signer(&self::signer(), &root());
    let (error, _) =
        Files { chain: Some(pem(&Certificate::from_der(&signer).unwrap())), ..files }.refusal();
    assert!(matches!(error, IssuerError::Chain(PathError::Signature { .. })), "{error:?}");
}

#[test]
fn an_issuer_that_serves_one_side_of_mutual_tls_only_is_refused() {
    for usages in [&[SERVER_AUTH][..], &[CLIENT_AUTH][..]] {
        let mut root = root();
        root.with(extended_key_usage(usages));
        let (error, _) = Files::of_root(&root).refusal();
        assert!(
            matches!(error, IssuerError::Chain(PathError::ExtendedKeyUsage { .. })),
            "{error:?}"
        );
    }
    let mut both = root();
    both.with(extended_key_usage(&[SERVER_AUTH, CLIENT_AUTH]));
    Files::of_root(&both).load().unwrap();
}

#[test]
fn an_issuer_that_constrains_uris_is_refused_before_it_signs_what_no_peer_accepts() {
    let uris = GeneralName::UniformResourceIdentifier(ia5("cluster.local"));
    let constrained = |mut template: Template| {
        template.with(name_constraints(std::slice::from_ref(&uris), &[]));
        template
    };
    let files = [
        Files::of_root(&constrained(root())),
        Files::of_signer(&constrained(signer()), &root()),
        Files::of_signer(&signer(), &constrained(root())),
    ];
    for files in files {
        let (error, _) = files.refusal();
        assert!(
            matches!(error, IssuerError::Chain(PathError::UriNameConstraint { .. })),
            "{error:?}"
        );
    }
    let mail = GeneralName::Rfc822Name(ia5("example.com"));
    let mut others = signer();
    others.with(name_constraints(std::slice::from_ref(&mail), &[]));
    let (error, message) = Files::of_signer(&others, &root()).refusal();
    assert!(matches!(error, IssuerError::Chain(PathError::NameConstraint { .. })), "{error:?}");
    assert!(message.contains("other than DNS names and IP addresses"), "{message}");
    let mut names = root();
    names.with(name_constraints(&[dns_subtree("svc")], &[]));
    Files::of_root(&names).load().unwrap();
}

#[test]
fn nothing_of_the_key_can_be_seen_in_an_issuer() {
    let shown = format!("{:?}", Files::of_root(&root()).load().unwrap());
    let pem = x509::root_key().to_pkcs8_pem();
    let line = pem.lines().nth(1).unwrap();
    assert!(!shown.contains(line) && !shown.contains("PRIVATE KEY"), "{shown}");
}

/// A list of what was revoked, for 30 days.
fn list(
    issuer: &Issuer,
    before: Option<&RevocationList>,
) -> Result<RevocationList, RevocationError> {
    let revoked = x509::Template::intermediate().sign(x509::root_key());
    let reason = Some(RevocationReason::CA_COMPROMISE);
    let entry = Revoked { serial: revoked.serial().clone(), since: now(), reason };
    revocation_list(issuer, &[entry], before, SignedDuration::from_hours(30 * 24), now())
}

#[test]
fn a_revocation_list_ends_with_its_issuer_and_counts_on_from_the_one_before_it() {
    let issuer = Files::of_root(&root()).load().unwrap();
    let first = list(&issuer, None).unwrap();
    assert_eq!(first.next_update(), issuer.certificate().not_after(), "not after 30 days");
    assert_eq!(first.this_update(), now() - SignedDuration::from_mins(10));
    let second = list(&issuer, Some(&first)).unwrap();
    assert!(second.number() > first.number(), "in the same millisecond");
    first.verify_signed_by(issuer.certificate()).unwrap();
}

#[test]
fn an_issuer_that_may_not_sign_lists_says_so() {
    let mut root = root();
    root.with(key_usage(KeyUsages::KeyCertSign.into()));
    let issuer = Files::of_root(&root).load().unwrap();
    let error = list(&issuer, None).unwrap_err();
    assert!(error.to_string().contains("lacks cRLSign: it can revoke nothing"), "{error}");
}
