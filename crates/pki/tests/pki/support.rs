//! A small certificate builder that can also build what no authority should, and the OpenSSL CLI.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use const_oid::ObjectIdentifier;
use der::asn1::{Any, BitString, Ia5String, OctetString};
use der::{DateTime, Encode, Tag};
use jiff::Timestamp;
use meshroot_pki::frame::{RevocationListFrame, assemble};
use meshroot_pki::{
    Certificate, DistinguishedName, Host, KeyKind, PrivateKey, RevocationList, Revoked,
};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::constraints::name::GeneralSubtree;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    NameConstraints,
};
use x509_cert::time::{Time, Validity};

/// The moment at which all tests happen.
pub(crate) const NOW: i64 = 1_790_000_000;
pub(crate) const DAY: i64 = 86_400;

pub(crate) const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
pub(crate) const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

static ROOT_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate(KeyKind::EcdsaP256).unwrap());
static INTERMEDIATE_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate(KeyKind::EcdsaP384).unwrap());
static LEAF_KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate(KeyKind::Ed25519).unwrap());

pub(crate) fn root_key() -> &'static PrivateKey {
    &ROOT_KEY
}

pub(crate) fn intermediate_key() -> &'static PrivateKey {
    &INTERMEDIATE_KEY
}

pub(crate) fn leaf_key() -> &'static PrivateKey {
    &LEAF_KEY
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub(crate) fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::new("Example", "shop", common_name).unwrap()
}

pub(crate) fn hosts(texts: &[&str]) -> Vec<Host> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Everything a certificate says; a test changes what it wants to see refused.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) version: Option<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) issuer: DistinguishedName,
    pub(crate) subject: DistinguishedName,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) inner_algorithm: Option<AlgorithmIdentifierOwned>,
    pub(crate) algorithm: Option<AlgorithmIdentifierOwned>,
}

impl Template {
    pub(crate) fn new(
        issuer: &DistinguishedName,
        subject: &DistinguishedName,
        key: &PrivateKey,
    ) -> Self {
        Self {
            version: Some(2),
            serial: vec![0x2a],
            issuer: issuer.clone(),
            subject: subject.clone(),
            not_before: NOW - DAY,
            not_after: NOW + DAY,
            spki: key.public_key().spki_der().to_vec(),
            extensions: Vec::new(),
            inner_algorithm: None,
            algorithm: None,
        }
    }

    /// A self-signed root over [`root_key`].
    pub(crate) fn root() -> Self {
        let name = name("root");
        let mut template = Self::new(&name, &name, root_key());
        template.extensions = vec![
            basic_constraints(true, None),
            key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            subject_key_identifier(&root_key().public_key().key_identifier()),
        ];
        template
    }

    /// An intermediate over [`intermediate_key`], as the product's profile has it.
    pub(crate) fn intermediate() -> Self {
        let mut template = Self::new(&name("root"), &name("intermediate"), intermediate_key());
        template.extensions = vec![
            basic_constraints(true, Some(0)),
            key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign),
            subject_key_identifier(&intermediate_key().public_key().key_identifier()),
            authority_key_identifier(&root_key().public_key().key_identifier()),
        ];
        template
    }

    /// A workload certificate over [`leaf_key`], as istiod makes it: no subject, critical SPIFFE ID.
    pub(crate) fn leaf() -> Self {
        let mut template =
            Self::new(&name("intermediate"), &DistinguishedName::empty(), leaf_key());
        template.extensions = vec![
            basic_constraints(false, None),
            key_usage(KeyUsages::DigitalSignature.into()),
            extended_key_usage(&[SERVER_AUTH, CLIENT_AUTH]),
            alternative_names(
                true,
                &hosts(&["spiffe://cluster.local/ns/shop/sa/web", "web.shop.svc", "10.1.2.3"]),
            ),
            authority_key_identifier(&intermediate_key().public_key().key_identifier()),
        ];
        template
    }

    pub(crate) fn without(&mut self, extension: &str) {
        let oid = ObjectIdentifier::new_unwrap(extension);
        self.extensions.retain(|kept| kept.extn_id != oid);
    }

    /// Puts the extension in the place of one of the same type, or adds it.
    pub(crate) fn with(&mut self, extension: Extension) {
        self.without(&extension.extn_id.to_string());
        self.extensions.push(extension);
    }

    pub(crate) fn sign(&self, key: &PrivateKey) -> Certificate {
        Certificate::from_der(&self.sign_der(key)).unwrap()
    }

    pub(crate) fn sign_der(&self, key: &PrivateKey) -> Vec<u8> {
        let algorithm = self.algorithm.clone().unwrap_or_else(|| key.signature_algorithm());
        let tbs = self.tbs_der(&algorithm);
        let signature = BitString::from_bytes(&key.sign(&tbs).unwrap()).unwrap();
        sequence(&[tbs, algorithm.to_der().unwrap(), signature.to_der().unwrap()])
    }

    fn tbs_der(&self, algorithm: &AlgorithmIdentifierOwned) -> Vec<u8> {
        let mut parts = Vec::new();
        if let Some(version) = self.version {
            parts.push(vec![0xa0, 0x03, 0x02, 0x01, version]);
        }
        parts.push(Any::new(Tag::Integer, self.serial.clone()).unwrap().to_der().unwrap());
        parts.push(self.inner_algorithm.as_ref().unwrap_or(algorithm).to_der().unwrap());
        parts.push(self.issuer.der().to_vec());
        let validity: Validity = Validity::new(time(self.not_before), time(self.not_after));
        parts.push(validity.to_der().unwrap());
        parts.push(self.subject.der().to_vec());
        parts.push(self.spki.clone());
        if !self.extensions.is_empty() {
            let list = self.extensions.to_der().unwrap();
            let tag = Tag::ContextSpecific { constructed: true, number: der::TagNumber(3) };
            parts.push(Any::new(tag, list).unwrap().to_der().unwrap());
        }
        sequence(&parts)
    }
}

/// The list of `issuer`, signed by this key, which may be another's.
pub(crate) fn revocation_list(
    key: &PrivateKey,
    issuer: &Certificate,
    number: u64,
    [this_update, next_update]: [Timestamp; 2],
    entries: &[Revoked],
) -> RevocationList {
    let algorithm = key.signature_algorithm();
    let frame = RevocationListFrame {
        algorithm: algorithm.clone(),
        issuer,
        number,
        this_update,
        next_update,
        entries,
    };
    let tbs = frame.to_be_signed().unwrap();
    let der = assemble(&tbs, &algorithm, &key.sign(&tbs).unwrap()).unwrap();
    RevocationList::from_der(&der).unwrap()
}

fn time(second: i64) -> Time {
    let duration = Duration::from_secs(second.try_into().unwrap());
    Time::from(DateTime::from_unix_duration(duration).unwrap())
}

pub(crate) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    Any::new(Tag::Sequence, parts.concat()).unwrap().to_der().unwrap()
}

pub(crate) fn extension(oid: &str, critical: bool, value: Vec<u8>) -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new_unwrap(oid),
        critical,
        extn_value: OctetString::new(value).unwrap(),
    }
}

pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";

pub(crate) fn basic_constraints(ca: bool, path_len_constraint: Option<u8>) -> Extension {
    extension(
        BASIC_CONSTRAINTS,
        true,
        BasicConstraints { ca, path_len_constraint }.to_der().unwrap(),
    )
}

pub(crate) fn key_usage(usages: der::flagset::FlagSet<KeyUsages>) -> Extension {
    extension(KEY_USAGE, true, KeyUsage(usages).to_der().unwrap())
}

pub(crate) fn extended_key_usage(purposes: &[&str]) -> Extension {
    let purposes = purposes.iter().map(|oid| ObjectIdentifier::new_unwrap(oid)).collect();
    extension("2.5.29.37", false, ExtendedKeyUsage(purposes).to_der().unwrap())
}

pub(crate) fn alternative_names(critical: bool, hosts: &[Host]) -> Extension {
    let names: Vec<_> = hosts.iter().map(general_name).collect();
    extension("2.5.29.17", critical, names.to_der().unwrap())
}

pub(crate) fn general_name(host: &Host) -> GeneralName {
    match host {
        Host::Dns(name) => GeneralName::DnsName(ia5(name)),
        Host::Uri(uri) => GeneralName::UniformResourceIdentifier(ia5(uri)),
        Host::Ip(address) => GeneralName::from(*address),
    }
}

pub(crate) fn subject_key_identifier(identifier: &[u8]) -> Extension {
    extension("2.5.29.14", false, OctetString::new(identifier.to_vec()).unwrap().to_der().unwrap())
}

pub(crate) fn authority_key_identifier(identifier: &[u8]) -> Extension {
    let identifier = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(identifier.to_vec()).unwrap()),
        ..AuthorityKeyIdentifier::default()
    };
    extension("2.5.29.35", false, identifier.to_der().unwrap())
}

pub(crate) fn name_constraints(permitted: &[GeneralName], excluded: &[GeneralName]) -> Extension {
    let subtrees = |bases: &[GeneralName]| {
        let subtree =
            |base: &GeneralName| GeneralSubtree { base: base.clone(), minimum: 0, maximum: None };
        (!bases.is_empty()).then(|| bases.iter().map(subtree).collect())
    };
    let constraints = NameConstraints {
        permitted_subtrees: subtrees(permitted),
        excluded_subtrees: subtrees(excluded),
    };
    extension("2.5.29.30", true, constraints.to_der().unwrap())
}

pub(crate) fn ia5(text: &str) -> Ia5String {
    Ia5String::new(text).unwrap()
}

pub(crate) fn dns_subtree(name: &str) -> GeneralName {
    GeneralName::DnsName(ia5(name))
}

pub(crate) fn ip_subtree(address_and_mask: &[u8]) -> GeneralName {
    GeneralName::IpAddress(OctetString::new(address_and_mask.to_vec()).unwrap())
}

/// Runs OpenSSL and returns what it printed. A refusal by OpenSSL is `Err` with its message.
pub(crate) fn openssl(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tests need the openssl command (Debian: openssl)");
    // OpenSSL may exit before it has read everything; its exit status is what counts.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
