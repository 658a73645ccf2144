//! Every kind of root key with every kind of intermediate key, judged by OpenSSL, rustls-webpki, zlint and the
//! project's own path validator.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::similar_names, reason = "issuer and issued are the words of X.509")]

mod support;

use std::sync::OnceLock;
use std::time::Duration;

use meshroot_ca::{Issued, Issuer, Order, RootError, RootSpec, make_root};
use meshroot_pki::{Certificate, KeyKind, PathOptions, PrivateKey, Purpose, build_path, to_bundle};
use meshroot_testkit::judges;
use rstest::rstest;
use rustls_pki_types::{CertificateDer, UnixTime};
use support::x509::{
    self, NOW, Template, alternative_names, authority_key_identifier, hosts, now, openssl,
};
use support::{IDENTITY, days, issue, order_of, profile, request};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

const WORKLOAD: &str = "spiffe://cluster.local/ns/shop/sa/web";

type Root = (Certificate, PrivateKey);

/// One root of each kind: RSA keys take long to make.
fn root(kind: KeyKind) -> &'static Root {
    static ROOTS: [OnceLock<Root>; 6] = [const { OnceLock::new() }; 6];
    ROOTS[place(kind)].get_or_init(|| {
        let subject = x509::name(&format!("root {kind}"));
        make_root(&RootSpec { key: kind, subject, lifetime: days(365) }, now()).unwrap()
    })
}

/// One key of each kind for intermediates.
fn key(kind: KeyKind) -> &'static PrivateKey {
    static KEYS: [OnceLock<PrivateKey>; 6] = [const { OnceLock::new() }; 6];
    KEYS[place(kind)].get_or_init(|| PrivateKey::generate(kind).unwrap())
}

fn place(kind: KeyKind) -> usize {
    KeyKind::ALL.iter().position(|other| *other == kind).unwrap()
}

fn issuer(kind: KeyKind) -> Issuer {
    let (certificate, key) = root(kind);
    let (pem, key) = (certificate.to_pem(), key.to_pkcs8_pem());
    Issuer::load(pem.as_bytes(), key.as_bytes(), None, now()).unwrap()
}

fn order(key: &PrivateKey, mesh: &str, path_len: u8) -> Order {
    let hosts = hosts(&[IDENTITY]);
    order_of(request(key, &hosts), mesh, hosts, profile(days(90), path_len))
}

/// A workload certificate as istiod makes it: no subject, a critical SPIFFE ID, both purposes.
fn leaf(intermediate: &Certificate, key: &PrivateKey) -> Certificate {
    let mut leaf = Template { issuer: intermediate.subject().clone(), ..Template::leaf() };
    leaf.not_before = NOW - 120;
    leaf.with(alternative_names(true, &hosts(&[WORKLOAD])));
    leaf.with(authority_key_identifier(&key.public_key().key_identifier()));
    leaf.sign(key)
}

/// All that a peer of a workload gets, and what it trusts.
struct Chain {
    leaf: Certificate,
    intermediates: Vec<Certificate>,
    roots: Vec<Certificate>,
}

impl Chain {
    fn new(issued: &Issued, key: &PrivateKey, issuer: &Issuer) -> Self {
        let intermediates = meshroot_pki::parse_bundle(issued.to_pem().as_bytes()).unwrap();
        Self {
            leaf: leaf(issued.certificate(), key),
            intermediates,
            roots: vec![issuer.root().clone()],
        }
    }

    fn judged_by_all(&self) {
        self.judged_by_openssl("sslserver");
        self.judged_by_openssl("sslclient");
        self.judged_by_webpki(KeyUsage::server_auth());
        self.judged_by_webpki(KeyUsage::client_auth());
        for purpose in [Purpose::Server, Purpose::Client] {
            let options = PathOptions::new(now(), purpose);
            let path = build_path(&self.leaf, &self.intermediates, &self.roots, &options).unwrap();
            assert_eq!(path.len(), 2 + self.intermediates.len());
        }
    }

    fn judged_by_openssl(&self, purpose: &str) {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, certificates: &[Certificate]| {
            let path = directory.path().join(name);
            std::fs::write(&path, to_bundle(certificates)).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let leaf = file("leaf.pem", std::slice::from_ref(&self.leaf));
        let (untrusted, trusted) =
            (file("chain.pem", &self.intermediates), file("root.pem", &self.roots));
        let at = NOW.to_string();
        let mut command =
            vec!["verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-attime", &at];
        command.extend(["-purpose", purpose, "-CAfile", &trusted, "-untrusted", &untrusted, &leaf]);
        openssl(&command, b"").unwrap();
    }

    fn judged_by_webpki(&self, usage: KeyUsage) {
        let roots: Vec<_> =
            self.roots.iter().map(|root| CertificateDer::from(root.der())).collect();
        let anchors: Vec<_> =
            roots.iter().map(|root| anchor_from_trusted_cert(root).unwrap()).collect();
        let intermediates: Vec<_> =
            self.intermediates.iter().map(|one| CertificateDer::from(one.der())).collect();
        let leaf = CertificateDer::from(self.leaf.der());
        let leaf = EndEntityCert::try_from(&leaf).unwrap();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(NOW.try_into().unwrap()));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        leaf.verify_for_usage(algorithms, &anchors, &intermediates, at, usage, None, None).unwrap();
    }
}

#[rstest]
fn every_peer_accepts_a_workload_below_every_pair_of_keys(
    #[values(
        KeyKind::Rsa3072,
        KeyKind::Rsa4096,
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::Ed25519
    )]
    root: KeyKind,
    #[values(
        KeyKind::Rsa2048,
        KeyKind::Rsa3072,
        KeyKind::Rsa4096,
        KeyKind::EcdsaP256,
        KeyKind::EcdsaP384,
        KeyKind::Ed25519
    )]
    intermediate: KeyKind,
) {
    let (issuer, key) = (issuer(root), key(intermediate));
    let issued = issue(order(key, "east", 0), &issuer, now());
    Chain::new(&issued, key, &issuer).judged_by_all();
    assert_eq!(judges::zlint(&issued.certificate().to_pem()).unwrap(), []);
}

#[rstest]
#[case(KeyKind::Rsa3072)]
#[case(KeyKind::Rsa4096)]
#[case(KeyKind::EcdsaP256)]
#[case(KeyKind::EcdsaP384)]
#[case(KeyKind::Ed25519)]
fn a_root_is_a_ca_without_limit_that_zlint_finds_nothing_in(#[case] kind: KeyKind) {
    let (root, key) = root(kind);
    assert_eq!((root.is_ca(), root.path_len(), root.is_self_issued()), (true, None, true));
    assert_eq!((root.public_key(), root.public_key().kind()), (key.public_key(), Some(kind)));
    assert_eq!(root.not_after(), now() + days(365));
    assert_eq!(judges::zlint(&root.to_pem()).unwrap(), []);
}

#[test]
fn a_root_that_ends_after_2049_is_accepted_by_all() {
    let later = now() + days(24 * 365);
    let spec =
        RootSpec { key: KeyKind::EcdsaP256, subject: x509::name("late"), lifetime: days(3650) };
    let (root, key) = make_root(&spec, later).unwrap();
    assert!(root.not_after().to_string().starts_with("2060"), "{}", root.not_after());
    root.verify_signed_by(key.public_key()).unwrap();
    assert_eq!(judges::zlint(&root.to_pem()).unwrap(), []);
}

#[test]
fn a_root_with_too_small_a_key_or_too_long_a_life_is_not_made() {
    let spec = |key, lifetime| RootSpec { key, subject: x509::name("root"), lifetime };
    let refused = make_root(&spec(KeyKind::Rsa2048, days(1)), now()).unwrap_err();
    assert!(matches!(refused, RootError::KeyTooSmall { kind: KeyKind::Rsa2048 }), "{refused:?}");
    for lifetime in [
        days(1) - jiff::SignedDuration::from_secs(1),
        days(3650) + jiff::SignedDuration::from_secs(1),
    ] {
        let refused = make_root(&spec(KeyKind::EcdsaP256, lifetime), now()).unwrap_err();
        assert!(matches!(refused, RootError::Lifetime { .. }), "{refused:?}");
    }
}

/// A signer of the company, an intermediate with path length 1 by its root, as its Secret gives it.
fn company_signer(root: KeyKind, signer: KeyKind) -> Issuer {
    let (company, key) = (issuer(root), key(signer));
    let chain = issue(order(key, "company signer", 1), &company, now()).to_pem();
    let root = company.root().to_pem();
    Issuer::load(root.as_bytes(), key.to_pkcs8_pem().as_bytes(), Some(chain.as_bytes()), now())
        .unwrap()
}

#[rstest]
#[case(KeyKind::Rsa4096, KeyKind::Rsa3072, KeyKind::EcdsaP256)]
#[case(KeyKind::EcdsaP384, KeyKind::EcdsaP256, KeyKind::Rsa2048)]
#[case(KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519)]
#[case(KeyKind::Ed25519, KeyKind::Rsa2048, KeyKind::EcdsaP384)]
fn every_peer_accepts_a_workload_below_a_signer_of_a_company_root(
    #[case] root: KeyKind,
    #[case] signer: KeyKind,
    #[case] intermediate: KeyKind,
) {
    let issuer = company_signer(root, signer);
    let key = key(intermediate);
    let issued = issue(order(key, "east", 0), &issuer, now());
    let chain = Chain::new(&issued, key, &issuer);
    assert_eq!(chain.intermediates, [issued.certificate().clone(), issuer.certificate().clone()]);
    chain.judged_by_all();
    assert_eq!(judges::zlint(&issuer.certificate().to_pem()).unwrap(), []);
    assert_eq!(judges::zlint(&issued.certificate().to_pem()).unwrap(), []);
}
