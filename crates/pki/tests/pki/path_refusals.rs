//! One rule a test: the product's chain with one thing bent, and the refusal that names it.

use const_oid::ObjectIdentifier;
use der::Encode;
use der::asn1::Any;
use jiff::Timestamp;
use meshroot_pki::{
    DistinguishedName, KeyError, NameConstraintError, PathError, Purpose, build_path,
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, KeyUsages};

use crate::paths::Chain;
use crate::support::{
    CLIENT_AUTH, DAY, NOW, SERVER_AUTH, Template, alternative_names, authority_key_identifier,
    basic_constraints, dns_subtree, extended_key_usage, extension, hosts, ia5, intermediate_key,
    ip_subtree, key_usage, leaf_key, name, name_constraints, openssl, root_key, sequence,
    subject_key_identifier,
};

macro_rules! refusals {
    ($($name:ident: $bend:expr => $expected:pat $(if $guard:expr)?,)*) => {$(
        #[test]
        fn $name() {
            let mut chain = Chain::new();
            let bend: fn(&mut Chain) = $bend;
            bend(&mut chain);
            let error = chain.build().unwrap_err();
            assert!(matches!(&error, $expected $(if $guard)?), "{error:?}");
        }
    )*};
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn sha1_with_rsa() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"),
        parameters: Some(Any::null()),
    }
}

fn openssl_spki(command: &[&str]) -> Vec<u8> {
    openssl(&["pkey", "-pubout", "-outform", "DER"], &openssl(command, b"").unwrap()).unwrap()
}

/// Alternative names as they are, well formed or not.
fn names(names: &[GeneralName]) -> x509_cert::ext::Extension {
    extension("2.5.29.17", true, names.to_vec().to_der().unwrap())
}

/// A name of one CN in the string type of `tag`.
fn common_name(tag: u8, text: &[u8]) -> DistinguishedName {
    let value = [&[tag, u8::try_from(text.len()).unwrap()], text].concat();
    let attribute = sequence(&[vec![0x06, 0x03, 0x55, 0x04, 0x03], value]);
    let set = [vec![0x31, u8::try_from(attribute.len()).unwrap()], attribute].concat();
    DistinguishedName::from_der(&sequence(&[set])).unwrap()
}

fn uri_subtree(host: &str) -> GeneralName {
    GeneralName::UniformResourceIdentifier(ia5(host))
}

refusals! {
    a_leaf_that_is_not_yet_valid: |chain| chain.leaf.not_before = NOW + 1
        => PathError::NotBefore { certificate, not_before, at: checked }
        if certificate.index == 0 && *not_before == at(NOW + 1) && *checked == at(NOW),
    a_leaf_that_expired: |chain| chain.leaf.not_after = NOW - 1
        => PathError::NotAfter { certificate, not_after, .. } if certificate.index == 0 && *not_after == at(NOW - 1),
    an_intermediate_that_is_not_yet_valid: |chain| chain.intermediate.not_before = NOW + 1
        => PathError::NotBefore { certificate, .. } if certificate.index == 1,
    an_intermediate_that_expired: |chain| chain.intermediate.not_after = NOW - 1
        => PathError::NotAfter { certificate, .. } if certificate.index == 1,
    an_anchor_that_is_not_yet_valid: |chain| chain.root.not_before = NOW + 1
        => PathError::NotBefore { certificate, .. } if certificate.index == 2,
    an_anchor_that_expired: |chain| chain.root.not_after = NOW - 1
        => PathError::NotAfter { certificate, .. } if certificate.index == 2,
    the_last_second_as_openssl_has_it: |chain| chain.options.at = at(NOW + DAY) => PathError::NotAfter { .. },
    the_second_before_the_beginning: |chain| chain.options.at = at(NOW - DAY - 1) => PathError::NotBefore { .. },

    an_issuer_of_another_name: |chain| chain.intermediate.issuer = name("another root")
        => PathError::UnknownAuthority { certificate, issuer }
        if certificate.index == 1 && issuer == "CN=another root,OU=shop,O=Example",
    a_name_of_another_string_type: |chain| {
        // UTF8String below, PrintableString above: Go and webpki find no issuer.
        chain.intermediate.issuer = common_name(0x0c, b"root");
        chain.root.subject = common_name(0x13, b"root");
        chain.root.issuer = chain.root.subject.clone();
    } => PathError::IssuerNameEncoding { certificate, issuer } if certificate.index == 1 && issuer == "CN=root",
    another_key_identifier: |chain| chain.leaf.with(authority_key_identifier(&[7; 20]))
        => PathError::KeyIdentifierMismatch { certificate, .. } if certificate.index == 0,
    another_key_identifier_on_the_anchor: |chain| chain.root.with(subject_key_identifier(&[7; 20]))
        => PathError::KeyIdentifierMismatch { certificate, .. } if certificate.index == 1,
    another_issuer_serial_number: |chain| {
        let named = AuthorityKeyIdentifier {
            authority_cert_serial_number: Some(x509_cert::serial_number::SerialNumber::new(&[7]).unwrap()),
            ..AuthorityKeyIdentifier::default()
        };
        chain.leaf.with(extension("2.5.29.35", false, named.to_der().unwrap()));
    } => PathError::KeyIdentifierMismatch { .. },
    an_anchor_with_another_key: |chain| {
        chain.root.spki = leaf_key().public_key().spki_der().to_vec();
    } => PathError::Signature { certificate, source: KeyError::SignatureKey { .. }, .. } if certificate.index == 1,

    an_anchor_whose_key_is_too_short_to_check_anything: |chain| chain.root.spki = openssl_spki(&["genrsa", "1024"])
        => PathError::Signature { certificate, source: KeyError::RsaModulusTooShort { bits: 1024 }, .. }
        if certificate.index == 1,
    an_issuer_without_a_name: |chain| {
        chain.leaf.subject = name("web");
        chain.leaf.issuer = DistinguishedName::empty();
    } => PathError::UnknownAuthority { issuer, .. } if issuer == "an issuer without a name",
    a_leaf_of_version_1: |chain| { chain.leaf.version = None; chain.leaf.extensions.clear(); }
        => PathError::Version { certificate } if certificate.index == 0,
    an_anchor_of_version_1: |chain| { chain.root.version = None; chain.root.extensions.clear(); }
        => PathError::Version { certificate } if certificate.index == 2,
    an_anchor_that_is_not_self_issued: |chain| chain.root.issuer = name("above")
        => PathError::AnchorNotSelfIssued { certificate } if certificate.index == 2,

    a_leaf_key_on_p521: |chain| chain.leaf.spki = openssl_spki(&["ecparam", "-name", "secp521r1", "-genkey", "-noout"])
        => PathError::Key { certificate, source: KeyError::KindRefused { .. } } if certificate.index == 0,
    a_leaf_key_of_rsa_1024: |chain| chain.leaf.spki = openssl_spki(&["genrsa", "1024"])
        => PathError::Key { source: KeyError::RsaModulusTooShort { bits: 1024 }, .. },
    a_sha1_signature: |chain| chain.leaf.algorithm = Some(sha1_with_rsa())
        => PathError::SignatureAlgorithm { certificate, algorithm }
        if certificate.index == 0 && algorithm == "1.2.840.113549.1.1.5",
    ecdsa_with_sha512: |chain| {
        let oid = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
        chain.leaf.algorithm = Some(AlgorithmIdentifierOwned { oid, parameters: None });
    } => PathError::SignatureAlgorithm { .. },

    an_intermediate_that_is_no_ca: |chain| chain.intermediate.with(basic_constraints(false, None))
        => PathError::NotCertificateAuthority { certificate } if certificate.index == 1,
    an_intermediate_without_basic_constraints: |chain| chain.intermediate.without("2.5.29.19")
        => PathError::NotCertificateAuthority { certificate } if certificate.index == 1,
    an_anchor_that_is_no_ca: |chain| chain.root.without("2.5.29.19")
        => PathError::NotCertificateAuthority { certificate } if certificate.index == 2,
    an_intermediate_without_key_cert_sign: |chain| chain.intermediate.with(key_usage(KeyUsages::CRLSign.into()))
        => PathError::KeyCertSignMissing { certificate } if certificate.index == 1,
    an_anchor_without_key_cert_sign: |chain| chain.root.with(key_usage(KeyUsages::CRLSign.into()))
        => PathError::KeyCertSignMissing { certificate } if certificate.index == 2,
    a_leaf_without_digital_signature: |chain| chain.leaf.with(key_usage(KeyUsages::KeyEncipherment.into()))
        => PathError::DigitalSignatureMissing { certificate } if certificate.index == 0,
    a_root_with_path_length_0: |chain| chain.root.with(basic_constraints(true, Some(0)))
        => PathError::PathLenExceeded { certificate, allowed: 0, found: 1 } if certificate.index == 2,

    an_intermediate_for_servers_only_in_front_of_a_client: |chain| {
        chain.intermediate.with(extended_key_usage(&[SERVER_AUTH]));
        chain.options.purpose = Purpose::Client;
    } => PathError::ExtendedKeyUsage { certificate, purpose: Purpose::Client } if certificate.index == 1,
    an_anchor_for_clients_only_in_front_of_a_server: |chain| chain.root.with(extended_key_usage(&[CLIENT_AUTH]))
        => PathError::ExtendedKeyUsage { certificate, purpose: Purpose::Server } if certificate.index == 2,
    a_leaf_for_clients_only_as_a_server: |chain| chain.leaf.with(extended_key_usage(&[CLIENT_AUTH]))
        => PathError::ExtendedKeyUsage { certificate, .. } if certificate.index == 0,
    any_extended_key_usage_is_no_purpose: |chain| chain.intermediate.with(extended_key_usage(&["2.5.29.37.0"]))
        => PathError::ExtendedKeyUsage { certificate, .. } if certificate.index == 1,
    an_empty_extended_key_usage: |chain| {
        chain.options.purpose = Purpose::Any;
        chain.intermediate.with(extended_key_usage(&[]));
    } => PathError::ExtendedKeyUsage { .. },

    an_unknown_critical_extension: |chain| {
        chain.intermediate.extensions.push(extension("1.2.3.4", true, vec![0x05, 0x00]));
    } => PathError::CriticalExtension { certificate, extension } if certificate.index == 1 && extension == "1.2.3.4",
    a_critical_key_identifier: |chain| {
        let identifier = authority_key_identifier(&intermediate_key().public_key().key_identifier());
        chain.leaf.with(x509_cert::ext::Extension { critical: true, ..identifier });
    } => PathError::CriticalExtension { certificate, .. } if certificate.index == 0,

    a_permitted_uri_subtree: |chain| chain.intermediate.with(name_constraints(&[uri_subtree("cluster.local")], &[]))
        => PathError::UriNameConstraint { certificate } if certificate.index == 1,
    an_excluded_uri_subtree_on_the_anchor: |chain| chain.root.with(name_constraints(&[], &[uri_subtree("a.example")]))
        => PathError::UriNameConstraint { certificate } if certificate.index == 2,
    a_dns_name_outside_the_permitted_subtree: |chain| {
        chain.intermediate.with(name_constraints(&[dns_subtree("other.svc")], &[]));
    } => PathError::NameConstraint { certificate, issuer, source: NameConstraintError::NotPermitted { name } }
        if certificate.index == 0 && issuer.index == 1 && name == "web.shop.svc",
    a_dns_name_in_an_excluded_subtree: |chain| chain.root.with(name_constraints(&[], &[dns_subtree("SHOP.svc")]))
        => PathError::NameConstraint { issuer, source: NameConstraintError::Excluded { .. }, .. } if issuer.index == 2,
    a_dns_name_that_only_ends_like_the_subtree: |chain| {
        chain.leaf.with(alternative_names(true, &hosts(&["evilshop.svc"])));
        chain.intermediate.with(name_constraints(&[dns_subtree("shop.svc")], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::NotPermitted { .. }, .. },
    the_base_itself_under_a_subtree_with_a_leading_dot: |chain| {
        chain.leaf.with(alternative_names(true, &hosts(&["shop.svc"])));
        chain.intermediate.with(name_constraints(&[dns_subtree(".shop.svc")], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::NotPermitted { .. }, .. },
    a_wildcard_that_covers_an_excluded_name: |chain| {
        let wildcard = meshroot_pki::Host::Dns("*.shop.svc".to_owned());
        chain.leaf.with(alternative_names(true, &[wildcard]));
        chain.intermediate.with(name_constraints(&[], &[dns_subtree("pay.shop.svc")]));
    } => PathError::NameConstraint { source: NameConstraintError::Excluded { .. }, .. },
    an_empty_name_under_a_constraint: |chain| {
        chain.leaf.with(extension("2.5.29.17", true, vec![0x30, 0x02, 0x82, 0x00]));
        chain.intermediate.with(name_constraints(&[dns_subtree("shop.svc")], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::MalformedName { kind: "DNS name", .. }, .. },
    a_wildcard_in_the_middle_under_a_constraint: |chain| {
        chain.leaf.with(alternative_names(true, &[meshroot_pki::Host::Dns("w*.shop.svc".to_owned())]));
        chain.intermediate.with(name_constraints(&[dns_subtree("shop.svc")], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::MalformedName { kind: "DNS name", .. }, .. },
    a_dns_name_with_a_blank_under_a_constraint_on_addresses: |chain| {
        chain.leaf.with(alternative_names(true, &[meshroot_pki::Host::Dns("a b.svc".to_owned())]));
        chain.intermediate.with(name_constraints(&[], &[ip_subtree(&[11, 0, 0, 0, 255, 0, 0, 0])]));
    } => PathError::NameConstraint { source: NameConstraintError::MalformedName { kind: "DNS name", .. }, .. },
    a_malformed_mailbox_under_a_constraint: |chain| {
        chain.leaf.with(names(&[GeneralName::Rfc822Name(ia5("no mailbox"))]));
        chain.intermediate.with(name_constraints(&[dns_subtree("shop.svc")], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::MalformedName { kind: "e-mail address", .. }, .. },
    a_uri_without_host_under_a_constraint: |chain| {
        chain.leaf.with(names(&[GeneralName::UniformResourceIdentifier(ia5("urn:x:y"))]));
        chain.intermediate.with(name_constraints(&[dns_subtree("shop.svc")], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::MalformedName { .. }, .. },
    a_uri_with_an_address_under_a_constraint: |chain| {
        chain.leaf.with(names(&[GeneralName::UniformResourceIdentifier(ia5("spiffe://10.1.2.3/a"))]));
        chain.root.with(name_constraints(&[], &[dns_subtree("other.svc")]));
    } => PathError::NameConstraint { issuer, source: NameConstraintError::MalformedName { .. }, .. } if issuer.index == 2,
    a_common_name_that_reads_as_a_dns_name_outside_the_constraint: |chain| {
        chain.leaf.subject = name("web.other");
        chain.leaf.with(alternative_names(false, &hosts(&["spiffe://cluster.local/a"])));
        chain.intermediate.with(name_constraints(&[dns_subtree("shop.svc")], &[]));
    } => PathError::NameConstraint { certificate, source: NameConstraintError::NotPermitted { name }, .. }
        if certificate.index == 0 && name == "web.other",
    a_base_with_a_trailing_dot: |chain| chain.intermediate.with(name_constraints(&[dns_subtree("svc.")], &[]))
        => PathError::NameConstraint { source: NameConstraintError::DnsSubtree { .. }, .. },
    a_base_with_an_empty_label: |chain| chain.intermediate.with(name_constraints(&[dns_subtree("a..svc")], &[]))
        => PathError::NameConstraint { source: NameConstraintError::DnsSubtree { .. }, .. },
    a_base_with_an_over_long_label: |chain| {
        chain.intermediate.with(name_constraints(&[dns_subtree(&"a".repeat(64))], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::DnsSubtree { .. }, .. },
    an_address_outside_the_permitted_network: |chain| {
        chain.intermediate.with(name_constraints(&[ip_subtree(&[10, 9, 0, 0, 255, 255, 0, 0])], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::NotPermitted { name }, .. } if name == "10.1.2.3",
    an_address_in_an_excluded_network: |chain| {
        chain.intermediate.with(name_constraints(&[], &[ip_subtree(&[10, 0, 0, 0, 255, 0, 0, 0])]));
    } => PathError::NameConstraint { source: NameConstraintError::Excluded { .. }, .. },
    an_address_of_another_family: |chain| {
        chain.intermediate.with(name_constraints(&[ip_subtree(&[0; 32])], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::NotPermitted { .. }, .. },
    a_mask_with_a_hole: |chain| {
        chain.intermediate.with(name_constraints(&[ip_subtree(&[10, 0, 0, 0, 255, 0, 255, 0])], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::IpSubtree, .. },
    a_network_of_another_length: |chain| chain.intermediate.with(name_constraints(&[ip_subtree(&[10, 0, 0, 0])], &[]))
        => PathError::NameConstraint { source: NameConstraintError::IpSubtree, .. },
    a_dns_subtree_with_a_wildcard: |chain| chain.intermediate.with(name_constraints(&[dns_subtree("*.svc")], &[]))
        => PathError::NameConstraint { source: NameConstraintError::DnsSubtree { .. }, .. },
    constraints_on_other_names: |chain| {
        let directory = GeneralName::DirectoryName(name("x").as_name().clone());
        chain.intermediate.with(name_constraints(&[directory], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::Type, .. },
    more_comparisons_than_any_peer_makes: |chain| {
        let names = vec![meshroot_pki::Host::Dns("a.shop.svc".to_owned()); 501];
        chain.leaf.with(alternative_names(true, &names));
        chain.intermediate.with(name_constraints(&vec![dns_subtree("shop.svc"); 500], &[]));
    } => PathError::NameConstraint { source: NameConstraintError::TooMany, .. },
    constraints_without_subtree: |chain| chain.intermediate.with(name_constraints(&[], &[]))
        => PathError::NameConstraint { source: NameConstraintError::Empty, .. },

    policy_constraints_that_are_not_critical: |chain| {
        // requireExplicitPolicy: 0
        chain.intermediate.with(extension("2.5.29.36", false, vec![0x30, 0x03, 0x80, 0x01, 0x00]));
    } => PathError::PolicyRestriction { certificate, extension } if certificate.index == 1 && extension == "2.5.29.36",
    an_inhibited_any_policy_that_is_not_critical: |chain| {
        chain.root.with(extension("2.5.29.54", false, vec![0x02, 0x01, 0x00]));
    } => PathError::PolicyRestriction { certificate, .. } if certificate.index == 2,
    a_leaf_named_by_a_uri_with_a_bad_escape: |chain| {
        chain.leaf.with(names(&[GeneralName::UniformResourceIdentifier(ia5("spiffe://a/%zz"))]));
    } => PathError::Uri { certificate, uri } if certificate.index == 0 && uri == "spiffe://a/%zz",
    a_leaf_named_by_a_trust_domain_with_a_trailing_dot: |chain| {
        chain.leaf.with(names(&[GeneralName::UniformResourceIdentifier(ia5("spiffe://a./b"))]));
    } => PathError::Uri { .. },
    an_at_sign_in_a_printable_string: |chain| chain.leaf.subject = common_name(0x13, b"a@b")
        => PathError::NameString { certificate, field: "subject" } if certificate.index == 0,
    broken_utf8_in_a_name: |chain| {
        let broken = common_name(0x0c, &[0xff, 0xfe]);
        chain.root.subject = broken.clone();
        chain.root.issuer = broken.clone();
        chain.intermediate.issuer = broken;
    } => PathError::NameString { certificate, field: "issuer" } if certificate.index == 1,
    an_rdn_without_attributes: |chain| {
        chain.leaf.subject = DistinguishedName::from_der(&[0x30, 0x02, 0x31, 0x00]).unwrap();
    } => PathError::NameString { .. },
    an_intermediate_with_the_name_of_its_root: |chain| {
        chain.intermediate.subject = name("root");
        chain.leaf.issuer = name("root");
        for template in [&mut chain.root, &mut chain.intermediate, &mut chain.leaf] {
            template.without("2.5.29.14");
            template.without("2.5.29.35");
        }
    } => PathError::AmbiguousIssuer { .. } | PathError::LooksSelfSigned { .. } | PathError::Signature { .. },
    a_leaf_without_subject_under_an_issuer_without_subject: |chain| {
        chain.intermediate.subject = DistinguishedName::empty();
        chain.intermediate.extensions.push(extension("2.5.29.17", true, vec![0x30, 0x02, 0x82, 0x00]));
        chain.leaf.issuer = DistinguishedName::empty();
    } => PathError::LooksSelfSigned { certificate } if certificate.index == 0,
    an_anchor_that_names_another_key_as_its_signer: |chain| chain.root.with(authority_key_identifier(&[7; 20]))
        => PathError::AnchorKeyIdentifier { certificate } if certificate.index == 2,
    another_issuer_of_the_issuer: |chain| {
        let named = AuthorityKeyIdentifier {
            authority_cert_issuer: Some(vec![GeneralName::DirectoryName(name("stranger").as_name().clone())]),
            ..AuthorityKeyIdentifier::default()
        };
        chain.leaf.with(extension("2.5.29.35", false, named.to_der().unwrap()));
    } => PathError::KeyIdentifierMismatch { certificate, .. } if certificate.index == 0,

    more_intermediates_than_allowed: |chain| chain.options.max_depth = 0 => PathError::TooDeep { most: 0 },
}

#[test]
fn names_within_every_constraint_are_accepted() {
    let mut chain = Chain::new();
    let networks = [ip_subtree(&[10, 1, 0, 0, 255, 255, 0, 0]), ip_subtree(&[0; 32])];
    let permitted = [&networks[..], &[dns_subtree(".svc"), dns_subtree("other.example")]].concat();
    let excluded = [dns_subtree("pay.shop.svc"), ip_subtree(&[10, 1, 2, 4, 255, 255, 255, 255])];
    chain.intermediate.with(name_constraints(&permitted, &excluded));
    chain.root.with(name_constraints(
        &[dns_subtree("")],
        &[ip_subtree(&[192, 168, 0, 0, 255, 255, 0, 0])],
    ));
    chain.build().unwrap();
}

#[test]
fn a_leaf_whose_bits_were_changed_is_refused() {
    let [leaf, intermediate, root] = Chain::new().certificates();
    let mut der = leaf.der().to_vec();
    let serial = der.windows(3).position(|bytes| bytes == [0x02, 0x01, 0x2a]).unwrap();
    der[serial + 2] ^= 1;
    let leaf = meshroot_pki::Certificate::from_der(&der).unwrap();
    let error = build_path(&leaf, &[intermediate], &[root], &Chain::new().options).unwrap_err();
    assert!(
        matches!(&error, PathError::Signature { certificate, source: KeyError::SignatureInvalid { .. }, .. } if certificate.index == 0),
        "{error:?}"
    );
}

#[test]
fn a_chain_without_its_intermediate_is_refused() {
    let [leaf, _, root] = Chain::new().certificates();
    // The root in the place of the intermediate, as a wrong cert-chain.pem has it.
    let error = build_path(
        &leaf,
        std::slice::from_ref(&root),
        std::slice::from_ref(&root),
        &Chain::new().options,
    );
    assert!(
        matches!(&error, Err(PathError::UnknownAuthority { certificate, issuer })
            if certificate.index == 0 && issuer.contains("intermediate")),
        "{error:?}"
    );
}

#[test]
fn without_anchors_there_is_no_path() {
    let [leaf, intermediate, _] = Chain::new().certificates();
    let error = build_path(&leaf, &[intermediate], &[], &Chain::new().options).unwrap_err();
    assert!(
        matches!(&error, PathError::UnknownAuthority { certificate, .. } if certificate.index == 1),
        "{error:?}"
    );
}

#[test]
fn a_leaf_that_is_an_authority_counts_towards_the_path_length() {
    let mut chain = Chain::new();
    chain.leaf = Template::new(&name("intermediate"), &name("below"), leaf_key());
    chain.leaf.extensions = vec![basic_constraints(true, None)];
    let error = chain.build().unwrap_err();
    assert!(
        matches!(&error, PathError::PathLenExceeded { certificate, allowed: 0, found: 1 } if certificate.index == 1),
        "{error:?}"
    );
}

#[test]
fn a_self_issued_intermediate_counts_towards_the_path_length() {
    // Go and rustls-webpki count it, RFC 5280 and OpenSSL do not.
    let mut chain = Chain::new();
    chain.intermediate.subject = name("root");
    chain.leaf.issuer = name("root");
    chain.root.with(basic_constraints(true, Some(0)));
    let error = chain.build().unwrap_err();
    assert!(matches!(&error, PathError::PathLenExceeded { found: 1, .. }), "{error:?}");
    chain.root.with(basic_constraints(true, Some(1)));
    chain.build().unwrap();
    let signer = root_key().public_key();
    chain.intermediate.sign(root_key()).verify_signed_by(signer).unwrap();
}
