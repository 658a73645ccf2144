//! Files of people: text around blocks, blanks, other encodings, other structures.

use meshroot_pki::{
    Certificate, CertificateError, CertificateRequest, DerForm, DistinguishedName, Item, PemError,
    PemFile, RequestError, TextForm, read_certificates,
};
use rstest::rstest;

use crate::support::{Template, hosts, intermediate_key, openssl, root_key};

fn root() -> Certificate {
    Template::root().sign(root_key())
}

fn request() -> CertificateRequest {
    let names = hosts(&["spiffe://cluster.local/ns/a/sa/b"]);
    CertificateRequest::create(intermediate_key(), &DistinguishedName::empty(), &names).unwrap()
}

#[rstest]
#[case::as_openssl_prints_text(|pem: &str| format!("Certificate:\n    Data:\n{pem}\nsubject=x\n").into_bytes())]
#[case::blanks_after_the_boundaries(|pem: &str| pem.replace("-----\n", "----- \t\n").into_bytes())]
#[case::carriage_returns_and_line_feeds(|pem: &str| pem.replace('\n', "\r\n").into_bytes())]
#[case::carriage_returns_alone(|pem: &str| pem.replace('\n', "\r").into_bytes())]
#[case::without_a_last_line_feed(|pem: &str| pem.trim_end().as_bytes().to_vec())]
#[case::a_byte_order_mark(|pem: &str| format!("\u{feff}{pem}").into_bytes())]
#[case::text_in_latin_1(|pem: &str| [b"Comodo Aut\xe9\n", pem.as_bytes()].concat())]
#[case::the_old_label_of_openssl(|pem: &str| pem.replace("CERTIFICATE", "X509 CERTIFICATE").into_bytes())]
#[case::blanks_within_the_base64(|pem: &str| pem.replace("\nM", "\n M").into_bytes())]
fn certificates_of_people_are_read_and_handed_on_clean(#[case] bend: fn(&str) -> Vec<u8>) {
    let root = root();
    let read = read_certificates(&bend(&root.to_pem())).unwrap();
    assert_eq!(read, std::slice::from_ref(&root));
    assert_eq!(read[0].to_pem(), root.to_pem());
}

#[test]
fn one_certificate_may_be_in_der() {
    let root = root();
    assert_eq!(read_certificates(root.der()).unwrap(), [root]);
}

#[test]
fn a_private_key_among_certificates_is_named_with_its_place() {
    let file = format!("{}{}", root().to_pem(), *root_key().to_pkcs8_pem());
    let error = read_certificates(file.as_bytes()).unwrap_err();
    let source = Box::new(CertificateError::PrivateKeyFound);
    assert_eq!(error, CertificateError::InBundle { position: 2, source });
}

fn refused(bytes: &[u8]) -> PemError {
    match read_certificates(bytes).unwrap_err() {
        CertificateError::Pem(error) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_without_blocks_is_told_by_its_form() {
    let pem = root().to_pem();
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(pem.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(refused(&utf16), PemError::Form(TextForm::Utf16));
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(refused(base64.as_bytes()), PemError::Form(TextForm::Base64));
    assert_eq!(refused(b"just words"), PemError::Empty);
}

#[test]
fn lost_line_breaks_and_indentation_are_told_and_nothing_is_quoted() {
    let key = root_key().to_pkcs8_pem();
    let secret = key.lines().nth(1).unwrap();
    for text in
        [key.replace('\n', " "), key.replace('\n', ""), key.replace("-----BEGIN", "  -----BEGIN")]
    {
        let error = refused(text.as_bytes());
        assert_eq!(error, PemError::Boundary { line: 1 });
        assert!(!error.to_string().contains(&secret[..16]), "{error}");
    }
}

#[test]
fn structures_of_other_kinds_are_named_with_the_command_that_converts_them() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("root.pem"), root().to_pem()).unwrap();
    std::fs::write(path("root.key"), root_key().to_pkcs8_pem().as_bytes()).unwrap();
    let (certificate, key) = (path("root.pem"), path("root.key"));
    let pkcs12 = ["pkcs12", "-export", "-in", &certificate, "-inkey", &key, "-passout", "pass:x"];
    let pkcs7 = ["crl2pkcs7", "-nocrl", "-certfile", &certificate, "-outform", "DER"];
    let encrypted = ["pkcs8", "-topk8", "-in", &key, "-outform", "DER", "-passout", "pass:x"];
    let public = ["pkey", "-in", &key, "-pubout", "-outform", "DER"];
    let cases: [(DerForm, &[&str], &str); 4] = [
        (DerForm::Pkcs12, &pkcs12, "openssl pkcs12 -in"),
        (DerForm::Pkcs7, &pkcs7, "openssl pkcs7 -inform DER"),
        (DerForm::EncryptedPrivateKey, &encrypted, "openssl pkey"),
        (DerForm::PublicKey, &public, "a public key was found"),
    ];
    for (form, command, said) in cases {
        let der = openssl(command, b"").unwrap();
        assert_eq!(DerForm::of(&der), Some(form));
        let error = Certificate::from_der(&der).unwrap_err();
        assert_eq!(error, CertificateError::AnotherForm { form });
        assert!(error.to_string().contains(said), "{error}");
        let error = CertificateRequest::parse(&der).unwrap_err();
        assert_eq!(error, RequestError::AnotherForm { form });
    }
}

#[test]
fn blocks_that_wrap_certificates_are_named_with_the_command_that_reads_the_same_file() {
    let certificate = root().to_pem();
    let trusted: &[&str] = &["x509", "-trustout", "-addtrust", "serverAuth"];
    let pkcs7: &[&str] = &["crl2pkcs7", "-nocrl", "-certfile", "/dev/stdin"];
    let cases = [
        (trusted, "TRUSTED CERTIFICATE", "openssl x509 -in FILE -out"),
        (pkcs7, "PKCS7", "openssl pkcs7 -in FILE -print_certs"),
    ];
    for (command, found, said) in cases {
        let pem = openssl(command, certificate.as_bytes()).unwrap();
        let error = Certificate::from_pem(&pem).unwrap_err().to_string();
        assert!(error.contains(found) && error.contains(said), "{error}");
        let file = PemFile::read(&pem);
        let [Item::Unreadable { label, why }] = file.items.as_slice() else { panic!("{file:?}") };
        assert_eq!((label.as_str(), why.contains(said)), (found, true), "{why}");
    }
}

#[test]
fn every_form_of_a_private_key_and_what_is_signed_are_told_apart() {
    let sec1 =
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-outform", "DER"], b"");
    let pkcs1 = openssl(&["genrsa", "-traditional", "2048"], b"").unwrap();
    let pkcs1 = openssl(&["rsa", "-traditional", "-outform", "DER"], &pkcs1).unwrap();
    let pkcs8 = openssl(&["genpkey", "-algorithm", "ED25519", "-outform", "DER"], b"").unwrap();
    for key in [sec1.unwrap(), pkcs1, pkcs8] {
        assert_eq!(DerForm::of(&key), Some(DerForm::PrivateKey));
        assert_eq!(Certificate::from_der(&key).unwrap_err(), CertificateError::PrivateKeyFound);
        assert_eq!(CertificateRequest::parse(&key).unwrap_err(), RequestError::PrivateKeyFound);
    }
    assert_eq!(DerForm::of(root().der()), Some(DerForm::Certificate));
    assert_eq!(DerForm::of(request().der()), Some(DerForm::Request));
    assert_eq!(DerForm::of(&[0x30, 0x00]), None);
    assert_eq!(DerForm::of(b"text"), None);
}

#[test]
fn a_request_may_have_text_around_it() {
    let request = request();
    for text in [
        format!("Certificate Request:\n    Data:\n{}", request.to_pem()),
        format!("{}trailing words\n", request.to_pem()),
    ] {
        assert_eq!(CertificateRequest::parse(text.as_bytes()).unwrap(), request);
    }
}

#[test]
fn a_private_key_beside_a_request_is_told() {
    let file = format!("{}{}", request().to_pem(), *intermediate_key().to_pkcs8_pem());
    let refused = CertificateRequest::parse(file.as_bytes()).unwrap_err();
    assert_eq!(refused, RequestError::PrivateKeyFound);
}
