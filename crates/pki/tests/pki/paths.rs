use jiff::Timestamp;
use meshroot_pki::{
    Certificate, DistinguishedName, PathError, PathOptions, PrivateKey, Purpose, build_path,
};

use crate::support::{
    DAY, NOW, Template, authority_key_identifier, basic_constraints, dns_subtree, extension,
    intermediate_key, leaf_key, name, name_constraints, now, root_key, subject_key_identifier,
};

/// Root, intermediate and leaf as the product makes them; a test bends what it wants.
pub(crate) struct Chain {
    pub(crate) root: Template,
    pub(crate) intermediate: Template,
    pub(crate) leaf: Template,
    pub(crate) options: PathOptions,
}

impl Chain {
    pub(crate) fn new() -> Self {
        Self {
            root: Template::root(),
            intermediate: Template::intermediate(),
            leaf: Template::leaf(),
            options: PathOptions::new(now(), Purpose::Server),
        }
    }

    pub(crate) fn certificates(&self) -> [Certificate; 3] {
        [
            self.leaf.sign(intermediate_key()),
            self.intermediate.sign(root_key()),
            self.root.sign(root_key()),
        ]
    }

    pub(crate) fn build(&self) -> Result<Vec<Certificate>, PathError> {
        let [leaf, intermediate, root] = self.certificates();
        build_path(&leaf, &[intermediate], &[root], &self.options)
    }
}

fn accepted(chain: &Chain) {
    let [leaf, intermediate, root] = chain.certificates();
    let pool = [intermediate.clone()];
    let path = build_path(&leaf, &pool, std::slice::from_ref(&root), &chain.options).unwrap();
    assert_eq!(path, [leaf, intermediate, root]);
}

#[test]
fn the_products_own_chain_is_accepted_for_every_purpose() {
    for purpose in [Purpose::Server, Purpose::Client, Purpose::Any] {
        let mut chain = Chain::new();
        chain.options.purpose = purpose;
        accepted(&chain);
    }
}

#[test]
fn a_validity_goes_from_its_first_second_to_the_one_before_its_last() {
    for second in [NOW - DAY, NOW + DAY - 1] {
        let mut chain = Chain::new();
        chain.options.at = Timestamp::from_second(second).unwrap();
        accepted(&chain);
    }
}

#[test]
fn an_intermediate_without_subject_is_accepted_above_a_leaf_with_a_key_identifier() {
    let mut chain = Chain::new();
    chain.intermediate.subject = DistinguishedName::empty();
    chain.intermediate.extensions.push(extension("2.5.29.17", true, vec![0x30, 0x02, 0x82, 0x00]));
    chain.leaf.issuer = DistinguishedName::empty();
    // Without it OpenSSL takes the leaf for self-signed.
    chain.leaf.with(subject_key_identifier(&leaf_key().public_key().key_identifier()));
    accepted(&chain);
}

#[test]
fn basic_constraints_need_not_be_critical() {
    let mut chain = Chain::new();
    chain
        .intermediate
        .with(x509_cert::ext::Extension { critical: false, ..basic_constraints(true, Some(0)) });
    accepted(&chain);
}

#[test]
fn key_usage_and_key_identifiers_may_be_absent() {
    let mut chain = Chain::new();
    for template in [&mut chain.root, &mut chain.intermediate, &mut chain.leaf] {
        for extension in ["2.5.29.14", "2.5.29.15", "2.5.29.35"] {
            template.without(extension);
        }
    }
    accepted(&chain);
}

#[test]
fn a_root_may_be_its_own_path() {
    let root = Template::root().sign(root_key());
    let options = PathOptions::new(now(), Purpose::Any);
    assert_eq!(build_path(&root, &[], std::slice::from_ref(&root), &options).unwrap(), [root]);
}

#[test]
fn a_leaf_among_the_anchors_is_no_path() {
    let leaf = Template::leaf().sign(intermediate_key());
    let options = PathOptions::new(now(), Purpose::Any);
    let error = build_path(&leaf, &[], std::slice::from_ref(&leaf), &options).unwrap_err();
    assert!(matches!(error, PathError::UnknownAuthority { .. }), "{error:?}");
}

#[test]
fn an_intermediate_alone_leads_to_its_root() {
    let [_, intermediate, root] = Chain::new().certificates();
    let options = PathOptions::new(now(), Purpose::Server);
    let path = build_path(&intermediate, &[], std::slice::from_ref(&root), &options).unwrap();
    assert_eq!(path, [intermediate, root]);
}

#[test]
fn order_repetition_and_strangers_among_the_intermediates_do_not_matter() {
    let chain = Chain::new();
    let [leaf, intermediate, root] = chain.certificates();
    // Of the same name, with another key and its identifier.
    let mut impostor =
        Template { spki: leaf_key().public_key().spki_der().to_vec(), ..Template::intermediate() };
    impostor.with(subject_key_identifier(&leaf_key().public_key().key_identifier()));
    let pool = [
        impostor.sign(leaf_key()),
        root.clone(),
        leaf.clone(),
        intermediate.clone(),
        intermediate.clone(),
    ];
    let path = build_path(&leaf, &pool, std::slice::from_ref(&root), &chain.options).unwrap();
    assert_eq!(path, [leaf, intermediate, root]);
}

#[test]
fn an_issuer_that_nothing_tells_from_another_of_its_name_is_refused() {
    let chain = Chain::new();
    let [leaf, intermediate, root] = chain.certificates();
    let mut impostor =
        Template { spki: leaf_key().public_key().spki_der().to_vec(), ..Template::intermediate() };
    impostor.without("2.5.29.14");
    let impostor = impostor.sign(root_key());
    for pool in [[impostor.clone(), intermediate.clone()], [intermediate, impostor]] {
        let error =
            build_path(&leaf, &pool, std::slice::from_ref(&root), &chain.options).unwrap_err();
        assert!(
            matches!(&error, PathError::AmbiguousIssuer { certificate, cause, .. }
                if certificate.index == 0 && matches!(**cause, PathError::Signature { .. })),
            "{error:?}"
        );
    }
}

#[test]
fn two_roots_of_one_name_without_key_identifiers_are_refused_in_either_order() {
    let mut chain = Chain::new();
    chain.root.without("2.5.29.14");
    chain.intermediate.without("2.5.29.35");
    let [leaf, intermediate, root] = chain.certificates();
    let mut twin = Template { spki: leaf_key().public_key().spki_der().to_vec(), ..chain.root };
    twin.serial = vec![0x2b];
    let twin = twin.sign(leaf_key());
    let pool = [intermediate];
    for anchors in [[root.clone(), twin.clone()], [twin, root]] {
        let error = build_path(&leaf, &pool, &anchors, &chain.options).unwrap_err();
        assert!(matches!(error, PathError::AmbiguousIssuer { .. }), "{error:?}");
    }
}

#[test]
fn a_root_that_was_issued_again_under_its_key_may_stand_beside_its_expired_former_self() {
    let chain = Chain::new();
    let [leaf, intermediate, root] = chain.certificates();
    let former =
        Template { not_after: NOW - 1, serial: vec![0x01], ..Template::root() }.sign(root_key());
    let path = build_path(&leaf, &[intermediate], &[former, root.clone()], &chain.options).unwrap();
    assert_eq!(path[2], root);
}

#[test]
fn one_of_two_intermediates_of_one_key_that_forbids_the_leaf_makes_the_path_ambiguous() {
    let chain = Chain::new();
    let [leaf, intermediate, root] = chain.certificates();
    let mut strict = Template::intermediate();
    strict.with(name_constraints(&[dns_subtree("other.svc")], &[]));
    let pool = [intermediate, strict.sign(root_key())];
    let error = build_path(&leaf, &pool, &[root], &chain.options).unwrap_err();
    assert!(
        matches!(&error, PathError::AmbiguousIssuer { cause, .. }
            if matches!(**cause, PathError::NameConstraint { .. })),
        "{error:?}"
    );
}

struct Rotation {
    old_root: Certificate,
    new_root: Certificate,
    cross: Certificate,
    intermediate: Certificate,
    leaf: Certificate,
}

/// A new root, cross-signed by the old one, above a new intermediate.
fn rotation(change_cross: impl FnOnce(&mut Template)) -> Rotation {
    let new_key = PrivateKey::generate(meshroot_pki::KeyKind::EcdsaP256).unwrap();
    let identifier = new_key.public_key().key_identifier();
    let own = |template: Template| Template {
        subject: name("new root"),
        spki: new_key.public_key().spki_der().to_vec(),
        ..template
    };
    let mut new_root = own(Template { issuer: name("new root"), ..Template::root() });
    new_root.with(subject_key_identifier(&identifier));
    let mut cross = own(Template::intermediate());
    cross.with(subject_key_identifier(&identifier));
    cross.with(basic_constraints(true, None));
    change_cross(&mut cross);
    let mut intermediate = Template { issuer: name("new root"), ..Template::intermediate() };
    intermediate.with(authority_key_identifier(&identifier));
    Rotation {
        old_root: Template::root().sign(root_key()),
        new_root: new_root.sign(&new_key),
        cross: cross.sign(root_key()),
        intermediate: intermediate.sign(&new_key),
        leaf: Template::leaf().sign(intermediate_key()),
    }
}

#[test]
fn a_cross_signed_chain_leads_to_the_old_root_and_to_the_new() {
    let Rotation { old_root, new_root, cross, intermediate, leaf } = rotation(|_| {});
    let pool = [intermediate.clone(), cross.clone()];
    let options = PathOptions::new(now(), Purpose::Client);
    let to = |anchors: &[Certificate]| build_path(&leaf, &pool, anchors, &options).unwrap();

    let long = [leaf.clone(), intermediate.clone(), cross, old_root.clone()];
    assert_eq!(to(std::slice::from_ref(&old_root)), long);
    let short = [leaf.clone(), intermediate, new_root.clone()];
    assert_eq!(to(std::slice::from_ref(&new_root)), short);
    // The shorter path is found first, whatever the order of the anchors.
    assert_eq!(to(&[old_root.clone(), new_root.clone()]), short);
    assert_eq!(to(&[new_root, old_root]), short);
}

#[test]
fn an_expired_cross_certificate_does_not_hide_the_new_root() {
    let Rotation { new_root, old_root, cross, intermediate, leaf } =
        rotation(|cross| cross.not_after = NOW - 1);
    let pool = [cross, intermediate];
    let options = PathOptions::new(now(), Purpose::Client);
    build_path(&leaf, &pool, &[old_root.clone(), new_root], &options).unwrap();
    let error = build_path(&leaf, &pool, &[old_root], &options).unwrap_err();
    assert!(
        matches!(&error, PathError::NotAfter { certificate, .. } if certificate.index == 2),
        "{error:?}"
    );
}

#[test]
fn a_cross_certificate_needs_a_path_length_of_one() {
    let refused = |path_len| {
        let Rotation { old_root, cross, intermediate, leaf, .. } =
            rotation(|cross| cross.with(basic_constraints(true, path_len)));
        let options = PathOptions::new(now(), Purpose::Any);
        build_path(&leaf, &[cross, intermediate], &[old_root], &options).err()
    };
    assert_eq!(refused(Some(1)), None);
    let error = refused(Some(0));
    assert!(
        matches!(&error, Some(PathError::PathLenExceeded { certificate, allowed: 0, found: 1 }) if certificate.index == 2),
        "{error:?}"
    );
}

#[test]
fn certificates_that_sign_each_other_cannot_make_the_search_endless() {
    // Eight authorities of one name, each certified by each of the others, and no way to the root.
    let keys: Vec<_> =
        (0..8).map(|_| PrivateKey::generate(meshroot_pki::KeyKind::EcdsaP256).unwrap()).collect();
    let mut pool = Vec::new();
    for subject in &keys {
        for issuer in &keys {
            let mut template = Template::new(&name("loop"), &name("loop"), subject);
            template.extensions = vec![basic_constraints(true, None)];
            pool.push(template.sign(issuer));
        }
    }
    let mut leaf = Template { issuer: name("loop"), ..Template::leaf() };
    leaf.without("2.5.29.35");
    let leaf = leaf.sign(&keys[0]);
    let options = PathOptions { max_depth: 100, ..PathOptions::new(now(), Purpose::Any) };
    let error =
        build_path(&leaf, &pool, &[Template::root().sign(root_key())], &options).unwrap_err();
    assert_eq!(error, PathError::SearchLimit { limit: 100 });
}

/// A chain of `intermediates` authorities below the root, and a leaf.
fn long_chain(intermediates: usize) -> (Certificate, Vec<Certificate>, Certificate) {
    let subject =
        |index: usize| if index == 0 { name("root") } else { name(&format!("level {index}")) };
    let authority = |index: usize| {
        let mut template = Template::new(&subject(index - 1), &subject(index), root_key());
        template.extensions = vec![basic_constraints(true, None)];
        template.sign(root_key())
    };
    let mut leaf = Template { issuer: subject(intermediates), ..Template::leaf() };
    leaf.without("2.5.29.35");
    (
        leaf.sign(root_key()),
        (1..=intermediates).map(authority).collect(),
        Template::root().sign(root_key()),
    )
}

#[test]
fn the_deepest_path_that_is_allowed_is_found() {
    let options = PathOptions { max_depth: 3, ..PathOptions::new(now(), Purpose::Any) };
    let (leaf, pool, root) = long_chain(3);
    assert_eq!(build_path(&leaf, &pool, &[root], &options).unwrap().len(), 5);
    let (leaf, pool, root) = long_chain(4);
    assert_eq!(build_path(&leaf, &pool, &[root], &options), Err(PathError::TooDeep { most: 3 }));
}

#[test]
fn an_error_names_place_subject_and_evidence() {
    let mut chain = Chain::new();
    chain.intermediate.not_after = NOW - 1;
    let message = chain.build().unwrap_err().to_string();
    let subject = "certificate 1 (CN=intermediate,OU=shop,O=Example)";
    assert_eq!(message, format!("{subject} expired at 2026-09-21T14:13:19Z"));
}
