use der::Tag;
use der::asn1::Any;
use meshroot_pki::{KeyError, KeyKind, PemError, PrivateKey, PublicKey};
use rstest::rstest;

use crate::support::{Template, openssl, root_key};

#[rstest]
#[case(KeyKind::Rsa2048)]
#[case(KeyKind::Rsa3072)]
#[case(KeyKind::EcdsaP256)]
#[case(KeyKind::EcdsaP384)]
#[case(KeyKind::Ed25519)]
fn a_generated_key_signs_and_survives_pem(#[case] kind: KeyKind) {
    let key = PrivateKey::generate(kind).unwrap();
    let pem = key.to_pkcs8_pem();
    let again = PrivateKey::from_pem(pem.as_bytes()).unwrap();

    assert_eq!(again.public_key(), key.public_key());
    assert_eq!(again.to_pkcs8_pem(), pem);
    assert_eq!(again.public_key().kind(), Some(kind));
    assert_eq!(again.public_key().kind_name(), kind.to_string());
    again.public_key().check_strength().unwrap();
    let signature = again.sign(b"message").unwrap();
    key.public_key().verify(&key.signature_algorithm(), b"message", &signature).unwrap();
    let refused = key.public_key().verify(&key.signature_algorithm(), b"massage", &signature);
    assert!(matches!(refused, Err(KeyError::SignatureInvalid { .. })));
}

#[test]
fn a_4096_bit_key_is_generated() {
    let key = PrivateKey::generate(KeyKind::Rsa4096).unwrap();
    assert_eq!(key.public_key().kind(), Some(KeyKind::Rsa4096));
}

#[rstest]
#[case(KeyKind::Rsa2048)]
#[case(KeyKind::EcdsaP256)]
#[case(KeyKind::EcdsaP384)]
#[case(KeyKind::Ed25519)]
fn openssl_reads_our_keys_and_finds_the_same_public_key(#[case] kind: KeyKind) {
    let key = PrivateKey::generate(kind).unwrap();
    let public =
        openssl(&["pkey", "-pubout", "-outform", "DER"], key.to_pkcs8_pem().as_bytes()).unwrap();
    assert_eq!(public, key.public_key().spki_der());
}

#[rstest]
#[case(&["genrsa", "-traditional", "2048"], "RSA PRIVATE KEY", "RSA-2048")]
#[case(&["genrsa", "2048"], "PRIVATE KEY", "RSA-2048")]
#[case(&["genrsa", "2560"], "PRIVATE KEY", "RSA-2560")]
#[case(&["ecparam", "-name", "prime256v1", "-genkey", "-noout"], "EC PRIVATE KEY", "ECDSA-P256")]
#[case(&["ecparam", "-name", "secp384r1", "-genkey", "-noout"], "EC PRIVATE KEY", "ECDSA-P384")]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "PRIVATE KEY", "ECDSA-P256")]
#[case(&["genpkey", "-algorithm", "ED25519"], "PRIVATE KEY", "Ed25519")]
fn keys_of_every_common_form_are_read(
    #[case] command: &[&str],
    #[case] label: &str,
    #[case] kind: &str,
) {
    let pem = openssl(command, b"").unwrap();
    assert!(pem.starts_with(format!("-----BEGIN {label}-----").as_bytes()));
    let key = PrivateKey::from_pem(&pem).unwrap();
    assert_eq!(key.public_key().kind_name(), kind);
    let public = openssl(&["pkey", "-pubout", "-outform", "DER"], &pem).unwrap();
    assert_eq!(key.public_key().spki_der(), public);
    assert!(key.to_pkcs8_pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

#[test]
fn a_key_file_with_windows_line_ends_and_blank_lines_is_read() {
    let pem = root_key().to_pkcs8_pem().replace('\n', "\r\n");
    PrivateKey::from_pem(format!("\r\n{pem}\r\n\r\n").as_bytes()).unwrap();
}

fn refused(pem: &[u8]) -> KeyError {
    PrivateKey::from_pem(pem).unwrap_err()
}

#[test]
fn a_certificate_where_a_key_belongs_is_named() {
    let certificate = Template::root().sign(root_key()).to_pem();
    assert_eq!(refused(certificate.as_bytes()), KeyError::CertificateFound);
}

#[test]
fn another_block_where_a_key_belongs_is_named() {
    let public = openssl(&["pkey", "-pubout"], root_key().to_pkcs8_pem().as_bytes()).unwrap();
    assert_eq!(refused(&public), KeyError::WrongBlock { label: "PUBLIC KEY".to_owned() });
}

#[test]
fn several_keys_in_one_file_are_refused() {
    let pem = root_key().to_pkcs8_pem().repeat(2);
    assert_eq!(refused(pem.as_bytes()), KeyError::SeveralBlocks { count: 2 });
}

#[test]
fn a_block_of_curve_parameters_is_refused() {
    let pem = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], b"").unwrap();
    assert_eq!(refused(&pem), KeyError::EcParameters);
    let alone = openssl(&["ecparam", "-name", "prime256v1"], b"").unwrap();
    assert_eq!(refused(&alone), KeyError::EcParameters);
}

#[rstest]
#[case(&["genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:secret"])]
#[case(&["genrsa", "-traditional", "-aes128", "-passout", "pass:secret", "2048"])]
fn an_encrypted_key_is_refused(#[case] command: &[&str]) {
    assert_eq!(refused(&openssl(command, b"").unwrap()), KeyError::Encrypted);
}

#[test]
fn text_around_a_key_is_refused() {
    let pem = format!("{}and more\n", root_key().to_pkcs8_pem().as_str());
    let line = pem.lines().count();
    assert_eq!(refused(pem.as_bytes()), KeyError::Pem(PemError::Text { line }));
}

#[test]
fn an_empty_file_is_refused() {
    assert_eq!(refused(b"\n"), KeyError::Pem(PemError::Empty));
}

#[test]
fn bytes_after_the_key_in_its_block_are_refused() {
    let der = openssl(&["pkey", "-outform", "DER"], root_key().to_pkcs8_pem().as_bytes()).unwrap();
    let pem =
        der::pem::encode_string("PRIVATE KEY", der::pem::LineEnding::LF, &[der, vec![0]].concat())
            .unwrap();
    assert!(matches!(refused(pem.as_bytes()), KeyError::Frame(_)));
}

#[test]
fn a_damaged_key_is_refused() {
    let mut der = openssl(&["genrsa", "-traditional", "2048"], b"")
        .and_then(|pem| openssl(&["rsa", "-traditional", "-outform", "DER"], &pem))
        .unwrap();
    // In the private exponent: version (7 octets with the frame), modulus, public exponent come before.
    der[7 + 261 + 5 + 40] ^= 1;
    let pem = der::pem::encode_string("RSA PRIVATE KEY", der::pem::LineEnding::LF, &der).unwrap();
    assert_eq!(refused(pem.as_bytes()), KeyError::Inconsistent { kind: "RSA-2048".to_owned() });
}

#[rstest]
#[case(&["genrsa", "1024"], KeyError::RsaModulusTooShort { bits: 1024 })]
#[case(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
       KeyError::RsaExponent { exponent: "3".to_owned() })]
#[case(&["ecparam", "-name", "secp521r1", "-genkey", "-noout"], KeyError::KindRefused { kind: "ECDSA-P521".to_owned() })]
#[case(&["genpkey", "-algorithm", "ED448"], KeyError::KindRefused { kind: "Ed448".to_owned() })]
#[case(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
       KeyError::KindRefused { kind: "ECDSA-secp256k1".to_owned() })]
fn a_weak_private_key_is_refused_by_name(#[case] command: &[&str], #[case] expected: KeyError) {
    assert_eq!(refused(&openssl(command, b"").unwrap()), expected);
}

#[test]
fn debug_output_shows_the_kind_and_no_key_material() {
    assert_eq!(format!("{:?}", root_key()), "PrivateKey(ECDSA-P256)");
    let public = root_key().public_key();
    assert_eq!(format!("{public:?}"), format!("PublicKey(ECDSA-P256 {})", public.fingerprint()));
}

#[test]
fn kinds_are_read_as_they_are_written() {
    for kind in KeyKind::ALL {
        assert_eq!(kind.to_string().parse::<KeyKind>().unwrap(), kind);
    }
    assert!(matches!("rsa-2048".parse::<KeyKind>(), Err(KeyError::UnknownKind { .. })));
}

#[test]
fn the_key_identifier_is_the_cut_digest_of_the_key_bits() {
    let public = root_key().public_key();
    // The 65 octets of the point end the SubjectPublicKeyInfo of a P-256 key.
    let point = &public.spki_der()[public.spki_der().len() - 65..];
    let digest = openssl(&["dgst", "-sha256", "-binary"], point).unwrap();
    assert_eq!(public.key_identifier()[..], digest[..20]);
}

#[test]
fn a_public_key_with_trailing_bytes_is_refused() {
    let der = [root_key().public_key().spki_der(), &[0]].concat();
    assert!(matches!(PublicKey::from_spki_der(&der), Err(KeyError::Frame(_))));
}

#[test]
fn a_signature_algorithm_of_another_kind_of_key_is_refused() {
    let rsa = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let refused = root_key().public_key().verify(&rsa.signature_algorithm(), b"", b"");
    assert!(matches!(refused, Err(KeyError::SignatureKey { .. })));
}

#[test]
fn the_null_of_rsa_parameters_may_be_left_out_of_a_signature_and_be_nothing_else() {
    let rsa = PrivateKey::generate(KeyKind::Rsa2048).unwrap();
    let mut algorithm = rsa.signature_algorithm();
    algorithm.parameters = None;
    let signature = rsa.sign(b"").unwrap();
    rsa.public_key().verify(&algorithm, b"", &signature).unwrap();
    algorithm.parameters = Some(Any::new(Tag::Integer, vec![1]).unwrap());
    let refused = rsa.public_key().verify(&algorithm, b"", &signature);
    assert!(matches!(refused, Err(KeyError::SignatureParameters { .. })));
}
