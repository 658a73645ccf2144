//! Whatever this crate accepts, rustls-webpki, Go, certval and OpenSSL accept: bent at random and asked again.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use der::Encode;
use meshroot_pki::{Certificate, Host, Purpose};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use rstest::rstest;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage as WebpkiUsage, anchor_from_trusted_cert};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, KeyUsages};
use x509_cert::serial_number::SerialNumber;

use crate::paths::Chain;
use crate::support::{
    CLIENT_AUTH, NOW, SERVER_AUTH, Template, alternative_names, basic_constraints, dns_subtree,
    extended_key_usage, extension, hosts, ip_subtree, key_usage, name, name_constraints, openssl,
    subject_key_identifier,
};

fn webpki_accepts([leaf, intermediate, root]: &[Certificate; 3], purpose: Purpose) -> bool {
    let root = CertificateDer::from(root.der());
    let anchors: Vec<TrustAnchor<'_>> = anchor_from_trusted_cert(&root).into_iter().collect();
    let leaf = CertificateDer::from(leaf.der());
    let Ok(leaf) = EndEntityCert::try_from(&leaf) else { return false };
    let usage = match purpose {
        Purpose::Client => WebpkiUsage::client_auth(),
        _ => WebpkiUsage::server_auth(),
    };
    let intermediates = [CertificateDer::from(intermediate.der())];
    let now = UnixTime::since_unix_epoch(Duration::from_secs(NOW.try_into().unwrap()));
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &intermediates,
        now,
        usage,
        None,
        None,
    )
    .is_ok()
}

fn openssl_accepts(
    [leaf, intermediate, root]: &[Certificate; 3],
    purpose: Purpose,
) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, certificate: &Certificate| {
        let path = directory.path().join(name);
        std::fs::write(&path, certificate.to_pem()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (leaf, intermediate, root) =
        (file("leaf.pem", leaf), file("intermediate.pem", intermediate), file("root.pem", root));
    let purpose = if purpose == Purpose::Client { "sslclient" } else { "sslserver" };
    let at = NOW.to_string();
    let command = [
        "verify",
        "-no-CApath",
        "-no-CAstore",
        "-attime",
        &at,
        "-purpose",
        purpose,
        "-CAfile",
        &root,
        "-untrusted",
        &intermediate,
        &leaf,
    ];
    openssl(&command, b"").map(|_| ())
}

/// One thing to bend, at one of the three certificates.
#[derive(Clone, Copy, Debug)]
enum Bend {
    Nothing,
    PathLen(Option<u8>),
    NotAuthority,
    NoBasicConstraints,
    Usage(KeyUsages),
    NoUsage,
    Purposes(&'static [&'static str]),
    Expired,
    NotYet,
    LastSecond,
    FirstSecond,
    KeyIdentifier,
    NoKeyIdentifier,
    Critical(&'static str),
    PermittedDns(&'static str),
    ExcludedDns(&'static str),
    PermittedIp(&'static [u8]),
    ExcludedIp(&'static [u8]),
    Version1,
    Issuer,
    Uri(&'static str),
    Dns(&'static str),
    CommonName(&'static str),
    PolicyConstraints,
    IssuerSerial,
    NamedAsRoot,
}

fn bends() -> impl Strategy<Value = Bend> {
    select(vec![
        Bend::Nothing,
        Bend::PathLen(None),
        Bend::PathLen(Some(0)),
        Bend::PathLen(Some(1)),
        Bend::PathLen(Some(255)),
        Bend::NotAuthority,
        Bend::NoBasicConstraints,
        Bend::Usage(KeyUsages::DigitalSignature),
        Bend::Usage(KeyUsages::KeyCertSign),
        Bend::Usage(KeyUsages::DecipherOnly),
        Bend::NoUsage,
        Bend::Purposes(&[SERVER_AUTH]),
        Bend::Purposes(&[CLIENT_AUTH]),
        Bend::Purposes(&[CLIENT_AUTH, SERVER_AUTH]),
        Bend::Purposes(&["2.5.29.37.0"]),
        Bend::Purposes(&[]),
        Bend::Expired,
        Bend::NotYet,
        Bend::LastSecond,
        Bend::FirstSecond,
        Bend::KeyIdentifier,
        Bend::NoKeyIdentifier,
        Bend::Critical("1.2.3.4"),
        Bend::Critical("2.5.29.36"),
        Bend::PermittedDns("svc"),
        Bend::PermittedDns(".shop.svc"),
        Bend::PermittedDns("pay.svc"),
        Bend::PermittedDns(""),
        Bend::ExcludedDns("pay.svc"),
        Bend::ExcludedDns("shop.svc"),
        Bend::ExcludedDns(""),
        Bend::PermittedIp(&[10, 0, 0, 0, 255, 0, 0, 0]),
        Bend::PermittedIp(&[10, 1, 2, 3, 255, 255, 255, 255]),
        Bend::PermittedIp(&[0; 8]),
        Bend::PermittedIp(&[0; 32]),
        Bend::ExcludedIp(&[10, 0, 0, 0, 255, 0, 0, 0]),
        Bend::ExcludedIp(&[11, 0, 0, 0, 255, 0, 0, 0]),
        Bend::Version1,
        Bend::Issuer,
        Bend::Uri("spiffe://a./x"),
        Bend::Uri("spiffe://a..b/x"),
        Bend::Uri("https://10.1.2.3/%41"),
        Bend::Uri("urn:x:y"),
        Bend::Dns("a..svc"),
        Bend::Dns("*.shop.svc"),
        Bend::Dns("a b.svc"),
        Bend::CommonName("web.other"),
        Bend::CommonName("web.shop.svc"),
        Bend::PolicyConstraints,
        Bend::IssuerSerial,
        Bend::NamedAsRoot,
    ])
}

fn apply(template: &mut Template, bend: Bend) {
    match bend {
        Bend::Nothing => {}
        Bend::PathLen(path_len) => template.with(basic_constraints(true, path_len)),
        Bend::NotAuthority => template.with(basic_constraints(false, None)),
        Bend::NoBasicConstraints => template.without("2.5.29.19"),
        Bend::Usage(usage) => template.with(key_usage(usage.into())),
        Bend::NoUsage => template.without("2.5.29.15"),
        Bend::Purposes(purposes) => template.with(extended_key_usage(purposes)),
        Bend::Expired => template.not_after = NOW - 1,
        Bend::NotYet => template.not_before = NOW + 1,
        Bend::LastSecond => template.not_after = NOW,
        Bend::FirstSecond => template.not_before = NOW,
        Bend::KeyIdentifier => template.with(subject_key_identifier(&[7; 20])),
        Bend::NoKeyIdentifier => template.without("2.5.29.14"),
        Bend::Critical(oid) => template.with(extension(oid, true, vec![0x30, 0x00])),
        Bend::PermittedDns(base) => template.with(name_constraints(&[dns_subtree(base)], &[])),
        Bend::ExcludedDns(base) => template.with(name_constraints(&[], &[dns_subtree(base)])),
        Bend::PermittedIp(base) => template.with(name_constraints(&[ip_subtree(base)], &[])),
        Bend::ExcludedIp(base) => template.with(name_constraints(&[], &[ip_subtree(base)])),
        Bend::Version1 => {
            template.version = None;
            template.extensions.clear();
        }
        Bend::Issuer => template.issuer = name("stranger"),
        Bend::Uri(uri) => template.with(alternative_names(true, &[Host::Uri(uri.to_owned())])),
        Bend::Dns(dns) => template.with(alternative_names(true, &[Host::Dns(dns.to_owned())])),
        Bend::CommonName(common_name) => {
            template.subject = name(common_name);
            template.with(alternative_names(false, &hosts(&["spiffe://cluster.local/a"])));
        }
        Bend::PolicyConstraints => {
            template.with(extension("2.5.29.36", false, vec![0x30, 0x03, 0x80, 0x01, 0x00]));
        }
        Bend::IssuerSerial => {
            let named = AuthorityKeyIdentifier {
                authority_cert_serial_number: Some(SerialNumber::new(&[7]).unwrap()),
                ..AuthorityKeyIdentifier::default()
            };
            template.with(extension("2.5.29.35", false, named.to_der().unwrap()));
        }
        Bend::NamedAsRoot => template.subject = name("root"),
    }
}

fn bent(root: Bend, intermediate: Bend, leaf: Bend, purpose: Purpose) -> Chain {
    let mut chain = Chain::new();
    chain.options.purpose = purpose;
    apply(&mut chain.root, root);
    apply(&mut chain.intermediate, intermediate);
    apply(&mut chain.leaf, leaf);
    chain
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_global_rejects: 1024 * crate::times(),
        ..ProptestConfig::with_cases(3000 * crate::times())
    })]

    #[test]
    fn what_is_accepted_here_rustls_webpki_accepts(
        root in bends(), intermediate in bends(), leaf in bends(), purpose in select(vec![Purpose::Server, Purpose::Client]),
    ) {
        let chain = bent(root, intermediate, leaf, purpose);
        let certificates = chain.certificates();
        // webpki takes no CA for a leaf; here that is a question worth asking.
        prop_assume!(!certificates[0].is_ca());
        if chain.build().is_ok() {
            prop_assert!(webpki_accepts(&certificates, purpose));
        }
    }
}

#[test]
fn the_judges_tell_a_good_chain_from_a_bad_one() {
    for (leaf, good) in [(Bend::Nothing, true), (Bend::Expired, false)] {
        let certificates = bent(Bend::Nothing, Bend::Nothing, leaf, Purpose::Server).certificates();
        assert_eq!(webpki_accepts(&certificates, Purpose::Server), good);
        assert_eq!(openssl_accepts(&certificates, Purpose::Server).is_ok(), good);
        for judge in ["go-verify", "certval-verify"] {
            let answers = asked_of(judge, &[question(&certificates, Purpose::Server)]);
            assert_eq!(answers == ["ok"], good, "{judge}: {answers:?}");
        }
    }
}

/// A line for a judge that is a program: Go's crypto/x509, certval.
fn question([leaf, intermediate, root]: &[Certificate; 3], purpose: Purpose) -> String {
    let der = |certificate: &Certificate| BASE64_STANDARD.encode(certificate.der());
    serde_json::json!({
        "leaf": der(leaf),
        "intermediates": [der(intermediate)],
        "roots": [der(root)],
        "client": purpose == Purpose::Client,
        "now": NOW,
    })
    .to_string()
}

/// What the judge says of each; `ok` where it accepts.
fn asked_of(judge: &str, questions: &[String]) -> Vec<String> {
    let input = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(input.path(), questions.join("\n")).unwrap();
    let tools =
        std::env::var("MESHROOT_TOOLS").expect("cargo xtask test says where the real parts are");
    let output = std::process::Command::new(std::path::Path::new(&tools).join(judge))
        .stdin(input.reopen().unwrap())
        .output()
        .unwrap_or_else(|error| panic!("{judge} is built by cargo xtask tools: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A bent chain, and what is said of it here.
struct Asked {
    bends: String,
    root: Bend,
    intermediate: Bend,
    question: String,
    certificates: [Certificate; 3],
    purpose: Purpose,
    is_accepted: bool,
}

fn asked(runner: &mut TestRunner) -> Asked {
    let tree = (bends(), bends(), bends(), any::<bool>()).new_tree(runner).unwrap();
    let (root, intermediate, leaf, client) = tree.current();
    let purpose = if client { Purpose::Client } else { Purpose::Server };
    let chain = bent(root, intermediate, leaf, purpose);
    let certificates = chain.certificates();
    Asked {
        bends: format!("root {root:?}, intermediate {intermediate:?}, leaf {leaf:?}, {purpose:?}"),
        root,
        intermediate,
        question: question(&certificates, purpose),
        certificates,
        purpose,
        is_accepted: chain.build().is_ok(),
    }
}

/// What certval 0.2.0-rc.1 alone refuses in an intermediate: why is in docs/validation.md.
fn certval_refuses_alone(intermediate: Bend) -> bool {
    matches!(intermediate, Bend::NoUsage | Bend::PermittedDns("" | ".shop.svc"))
}

#[rstest]
#[case::go("go-verify", |_| false)]
#[case::certval("certval-verify", certval_refuses_alone)]
fn what_is_accepted_here_another_program_accepts(
    #[case] judge: &str,
    #[case] refuses_alone: fn(Bend) -> bool,
) {
    let mut runner = TestRunner::deterministic();
    let chains: Vec<_> = (0..3000 * crate::times()).map(|_| asked(&mut runner)).collect();
    let questions: Vec<_> = chains.iter().map(|chain| chain.question.clone()).collect();
    let answers = asked_of(judge, &questions);
    assert_eq!(answers.len(), chains.len());
    let mut accepted = 0;
    for (chain, answer) in chains.iter().zip(answers).filter(|(chain, _)| chain.is_accepted) {
        if answer != "ok" && refuses_alone(chain.intermediate) {
            continue;
        }
        accepted += 1;
        assert_eq!(answer, "ok", "{}", chain.bends);
    }
    assert!(accepted > 100, "only {accepted} were accepted: nothing was put to the test");
}

#[test]
fn what_is_accepted_here_openssl_accepts() {
    let mut accepted = 0;
    let mut runner = TestRunner::deterministic();
    while accepted < 60 {
        let tree = (bends(), bends(), bends(), any::<bool>()).new_tree(&mut runner).unwrap();
        let (root, intermediate, leaf, client) = tree.current();
        let purpose = if client { Purpose::Client } else { Purpose::Server };
        let chain = bent(root, intermediate, leaf, purpose);
        let certificates = chain.certificates();
        if chain.build().is_err() || certificates[0].is_ca() {
            continue;
        }
        accepted += 1;
        let verdict = openssl_accepts(&certificates, purpose);
        assert_eq!(
            verdict,
            Ok(()),
            "root {root:?}, intermediate {intermediate:?}, leaf {leaf:?}, {purpose:?}"
        );
    }
}

/// What is refused here although all others accept it, for something that they do not read in an anchor: see
/// docs/validation.md.
fn is_stricter_here(root: Bend) -> bool {
    matches!(root, Bend::Version1 | Bend::PolicyConstraints | Bend::Critical(_))
}

#[test]
fn what_all_others_accept_is_accepted_here_but_for_what_the_documents_name() {
    let mut runner = TestRunner::deterministic();
    let chains: Vec<_> = (0..3000 * crate::times()).map(|_| asked(&mut runner)).collect();
    let questions: Vec<_> = chains.iter().map(|chain| chain.question.clone()).collect();
    let judges = ["go-verify", "certval-verify"].map(|judge| asked_of(judge, &questions));
    let mut accepted = 0;
    for (number, chain) in
        chains.iter().enumerate().filter(|(_, chain)| !is_stricter_here(chain.root))
    {
        let by_programs = judges.iter().all(|answers| answers[number] == "ok");
        if chain.is_accepted {
            accepted += 1;
        } else if by_programs && webpki_accepts(&chain.certificates, chain.purpose) {
            // A process for each: asked last.
            let by_openssl = openssl_accepts(&chain.certificates, chain.purpose);
            assert!(by_openssl.is_err(), "{} is refused here alone", chain.bends);
        }
    }
    assert!(accepted > 100, "only {accepted} were accepted: nothing was put to the test");
}
