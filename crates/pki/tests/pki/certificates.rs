use der::asn1::Any;
use der::{Encode, Tag};
use jiff::Timestamp;
use meshroot_pki::{
    Certificate, CertificateError, DerForm, DistinguishedName, Fingerprint, GeneralNameError,
    KeyError, KeyKind, PemError, PrivateKey, TlvError, parse_bundle, to_bundle,
};
use x509_cert::ext::pkix::name::GeneralName;

use crate::support::{
    DAY, NOW, SERVER_AUTH, Template, basic_constraints, extension, hosts, ia5, intermediate_key,
    leaf_key, name, openssl, root_key, sequence,
};

fn refused(der: &[u8]) -> CertificateError {
    Certificate::from_der(der).unwrap_err()
}

#[test]
fn every_field_can_be_read() {
    let root = Template::root().sign(root_key());
    let intermediate = Template::intermediate().sign(root_key());
    assert_eq!(intermediate.subject(), &name("intermediate"));
    assert_eq!(intermediate.issuer(), &name("root"));
    assert_eq!(intermediate.serial().to_string(), "2a");
    assert_eq!(intermediate.not_before(), Timestamp::from_second(NOW - DAY).unwrap());
    assert_eq!(intermediate.not_after(), Timestamp::from_second(NOW + DAY).unwrap());
    assert_eq!(intermediate.public_key(), intermediate_key().public_key());
    assert!(intermediate.is_ca() && !intermediate.is_self_issued() && root.is_self_issued());
    assert_eq!((root.path_len(), intermediate.path_len()), (None, Some(0)));
    assert!(intermediate.key_usage().unwrap().key_cert_sign());
    assert_eq!(intermediate.extended_key_usage(), None);
    assert_eq!(intermediate.authority_key_identifier(), root.subject_key_identifier());
    assert_eq!(intermediate.fingerprint(), Fingerprint::of(intermediate.der()));
    assert_eq!(intermediate.signature_algorithm(), &root_key().signature_algorithm());
    intermediate.verify_signed_by(root_key().public_key()).unwrap();
    intermediate.verify_signed_by(intermediate_key().public_key()).unwrap_err();
    let leaf = Template::leaf().sign(intermediate_key());
    assert!(!leaf.is_ca() && leaf.subject().is_empty());
    assert_eq!(
        leaf.hosts(),
        hosts(&["spiffe://cluster.local/ns/shop/sa/web", "web.shop.svc", "10.1.2.3"])
    );
    assert_eq!(leaf.extended_key_usage().unwrap()[0].to_string(), SERVER_AUTH);
}

#[test]
fn the_signed_part_is_the_exact_slice() {
    let certificate = Template::intermediate().sign(root_key());
    let header = 4; // SEQUENCE with a length of two octets
    assert_eq!(
        certificate.der()[header..header + certificate.tbs_der().len()],
        *certificate.tbs_der()
    );
    assert_eq!(certificate.tbs().to_der().unwrap(), certificate.tbs_der());
}

#[test]
fn openssl_reads_what_the_builder_makes() {
    let pem = Template::intermediate().sign(root_key()).to_pem();
    let text = openssl(&["x509", "-noout", "-subject", "-serial"], pem.as_bytes()).unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "subject=O = Example, OU = shop, CN = intermediate\nserial=2A\n"
    );
}

#[test]
fn the_original_intermediate_without_subject_is_read() {
    let mut template = Template::intermediate();
    template.subject = DistinguishedName::empty();
    template.extensions.push(extension("2.5.29.17", true, vec![0x30, 0x02, 0x82, 0x00]));
    let certificate = template.sign(root_key());
    assert!(certificate.subject().is_empty());
    assert!(certificate.hosts().is_empty());
}

#[test]
fn hosts_of_other_types_are_left_out_and_wildcards_kept() {
    let names = vec![
        GeneralName::Rfc822Name(ia5("a@b.example")),
        GeneralName::DirectoryName(name("x").as_name().clone()),
        GeneralName::DnsName(ia5("*.A.example")),
    ];
    let mut template = Template::leaf();
    template.with(extension("2.5.29.17", false, names.to_der().unwrap()));
    let found = template.sign(intermediate_key()).hosts();
    assert_eq!(found, [meshroot_pki::Host::Dns("*.a.example".to_owned())]);
}

#[test]
fn a_certificate_that_never_ends_is_read() {
    let mut template = Template::root();
    template.not_after = 253_402_300_799; // 9999-12-31T23:59:59Z
    assert_eq!(template.sign(root_key()).not_after(), Timestamp::MAX);
}

#[test]
fn zero_is_a_serial_number_that_can_be_shown() {
    let certificate = Template { serial: vec![0], ..Template::root() }.sign(root_key());
    assert!(certificate.serial().is_zero());
    assert_eq!(certificate.serial().to_string(), "00");
}

#[test]
fn a_multi_valued_name_out_of_order_is_compared_as_it_was_written() {
    let attribute = |oid: u8, text: &[u8]| {
        let value = Any::new(Tag::PrintableString, text).unwrap().to_der().unwrap();
        sequence(&[vec![0x06, 0x03, 0x55, 0x04, oid], value])
    };
    let set = |parts: [Vec<u8>; 2]| {
        let set = Any::new(Tag::Set, parts.concat()).unwrap().to_der().unwrap();
        DistinguishedName::from_der(&sequence(&[set])).unwrap()
    };
    let (b, a) = (attribute(10, b"b"), attribute(3, b"a"));
    let (unsorted, sorted) = (set([b.clone(), a.clone()]), set([a, b]));
    assert_ne!(unsorted, sorted);
    let certificate =
        Template { issuer: unsorted.clone(), ..Template::intermediate() }.sign(root_key());
    assert_eq!(certificate.issuer(), &unsorted);
    certificate.verify_signed_by(root_key().public_key()).unwrap();
}

#[test]
fn trailing_bytes_are_refused() {
    let der = [Template::root().sign_der(root_key()), vec![0x00]].concat();
    assert_eq!(refused(&der), CertificateError::Frame(TlvError::Trailing { count: 1 }));
}

#[test]
fn something_else_is_refused() {
    let form = DerForm::PublicKey;
    let public_key = root_key().public_key().spki_der();
    assert_eq!(refused(public_key), CertificateError::AnotherForm { form });
    assert_eq!(refused(&[0x30, 0x00]), CertificateError::Malformed);
}

#[test]
fn a_serial_number_that_is_too_long_is_named() {
    let der = Template { serial: vec![1; 22], ..Template::root() }.sign_der(root_key());
    assert_eq!(refused(&der), CertificateError::SerialTooLong { octets: 22 });
}

#[test]
fn a_time_before_1970_is_named() {
    let mut der = Template::root().sign_der(root_key());
    // The first UTCTime is notBefore; its first two digits are the year.
    let time = der.windows(2).position(|two| two == [0x17, 0x0d]).unwrap() + 2;
    der[time..time + 2].copy_from_slice(b"65");
    let said = refused(&der).to_string();
    assert!(said.contains("has 65") && said.contains("before 1970"), "{said}");
}

#[test]
fn a_negative_serial_number_is_refused() {
    let der = Template { serial: vec![0x80], ..Template::root() }.sign_der(root_key());
    assert_eq!(refused(&der), CertificateError::NegativeSerial);
}

#[test]
fn two_signature_algorithms_are_refused() {
    let inner = intermediate_key().signature_algorithm();
    let der = Template { inner_algorithm: Some(inner), ..Template::root() }.sign_der(root_key());
    let expected = CertificateError::AlgorithmMismatch {
        inner: "1.2.840.10045.4.3.3".to_owned(),
        outer: "1.2.840.10045.4.3.2".to_owned(),
    };
    assert_eq!(refused(&der), expected);
}

#[test]
fn an_extension_that_appears_twice_is_refused() {
    let mut template = Template::root();
    template.extensions.push(basic_constraints(true, None));
    let expected = CertificateError::DuplicateExtension { extension: "2.5.29.19".to_owned() };
    assert_eq!(refused(&template.sign_der(root_key())), expected);
}

#[test]
fn a_broken_extension_is_named() {
    let mut template = Template::root();
    template.with(extension("2.5.29.15", true, vec![0x30, 0x00]));
    assert_eq!(
        refused(&template.sign_der(root_key())),
        CertificateError::Extension { extension: "keyUsage" }
    );
    let mut template = Template::root();
    template.with(extension("2.5.29.19", true, vec![0x30, 0x00, 0x00]));
    assert_eq!(
        refused(&template.sign_der(root_key())),
        CertificateError::Extension { extension: "basicConstraints" }
    );
}

/// Each is refused by Go, some by OpenSSL or rustls-webpki too, critical or not.
#[test]
fn extensions_that_say_nothing_to_us_must_be_well_formed_all_the_same() {
    let policy =
        |oid: &[u8]| sequence(&[[&[0x06, u8::try_from(oid.len()).unwrap()], oid].concat()]);
    let any_policy = policy(&[0x55, 0x1d, 0x20, 0x00]);
    let cases: [(&str, &str, Vec<u8>); 9] = [
        ("authorityInfoAccess", "1.3.6.1.5.5.7.1.1", vec![0x30, 0x02, 0x05, 0x00]),
        ("cRLDistributionPoints", "2.5.29.31", vec![0x05, 0x00]),
        ("policyMappings", "2.5.29.33", vec![0x30, 0x02, 0x05, 0x00]),
        ("netscape-cert-type", "2.16.840.1.113730.1.1", vec![0x05, 0x00]),
        ("certificatePolicies", "2.5.29.32", sequence(&[])),
        ("certificatePolicies", "2.5.29.32", sequence(&[any_policy.clone(), any_policy])),
        ("signed certificate timestamps", "1.3.6.1.4.1.11129.2.4.2", vec![0x04, 0x02, 0x00, 0x00]),
        ("keyUsage", "2.5.29.15", vec![0x03, 0x01, 0x00]),
        ("keyUsage", "2.5.29.15", vec![0x03, 0x02, 0x07, 0x81]),
    ];
    for (name, oid, value) in cases {
        let mut template = Template::intermediate();
        template.with(extension(oid, false, value.clone()));
        let error = refused(&template.sign_der(root_key()));
        assert_eq!(error, CertificateError::Extension { extension: name }, "{value:02x?}");
    }
}

#[test]
fn well_formed_extensions_that_say_nothing_to_us_are_read_over() {
    let policy = sequence(&[vec![0x06, 0x04, 0x55, 0x1d, 0x20, 0x00]]);
    let timestamps = vec![0x04, 0x05, 0x00, 0x03, 0x00, 0x01, 0x2a];
    let mut template = Template::intermediate();
    template.with(extension("2.5.29.32", false, sequence(&[policy])));
    template.with(extension("1.3.6.1.4.1.11129.2.4.2", false, timestamps));
    template.with(extension("2.16.840.1.113730.1.1", false, vec![0x03, 0x02, 0x02, 0x04]));
    template.sign(root_key());
}

#[test]
fn alternative_names_of_every_type_must_be_encoded_as_their_type_is() {
    let malformed = CertificateError::SubjectAltName(GeneralNameError::Malformed);
    for name in [
        vec![0x80, 0x01, 0x00],       // otherName, primitive
        vec![0xa0, 0x02, 0x05, 0x00], // otherName without type
        vec![0xa1, 0x02, 0x05, 0x00], // rfc822Name, constructed
        vec![0x84, 0x02, 0x30, 0x00], // directoryName, primitive
        vec![0xa4, 0x02, 0x05, 0x00], // directoryName that is no Name
        vec![0x88, 0x01, 0x80],       // registeredID that is cut off
    ] {
        let mut template = Template::leaf();
        template.with(extension("2.5.29.17", true, sequence(std::slice::from_ref(&name))));
        assert_eq!(refused(&template.sign_der(intermediate_key())), malformed, "{name:02x?}");
    }
}

#[test]
fn broken_names_are_refused() {
    let mut template = Template::leaf();
    template.with(extension("2.5.29.17", false, vec![0x30, 0x00]));
    let expected = CertificateError::SubjectAltName(GeneralNameError::Empty);
    assert_eq!(refused(&template.sign_der(root_key())), expected);
}

#[test]
fn a_broken_key_is_refused() {
    let mut spki = root_key().public_key().spki_der().to_vec();
    *spki.last_mut().unwrap() ^= 1;
    let der = Template { spki, ..Template::root() }.sign_der(root_key());
    assert!(matches!(refused(&der), CertificateError::Key(KeyError::Point { .. })));
}

#[test]
fn exactly_one_certificate_is_read_from_pem() {
    let pem = Template::root().sign(root_key()).to_pem();
    Certificate::from_pem(pem.as_bytes()).unwrap();
    let two = Certificate::from_pem(pem.repeat(2).as_bytes());
    assert_eq!(two, Err(CertificateError::SeveralBlocks { count: 2 }));
}

#[test]
fn a_private_key_where_a_certificate_belongs_is_named() {
    let key = leaf_key().to_pkcs8_pem();
    assert_eq!(Certificate::from_pem(key.as_bytes()), Err(CertificateError::PrivateKeyFound));
}

fn bundle() -> Vec<Certificate> {
    vec![Template::intermediate().sign(root_key()), Template::root().sign(root_key())]
}

#[test]
fn a_bundle_survives_pem_and_ends_in_one_line_feed() {
    let bundle = bundle();
    let pem = to_bundle(&bundle);
    assert_eq!(parse_bundle(pem.as_bytes()).unwrap(), bundle);
    assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    assert!(!pem.contains("\n\n"));
}

#[test]
fn blank_lines_in_a_bundle_are_no_harm() {
    let bundle = bundle();
    let pem = to_bundle(&bundle).replace("-----BEGIN", "\n-----BEGIN");
    assert_eq!(parse_bundle(pem.as_bytes()).unwrap(), bundle);
}

#[test]
fn an_empty_bundle_is_refused() {
    assert_eq!(parse_bundle(b""), Err(CertificateError::Pem(PemError::Empty)));
    assert_eq!(to_bundle(&[]), "");
}

#[test]
fn a_private_key_in_a_bundle_is_named_with_its_place() {
    let pem = to_bundle(&bundle()) + &leaf_key().to_pkcs8_pem();
    let source = Box::new(CertificateError::PrivateKeyFound);
    assert_eq!(
        parse_bundle(pem.as_bytes()),
        Err(CertificateError::InBundle { position: 3, source })
    );
}

#[test]
fn another_block_in_a_bundle_is_named() {
    let pem = to_bundle(&bundle()).replacen("CERTIFICATE", "X509 CRL", 2);
    let source = Box::new(CertificateError::WrongBlock { label: "X509 CRL".to_owned() });
    assert_eq!(
        parse_bundle(pem.as_bytes()),
        Err(CertificateError::InBundle { position: 1, source })
    );
}

#[test]
fn comments_as_openssl_writes_them_are_refused() {
    let pem = bundle()
        .iter()
        .fold(String::new(), |pem, certificate| pem + "subject=CN = x\n" + &certificate.to_pem());
    assert_eq!(
        parse_bundle(pem.as_bytes()),
        Err(CertificateError::Pem(PemError::Text { line: 1 }))
    );
}

#[test]
fn junk_between_certificates_is_refused_with_its_line() {
    let [first, second] = &bundle()[..] else { unreachable!() };
    let pem = format!("{}junk\n{}", first.to_pem(), second.to_pem());
    let line = first.to_pem().lines().count() + 1;
    assert_eq!(parse_bundle(pem.as_bytes()), Err(CertificateError::Pem(PemError::Text { line })));
}

#[test]
fn a_bundle_that_is_cut_off_is_refused() {
    let pem = to_bundle(&bundle());
    let cut = pem.trim_end().strip_suffix("-----END CERTIFICATE-----").unwrap();
    let refused = parse_bundle(cut.as_bytes());
    assert!(
        matches!(refused, Err(CertificateError::Pem(PemError::Unfinished { .. }))),
        "{refused:?}"
    );
}

#[test]
fn base64_that_is_none_is_refused() {
    let pem = "-----BEGIN CERTIFICATE-----\nMII!\n-----END CERTIFICATE-----\n";
    let label = "CERTIFICATE".to_owned();
    assert_eq!(
        parse_bundle(pem.as_bytes()),
        Err(CertificateError::Pem(PemError::Base64 { label, line: 1 }))
    );
}

#[test]
fn certificates_of_every_kind_of_key_verify() {
    for kind in [KeyKind::Rsa2048, KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519] {
        let key = PrivateKey::generate(kind).unwrap();
        let template = Template { spki: key.public_key().spki_der().to_vec(), ..Template::root() };
        template.sign(&key).verify_signed_by(key.public_key()).unwrap();
    }
}
