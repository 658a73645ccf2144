//! What is refused before it is written for an Istio: each finding with a chain that is broken in this way.

use jiff::SignedDuration;
use meshroot_core::meshes::istio::{advice, lint, lint_lists};
use meshroot_pki::{
    Certificate, DistinguishedName, PathOptions, PrivateKey, PublicKey, Purpose, RevocationList,
    build_path,
};
use rstest::rstest;
use x509_cert::ext::pkix::KeyUsages;

use crate::x509::{
    CLIENT_AUTH, DAY, NOW, SERVER_AUTH, Template, authority_key_identifier, basic_constraints,
    dns_subtree, extended_key_usage, ia5, intermediate_key, key_usage, leaf_key, name,
    name_constraints, now, openssl, revocation_list, root_key, subject_key_identifier,
};
use x509_cert::ext::pkix::name::GeneralName;

const ANY_PURPOSE: &str = "2.5.29.37.0";

fn rules(chain: &[Certificate], roots: &[Certificate]) -> Vec<&'static str> {
    let findings = lint(chain, roots, now());
    assert!(findings.iter().all(|finding| !finding.message.ends_with('.')), "{findings:?}");
    findings.iter().map(|finding| finding.rule).collect()
}

fn root() -> Certificate {
    Template::root().sign(root_key())
}

type Bend = fn(&mut Template);

/// What is found where the intermediate is bent.
fn bent(bend: impl Fn(&mut Template)) -> Vec<&'static str> {
    let mut intermediate = Template::intermediate();
    bend(&mut intermediate);
    rules(&[intermediate.sign(root_key())], &[root()])
}

/// What is found where the root is bent.
fn below_bent_root(bend: Bend) -> Vec<&'static str> {
    let mut root = Template::root();
    bend(&mut root);
    rules(&[Template::intermediate().sign(root_key())], &[root.sign(root_key())])
}

/// A second root and its cross-certificate by the first.
struct Successor {
    intermediate: Certificate,
    cross: Template,
    root: Certificate,
}

impl Successor {
    fn new() -> Self {
        let key = leaf_key();
        let identifier = key.public_key().key_identifier();
        let mut root = Template::new(&name("new root"), &name("new root"), key);
        root.extensions = Template::root().extensions;
        root.with(subject_key_identifier(&identifier));
        let mut cross = Template { issuer: name("root"), ..root.clone() };
        cross.with(authority_key_identifier(&root_key().public_key().key_identifier()));
        let mut intermediate = Template { issuer: name("new root"), ..Template::intermediate() };
        intermediate.with(authority_key_identifier(&identifier));
        Self { intermediate: intermediate.sign(key), cross, root: root.sign(key) }
    }

    fn chain(&self) -> [Certificate; 2] {
        [self.intermediate.clone(), self.cross.sign(root_key())]
    }
}

#[test]
fn a_good_intermediate_has_no_finding() {
    assert_eq!(bent(|_| ()), [""; 0]);
}

#[test]
fn a_cross_certified_chain_has_no_finding_whichever_root_is_trusted() {
    let new = Successor::new();
    for roots in [vec![root()], vec![new.root.clone()], vec![root(), new.root.clone()]] {
        assert_eq!(rules(&new.chain(), &roots), [""; 0]);
    }
}

#[test]
fn an_empty_chain_is_refused() {
    assert_eq!(rules(&[], &[root()]), ["chain-empty"]);
}

#[rstest]
#[case::no_ca(|it: &mut Template| it.with(basic_constraints(false, None)), &["not-a-ca", "path"])]
#[case::no_signing(|it: &mut Template| it.with(key_usage(KeyUsages::CRLSign.into())), &["no-key-cert-sign", "path"])]
#[case::no_subject(|it: &mut Template| it.subject = DistinguishedName::empty(), &["empty-subject"])]
#[case::server_only(
    |it: &mut Template| it.with(extended_key_usage(&[SERVER_AUTH])),
    &["extended-key-usage", "path"]
)]
#[case::client_only(
    |it: &mut Template| it.with(extended_key_usage(&[CLIENT_AUTH])),
    &["extended-key-usage", "path"]
)]
#[case::any_purpose(
    |it: &mut Template| it.with(extended_key_usage(&[ANY_PURPOSE])),
    &["extended-key-usage", "path"]
)]
#[case::both_purposes(|it: &mut Template| it.with(extended_key_usage(&[CLIENT_AUTH, SERVER_AUTH])), &[])]
#[case::no_usage(|it: &mut Template| it.without("2.5.29.15"), &[])]
#[case::uri_constraint(
    |it: &mut Template| it.with(name_constraints(&[uri_subtree()], &[])),
    &["uri-name-constraint"]
)]
#[case::excluded_uri(
    |it: &mut Template| it.with(name_constraints(&[], &[uri_subtree()])),
    &["uri-name-constraint"]
)]
#[case::dns_constraint(|it: &mut Template| it.with(name_constraints(&[dns_subtree("svc")], &[])), &[])]
#[case::expired(|it: &mut Template| (it.not_before, it.not_after) = (NOW - DAY, NOW), &["path"])]
#[case::not_yet(|it: &mut Template| it.not_before = NOW + 1, &["path"])]
#[case::outlives(|it: &mut Template| it.not_after = NOW + DAY + 1, &["outlives-issuer"])]
#[case::as_long(|it: &mut Template| it.not_after = NOW + DAY, &[])]
#[case::other_issuer(|it: &mut Template| it.issuer = name("somebody"), &["path"])]
#[case::other_key_identifier(|it: &mut Template| it.with(authority_key_identifier(&[7; 20])), &["path"])]
fn what_istio_or_a_peer_breaks_on_is_found_in_the_intermediate(
    #[case] bend: Bend,
    #[case] expected: &[&str],
) {
    assert_eq!(bent(bend), expected);
}

fn uri_subtree() -> GeneralName {
    GeneralName::UniformResourceIdentifier(ia5("cluster.local"))
}

#[rstest]
#[case::no_room(|it: &mut Template| it.with(basic_constraints(true, Some(0))), &["path"])]
#[case::room_for_one(|it: &mut Template| it.with(basic_constraints(true, Some(1))), &[])]
#[case::server_only(|it: &mut Template| it.with(extended_key_usage(&[SERVER_AUTH])), &["path"])]
#[case::client_only(|it: &mut Template| it.with(extended_key_usage(&[CLIENT_AUTH])), &["path"])]
#[case::uri_constraint(|it: &mut Template| it.with(name_constraints(&[uri_subtree()], &[])), &["path"])]
#[case::expired(|it: &mut Template| (it.not_before, it.not_after) = (NOW - 2 * DAY, NOW - 1), &["path"])]
fn what_a_peer_breaks_on_is_found_in_the_root(#[case] bend: Bend, #[case] expected: &[&str]) {
    assert_eq!(below_bent_root(bend), expected);
}

#[rstest]
#[case::p521(&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], &["key", "path"])]
#[case::short(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], &["key", "path"])]
#[case::exponent(
    &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
    &["key"]
)]
fn a_key_that_peers_refuse_is_found(#[case] key: &[&str], #[case] expected: &[&str]) {
    let pem = openssl(&[&["genpkey"][..], key].concat(), b"").unwrap();
    let spki = openssl(&["pkey", "-pubout", "-outform", "DER"], &pem).unwrap();
    let identifier = PublicKey::from_spki_der(&spki).unwrap().key_identifier();
    let found = bent(|it| {
        it.spki.clone_from(&spki);
        it.with(subject_key_identifier(&identifier));
    });
    assert_eq!(found, expected);
}

#[test]
fn the_root_instead_of_the_intermediate_is_refused() {
    let root = root();
    let both = std::slice::from_ref(&root);
    assert_eq!(rules(both, both), ["root-as-intermediate"]);
}

/// An intermediate with another one above it.
struct Deep {
    intermediate: Certificate,
    middle: Certificate,
    root: Certificate,
}

impl Deep {
    fn new() -> Self {
        let new = Successor::new();
        let middle = new.cross.sign(root_key());
        Self { intermediate: new.intermediate, middle, root: root() }
    }

    fn advice(&self, chain: &[&Certificate]) -> Vec<&'static str> {
        let chain: Vec<Certificate> = chain.iter().copied().cloned().collect();
        let roots = std::slice::from_ref(&self.root);
        let options = PathOptions::new(now(), Purpose::Any);
        let path = build_path(&self.intermediate, &chain, roots, &options).unwrap();
        assert_eq!(path, [self.intermediate.clone(), self.middle.clone(), self.root.clone()]);
        let candidates = [std::slice::from_ref(&self.intermediate), &chain].concat();
        let lint = lint(&candidates, roots, now());
        assert_eq!(lint, [], "what may be put in order is no reason to refuse");
        advice(&chain, &path).into_iter().map(|finding| finding.rule).collect()
    }
}

#[test]
fn what_may_be_put_in_order_is_told_of_the_way_that_was_found() {
    let deep = Deep::new();
    let (intermediate, middle, root) = (&deep.intermediate, &deep.middle, &deep.root);
    assert_eq!(deep.advice(&[intermediate, middle]), [""; 0]);
    assert_eq!(deep.advice(&[intermediate, middle, root]), ["root-in-chain"]);
    assert_eq!(deep.advice(&[middle, intermediate]), ["order"]);
    assert_eq!(
        deep.advice(&[intermediate, intermediate, middle, middle]),
        ["repeated", "repeated"]
    );
    let stranger = Template::new(&name("stranger"), &name("stranger"), leaf_key());
    let stranger = stranger.sign(leaf_key());
    assert_eq!(deep.advice(&[intermediate, &stranger, middle]), ["not-on-path"]);
    let mut former = Successor::new().cross;
    (former.not_before, former.not_after) = (NOW - 2 * DAY, NOW - DAY);
    let former = former.sign(root_key());
    assert_eq!(deep.advice(&[intermediate, &former, middle]), [""; 0], "same name and key");
}

/// Each of these is a reason only for a chain whose way leads over it.
#[test]
fn what_is_not_on_the_way_is_no_reason_to_refuse() {
    let good = Template::intermediate().sign(root_key());
    let bent: [Bend; 4] = [
        |it| it.with(basic_constraints(true, Some(0))),
        |it| it.with(name_constraints(&[uri_subtree()], &[])),
        |it| (it.not_before, it.not_after) = (NOW - 2 * DAY, NOW - DAY),
        |it| it.with(basic_constraints(false, None)),
    ];
    for bend in bent {
        let mut other = Template::new(&name("other"), &name("other"), leaf_key());
        other.extensions = Template::root().extensions;
        bend(&mut other);
        let other = other.sign(leaf_key());
        assert_eq!(rules(&[good.clone(), other.clone()], &[root()]), [""; 0], "in the chain");
        assert_eq!(
            rules(std::slice::from_ref(&good), &[root(), other]),
            [""; 0],
            "among the roots"
        );
    }
}

#[test]
fn an_intermediate_that_ends_after_any_above_it_is_refused() {
    let mut new = Successor::new();
    new.cross.not_after = NOW + DAY - 1;
    let findings = lint(&new.chain(), &[root()], now());
    assert_eq!(findings.iter().map(|it| it.rule).collect::<Vec<_>>(), ["outlives-issuer"]);
    // Under the new root alone the way does not lead over the cross-certificate.
    assert_eq!(rules(&new.chain(), &[new.root.clone()]), [""; 0]);
}

#[test]
fn a_cross_certificate_without_room_for_the_intermediate_is_refused() {
    let mut new = Successor::new();
    new.cross.with(basic_constraints(true, Some(0)));
    assert_eq!(rules(&new.chain(), &[root()]), ["path"]);
    new.cross.with(basic_constraints(true, Some(1)));
    assert_eq!(rules(&new.chain(), &[root()]), [""; 0]);
}

#[test]
fn a_cross_certified_chain_under_a_root_with_path_length_one_is_refused() {
    let mut old = Template::root();
    old.with(basic_constraints(true, Some(1)));
    assert_eq!(rules(&Successor::new().chain(), &[old.sign(root_key())]), ["path"]);
    old.with(basic_constraints(true, Some(2)));
    assert_eq!(rules(&Successor::new().chain(), &[old.sign(root_key())]), [""; 0]);
}

#[test]
fn a_new_intermediate_without_the_cross_certificate_is_refused_where_only_the_old_root_is_trusted()
{
    let new = Successor::new();
    let findings = lint(&[new.intermediate], &[root()], now());
    assert_eq!(findings.iter().map(|finding| finding.rule).collect::<Vec<_>>(), ["path"]);
    assert!(findings[0].message.contains("CN=new root"), "{}", findings[0].message);
}

#[test]
fn no_root_at_all_is_refused() {
    assert_eq!(rules(&[Template::intermediate().sign(root_key())], &[]), ["path"]);
}

fn list(key: &PrivateKey, issuer: &Certificate, lasts_hours: i64) -> RevocationList {
    let begin = now() - SignedDuration::from_hours(48);
    let end = now() + SignedDuration::from_hours(lasts_hours);
    revocation_list(key, issuer, 1, [begin, end], &[])
}

#[test]
fn beside_a_chain_each_certificate_of_it_and_each_root_needs_a_current_revocation_list() {
    let (root, chain) = (root(), [Template::intermediate().sign(root_key())]);
    let roots = std::slice::from_ref(&root);
    let own = list(intermediate_key(), &chain[0], 1);
    let of_root = list(root_key(), &root, 1);
    let said = |lists: &[RevocationList]| {
        let findings = lint_lists(&chain, roots, lists, now()).into_iter();
        findings.map(|finding| format!("{}: {}", finding.rule, finding.message)).collect::<Vec<_>>()
    };
    assert!(said(&[]).is_empty(), "without any nobody asks for one");
    assert!(said(&[own.clone(), of_root.clone()]).is_empty());
    let found = said(std::slice::from_ref(&of_root));
    assert_eq!(
        found,
        [
            "revocation-list-missing: ca-crl.pem holds no list of CN=intermediate,OU=shop,O=Example: istiod drops the whole update, and does not start with it"
        ]
    );
    let found = said(std::slice::from_ref(&own));
    assert!(
        matches!(&found[..], [one] if one.ends_with("Envoy refuses every workload")),
        "{found:?}"
    );
    let found = said(&[own, list(root_key(), &root, -1)]);
    assert!(matches!(&found[..], [one] if one.starts_with("revocation-list-over")), "{found:?}");
    let found = said(&[of_root, list(leaf_key(), &chain[0], 1)]);
    assert!(
        matches!(&found[..], [one] if one.starts_with("revocation-list-missing")),
        "not of its key: {found:?}"
    );
}
