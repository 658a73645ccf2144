use der::asn1::{Any, BitString, OctetString, SetOfVec};
use der::{Encode, Tag};
use meshroot_pki::{
    CertificateRequest, DistinguishedName, Fingerprint, GeneralNameError, HostError, KeyError,
    KeyKind, MAX_REQUEST_BYTES, PemError, PrivateKey, RequestError, TlvError,
};
use rstest::rstest;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;

use crate::support::{
    Template, alternative_names, basic_constraints, extension, hosts, ia5, name, openssl, root_key,
    sequence,
};

const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";

/// A request that a test can bend.
struct Draft {
    version: Vec<u8>,
    subject: Vec<u8>,
    attributes: Vec<Vec<u8>>,
    tail: Vec<u8>,
}

impl Draft {
    fn new(extensions: &[Extension]) -> Self {
        Self {
            version: vec![0x02, 0x01, 0x00],
            subject: name("east 1").der().to_vec(),
            attributes: vec![extension_request(extensions)],
            tail: Vec::new(),
        }
    }

    fn info(&self) -> Vec<u8> {
        let tag = Tag::ContextSpecific { constructed: true, number: der::TagNumber(0) };
        let attributes = Any::new(tag, self.attributes.concat()).unwrap().to_der().unwrap();
        let spki = root_key().public_key().spki_der().to_vec();
        sequence(&[self.version.clone(), self.subject.clone(), spki, attributes, self.tail.clone()])
    }

    fn sign(&self) -> Vec<u8> {
        let info = self.info();
        let signature = BitString::from_bytes(&root_key().sign(&info).unwrap()).unwrap();
        let algorithm = root_key().signature_algorithm().to_der().unwrap();
        sequence(&[info, algorithm, signature.to_der().unwrap()])
    }

    fn refusal(&self) -> RequestError {
        CertificateRequest::parse(&self.sign()).unwrap_err()
    }
}

fn attribute(oid: &str, values: &[Any]) -> Vec<u8> {
    let oid = const_oid::ObjectIdentifier::new_unwrap(oid);
    let values = SetOfVec::try_from(values.to_vec()).unwrap();
    x509_cert::attr::Attribute { oid, values }.to_der().unwrap()
}

fn extension_request(extensions: &[Extension]) -> Vec<u8> {
    attribute(EXTENSION_REQUEST, &[Any::encode_from(&extensions.to_vec()).unwrap()])
}

fn names(names: &[GeneralName]) -> Extension {
    extension("2.5.29.17", false, names.to_vec().to_der().unwrap())
}

fn created() -> CertificateRequest {
    let hosts = hosts(&[
        "spiffe://east.example/ns/istio-system/sa/istiod",
        "a.example",
        "10.0.0.1",
        "fd00::1",
    ]);
    CertificateRequest::create(root_key(), &name("east 1"), &hosts).unwrap()
}

fn refused(bytes: &[u8]) -> RequestError {
    CertificateRequest::parse(bytes).unwrap_err()
}

#[rstest]
#[case(KeyKind::Rsa2048)]
#[case(KeyKind::EcdsaP256)]
#[case(KeyKind::EcdsaP384)]
#[case(KeyKind::Ed25519)]
fn openssl_verifies_a_request_of_ours(#[case] kind: KeyKind) {
    let key = PrivateKey::generate(kind).unwrap();
    let request =
        CertificateRequest::create(&key, &name("east 1"), &hosts(&["spiffe://a/b", "fd00::1"]))
            .unwrap();
    let text =
        openssl(&["req", "-verify", "-noout", "-text"], request.to_pem().as_bytes()).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("URI:spiffe://a/b"), "{text}");
    assert!(text.contains("O = Example, OU = shop, CN = east 1"), "{text}");
}

#[test]
fn what_is_created_can_be_read_from_pem_and_der() {
    let request = created();
    assert_eq!(CertificateRequest::parse(request.der()).unwrap(), request);
    assert_eq!(CertificateRequest::parse(request.to_pem().as_bytes()).unwrap(), request);
    let old = request.to_pem().replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    assert_eq!(CertificateRequest::parse(old.as_bytes()).unwrap(), request);
    assert_eq!(request.subject(), &name("east 1"));
    assert_eq!(request.public_key(), root_key().public_key());
    assert_eq!(request.fingerprint(), Fingerprint::of(request.der()));
    assert_eq!(
        request.hosts(),
        hosts(&[
            "spiffe://east.example/ns/istio-system/sa/istiod",
            "a.example",
            "10.0.0.1",
            "fd00::1"
        ])
    );
}

#[rstest]
#[case(&["-newkey", "rsa:2048"])]
#[case(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"])]
#[case(&["-newkey", "ed25519"])]
#[case(&["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-1"])]
fn a_request_of_openssl_is_read(#[case] key: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let key_file = directory.path().join("key.pem");
    let mut command =
        vec!["req", "-new", "-nodes", "-keyout", key_file.to_str().unwrap(), "-subj", "/O=x/CN=y"];
    command
        .extend(["-addext", "subjectAltName=critical,DNS:A.example,URI:spiffe://a/b,IP:10.0.0.1"]);
    command.extend(["-addext", "basicConstraints=CA:TRUE"]);
    command.extend(key);
    let request = CertificateRequest::parse(&openssl(&command, b"").unwrap()).unwrap();
    assert_eq!(request.hosts(), hosts(&["a.example", "spiffe://a/b", "10.0.0.1"]));
    assert_eq!(request.subject().to_string(), "CN=y,O=x");
}

#[rstest]
#[case("-sha1")]
#[case("-md5")]
fn a_request_signed_over_a_broken_hash_is_refused(#[case] hash: &str) {
    let directory = tempfile::tempdir().unwrap();
    let key_file = directory.path().join("key.pem");
    let key_file = key_file.to_str().unwrap();
    let command = [
        "req", "-new", "-nodes", "-newkey", "rsa:2048", hash, "-keyout", key_file, "-subj", "/CN=y",
    ];
    let error = refused(&openssl(&command, b"").unwrap());
    assert!(
        matches!(error, RequestError::ProofOfPossession(KeyError::SignatureAlgorithm { .. })),
        "{error:?}"
    );
}

#[rstest]
#[case(&["-newkey", "rsa:1024"], KeyError::RsaModulusTooShort { bits: 1024 })]
#[case(&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], KeyError::KindRefused { kind: "ECDSA-P521".to_owned() })]
#[case(&["-newkey", "ed448"], KeyError::KindRefused { kind: "Ed448".to_owned() })]
fn a_request_whose_key_cannot_be_accepted_says_why(
    #[case] key: &[&str],
    #[case] expected: KeyError,
) {
    let directory = tempfile::tempdir().unwrap();
    let key_file = directory.path().join("key.pem");
    let mut command =
        vec!["req", "-new", "-nodes", "-keyout", key_file.to_str().unwrap(), "-subj", "/CN=y"];
    command.extend(key);
    assert_eq!(refused(&openssl(&command, b"").unwrap()), RequestError::Key(expected));
}

#[test]
fn the_names_are_critical_if_and_only_if_the_subject_is_empty() {
    let hosts = hosts(&["a.example"]);
    for (subject, critical) in [(name("x"), false), (DistinguishedName::empty(), true)] {
        let request = CertificateRequest::create(root_key(), &subject, &hosts).unwrap();
        let text = openssl(&["req", "-noout", "-text"], request.to_pem().as_bytes()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.contains("Alternative Name: critical"), critical, "{text}");
        assert_eq!(request.hosts(), hosts);
    }
}

#[test]
fn a_request_without_hosts_has_none() {
    let request = CertificateRequest::create(root_key(), &name("x"), &[]).unwrap();
    assert!(request.hosts().is_empty());
}

#[test]
fn the_empty_dns_name_of_the_original_agent_means_no_hosts() {
    let empty = GeneralName::DnsName(ia5(""));
    let mut draft =
        Draft::new(&[Extension { critical: true, ..names(std::slice::from_ref(&empty)) }]);
    // Under a subject it is a broken name like any other.
    assert_eq!(draft.refusal(), RequestError::Host(HostError::Empty));
    draft.subject = vec![0x30, 0x00];
    let request = CertificateRequest::parse(&draft.sign()).unwrap();
    assert!(request.hosts().is_empty());
    assert!(request.subject().is_empty());
    let two = Draft { subject: vec![0x30, 0x00], ..Draft::new(&[names(&[empty.clone(), empty])]) };
    assert_eq!(two.refusal(), RequestError::Host(HostError::Empty));
}

#[test]
fn extensions_other_than_names_are_ignored() {
    let draft = Draft::new(&[
        basic_constraints(true, None),
        alternative_names(false, &hosts(&["a.example"])),
    ]);
    let request = CertificateRequest::parse(&draft.sign()).unwrap();
    assert_eq!(request.hosts(), hosts(&["a.example"]));
}

#[test]
fn a_request_longer_than_the_limit_is_refused() {
    let bytes = vec![0x30; MAX_REQUEST_BYTES + 1];
    assert_eq!(refused(&bytes), RequestError::TooLong { bytes: MAX_REQUEST_BYTES + 1 });
}

#[test]
fn a_request_with_trailing_bytes_is_refused() {
    let der = [created().der(), &[0x05, 0x00]].concat();
    assert_eq!(refused(&der), RequestError::Frame(TlvError::Trailing { count: 2 }));
}

#[test]
fn two_requests_in_one_file_are_refused() {
    let pem = created().to_pem().repeat(2);
    assert_eq!(refused(pem.as_bytes()), RequestError::SeveralBlocks { count: 2 });
}

#[test]
fn nothing_is_refused() {
    assert_eq!(refused(b""), RequestError::Pem(PemError::Empty));
}

#[test]
fn a_certificate_in_place_of_a_request_is_named() {
    let certificate = Template::root().sign(root_key());
    assert_eq!(refused(certificate.to_pem().as_bytes()), RequestError::CertificateFound);
    assert_eq!(refused(certificate.der()), RequestError::CertificateFound);
}

#[test]
fn a_private_key_in_place_of_a_request_is_named() {
    let pem = root_key().to_pkcs8_pem();
    assert_eq!(refused(pem.as_bytes()), RequestError::PrivateKeyFound);
    let der = openssl(&["pkey", "-outform", "DER"], pem.as_bytes()).unwrap();
    assert_eq!(refused(&der), RequestError::PrivateKeyFound);
}

#[test]
fn another_block_in_place_of_a_request_is_named() {
    let public = openssl(&["pkey", "-pubout"], root_key().to_pkcs8_pem().as_bytes()).unwrap();
    assert_eq!(refused(&public), RequestError::WrongBlock { label: "PUBLIC KEY".to_owned() });
}

#[test]
fn another_version_is_refused() {
    let draft = Draft { version: vec![0x02, 0x01, 0x01], ..Draft::new(&[]) };
    assert_eq!(draft.refusal(), RequestError::Version);
}

#[test]
fn a_non_minimal_length_is_refused() {
    // The version INTEGER with its length in the long form.
    let draft = Draft { version: vec![0x02, 0x81, 0x01, 0x00], ..Draft::new(&[]) };
    assert!(matches!(draft.refusal(), RequestError::Frame(TlvError::Broken { .. })));
}

#[test]
fn an_indefinite_length_is_refused() {
    let draft = Draft { tail: vec![0x30, 0x80, 0x00, 0x00], ..Draft::new(&[]) };
    assert!(matches!(draft.refusal(), RequestError::Frame(TlvError::Broken { .. })));
}

#[test]
fn an_unknown_member_is_refused() {
    let draft = Draft { tail: vec![0x05, 0x00], ..Draft::new(&[]) };
    assert_eq!(draft.refusal(), RequestError::Malformed);
}

#[test]
fn a_default_value_that_is_written_out_is_refused() {
    // An extension with `critical FALSE`, which DER leaves out.
    let written_out =
        [0x30, 0x0c, 0x06, 0x03, 0x55, 0x1d, 0x13, 0x01, 0x01, 0x00, 0x04, 0x02, 0x30, 0x00];
    let list = Any::new(Tag::Sequence, &written_out[..]).unwrap();
    let draft =
        Draft { attributes: vec![attribute(EXTENSION_REQUEST, &[list])], ..Draft::new(&[]) };
    let said = draft.refusal().to_string();
    assert!(said.contains("canonical DER (extension 2.5.29.19: critical FALSE"), "{said}");
}

#[test]
fn extensions_in_an_attribute_of_microsoft_are_not_passed_over_in_silence() {
    let names = alternative_names(false, &hosts(&["a.example"]));
    let list = Any::encode_from(&vec![names.clone()]).unwrap();
    let microsofts = attribute("1.3.6.1.4.1.311.2.1.14", &[list]);
    let alone = Draft { attributes: vec![microsofts.clone()], ..Draft::new(&[]) };
    assert_eq!(alone.refusal(), RequestError::MicrosoftExtensions);
    let mut beside =
        Draft { attributes: vec![microsofts, extension_request(&[names])], ..Draft::new(&[]) };
    beside.attributes.sort();
    assert_eq!(CertificateRequest::parse(&beside.sign()).unwrap().hosts(), hosts(&["a.example"]));
}

#[test]
fn a_universal_string_is_named_with_its_place() {
    let subject = Any::new(Tag::Sequence, [0x1c, 0x04, 0, 0, 0, 0x61].as_slice()).unwrap();
    let draft = Draft { subject: subject.to_der().unwrap(), ..Draft::new(&[]) };
    let error = draft.refusal();
    let RequestError::Frame(TlvError::UniversalString { offset }) = error else {
        panic!("{error}")
    };
    assert_eq!(draft.sign()[offset], 0x1c);
}

#[test]
fn rsa_pss_with_another_salt_says_which_it_must_be() {
    let key = openssl(&["genrsa", "2048"], b"").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key).unwrap();
    let path = file.path().to_str().unwrap();
    let pss = ["req", "-new", "-key", path, "-subj", "/CN=a", "-sigopt", "rsa_padding_mode:pss"];
    // The longest salt is what OpenSSL takes by itself.
    let error = refused(&openssl(&pss, b"").unwrap());
    assert_eq!(error, RequestError::ProofOfPossession(KeyError::PssParameters));
    let salted = [&pss[..], &["-sigopt", "rsa_pss_saltlen:digest"]].concat();
    CertificateRequest::parse(&openssl(&salted, b"").unwrap()).unwrap();
}

#[test]
fn headers_are_advised_upon_by_what_the_block_is() {
    let pem = created().to_pem().replacen("-----\n", "-----\nComment: x\n\n", 1);
    let said = refused(pem.as_bytes()).to_string();
    assert!(said.contains("(line 2)") && said.contains("remove them"), "{said}");
}

#[test]
fn attributes_out_of_order_are_refused() {
    let challenge =
        attribute("1.2.840.113549.1.9.7", &[Any::new(Tag::Utf8String, &b"x"[..]).unwrap()]);
    let extensions = extension_request(&[basic_constraints(true, None)]);
    let mut draft = Draft { attributes: vec![challenge, extensions], ..Draft::new(&[]) };
    draft.attributes.sort();
    CertificateRequest::parse(&draft.sign()).unwrap();
    draft.attributes.reverse();
    let said = draft.refusal().to_string();
    assert!(said.contains("canonical DER (members of a set are out of order at byte"), "{said}");
}

#[test]
fn deep_nesting_is_refused() {
    let mut deep = vec![0x30, 0x00];
    for _ in 0..200 {
        deep = sequence(&[deep]);
    }
    let value = Any::new(Tag::Sequence, deep).unwrap();
    let draft = Draft { attributes: vec![attribute("1.2.3.4", &[value])], ..Draft::new(&[]) };
    assert!(matches!(draft.refusal(), RequestError::Frame(TlvError::Nesting { .. })));
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let draft = Draft::new(&[alternative_names(false, &hosts(&["a.example"]))]);
    let stranger = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let info = draft.info();
    let signature = BitString::from_bytes(&stranger.sign(&info).unwrap()).unwrap();
    let algorithm = stranger.signature_algorithm().to_der().unwrap();
    let error = refused(&sequence(&[info, algorithm, signature.to_der().unwrap()]));
    assert!(
        matches!(error, RequestError::ProofOfPossession(KeyError::SignatureInvalid { .. })),
        "{error:?}"
    );
}

#[test]
fn a_second_list_of_extensions_is_refused() {
    let draft = Draft {
        attributes: vec![
            extension_request(&[alternative_names(false, &hosts(&["a.example"]))]),
            extension_request(&[alternative_names(false, &hosts(&["b.example"]))]),
        ],
        ..Draft::new(&[])
    };
    assert_eq!(
        draft.refusal(),
        RequestError::DuplicateAttribute { attribute: EXTENSION_REQUEST.to_owned() }
    );
}

#[test]
fn two_lists_in_one_attribute_are_refused() {
    let lists: Vec<_> = ["a.example", "b.example"]
        .map(|host| Any::encode_from(&vec![alternative_names(false, &hosts(&[host]))]).unwrap())
        .into();
    let draft = Draft { attributes: vec![attribute(EXTENSION_REQUEST, &lists)], ..Draft::new(&[]) };
    assert_eq!(draft.refusal(), RequestError::ExtensionRequest);
}

#[test]
fn names_asked_for_twice_are_refused() {
    let names = alternative_names(false, &hosts(&["a.example"]));
    let error = Draft::new(&[names.clone(), names]).refusal();
    assert_eq!(error, RequestError::DuplicateExtension { extension: "2.5.29.17".to_owned() });
}

#[rstest]
#[case(GeneralName::Rfc822Name(ia5("a@b.example")), "rfc822Name")]
#[case(GeneralName::RegisteredId(const_oid::ObjectIdentifier::new_unwrap("1.2.3")), "registeredID")]
#[case(GeneralName::DirectoryName(name("x").as_name().clone()), "directoryName")]
fn a_name_of_another_type_is_refused(#[case] other: GeneralName, #[case] kind: &'static str) {
    let dns = GeneralName::DnsName(ia5("a.example"));
    let error = Draft::new(&[names(&[dns, other])]).refusal();
    assert_eq!(error, RequestError::SubjectAltName(GeneralNameError::Type { position: 2, kind }));
}

#[test]
fn an_address_of_another_length_is_refused() {
    let address = GeneralName::IpAddress(OctetString::new(vec![10, 0, 0]).unwrap());
    let error = Draft::new(&[names(&[address])]).refusal();
    assert_eq!(
        error,
        RequestError::SubjectAltName(GeneralNameError::AddressLength { position: 1, length: 3 })
    );
}

#[test]
fn an_empty_list_of_names_is_refused() {
    assert_eq!(
        Draft::new(&[names(&[])]).refusal(),
        RequestError::SubjectAltName(GeneralNameError::Empty)
    );
}

#[test]
fn a_name_outside_ascii_is_refused() {
    let name = extension("2.5.29.17", false, vec![0x30, 0x04, 0x82, 0x02, 0xc3, 0xbc]);
    let error = Draft::new(&[name]).refusal();
    assert_eq!(error, RequestError::SubjectAltName(GeneralNameError::NotAscii { position: 1 }));
}

#[test]
fn a_wildcard_is_refused() {
    let wildcard = GeneralName::DnsName(ia5("*.example"));
    let error = Draft::new(&[names(&[wildcard])]).refusal();
    assert!(matches!(error, RequestError::Host(HostError::Wildcard { .. })), "{error:?}");
}

#[test]
fn a_host_built_by_hand_is_checked_before_a_request_is_made() {
    let bad = meshroot_pki::Host::Dns("*.example".to_owned());
    let error = CertificateRequest::create(root_key(), &name("x"), &[bad]).unwrap_err();
    assert!(matches!(error, RequestError::Host(HostError::Wildcard { .. })), "{error:?}");
}
