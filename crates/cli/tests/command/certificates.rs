//! Certificates of any quality, made on the spot.

use der::Encode as _;
use der::asn1::ObjectIdentifier;
use jiff::{SignedDuration, Timestamp};
use meshroot_pki::frame::{RevocationListFrame, assemble};
use meshroot_pki::{
    Certificate, DistinguishedName, KeyKind, PrivateKey, PublicKey, RevocationList,
    RevocationReason, Revoked,
};
use meshroot_runtime::process::clock;

pub(crate) const IDENTITY: &str = "spiffe://cluster.local/ns/istio-system/sa/istiod";

/// What a certificate may sign.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Leaf,
    Root,
    /// With this path length.
    Intermediate(u8),
}

/// A key with the certificate for it.
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    pub(crate) key: PrivateKey,
}

/// What a certificate is to say.
#[derive(Clone)]
pub(crate) struct Spec {
    pub(crate) subject: DistinguishedName,
    pub(crate) hosts: Vec<&'static str>,
    pub(crate) authority: Role,
    /// Object identifiers.
    pub(crate) purposes: Vec<&'static str>,
    pub(crate) days: i64,
}

pub(crate) fn name(common_name: &str) -> DistinguishedName {
    DistinguishedName::new("Istio", "demo", common_name).unwrap()
}

pub(crate) fn root(common_name: &str) -> Authority {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let spec = Spec {
        subject: name(common_name),
        hosts: vec![],
        authority: Role::Root,
        purposes: vec![],
        days: 3650,
    };
    let certificate = sign(&spec, key.public_key(), &spec.subject, &key);
    Authority { certificate, key }
}

/// An intermediate as the profile makes it.
pub(crate) fn intermediate_spec(common_name: &str) -> Spec {
    Spec {
        subject: name(common_name),
        hosts: vec![IDENTITY],
        authority: Role::Intermediate(0),
        purposes: vec![],
        days: 90,
    }
}

pub(crate) fn leaf_spec() -> Spec {
    Spec {
        subject: name("leaf"),
        hosts: vec!["spiffe://cluster.local/ns/shop/sa/cart"],
        authority: Role::Leaf,
        purposes: vec!["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"],
        days: 1,
    }
}

impl Authority {
    pub(crate) fn issue(&self, spec: &Spec) -> Authority {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let certificate = self.certify(spec, key.public_key());
        Authority { certificate, key }
    }

    pub(crate) fn certify(&self, spec: &Spec, key: &PublicKey) -> Certificate {
        sign(spec, key, self.certificate.subject(), &self.key)
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.to_pem()
    }

    /// PEM of its revocation list, with these on it.
    pub(crate) fn revokes(&self, revoked: &[&Certificate]) -> String {
        let now = clock::now();
        let entry = |revoked: &&Certificate| Revoked {
            serial: revoked.serial().clone(),
            since: now,
            reason: Some(RevocationReason::CA_COMPROMISE),
        };
        let entries: Vec<Revoked> = revoked.iter().map(entry).collect();
        let (begin, end) =
            (now - SignedDuration::from_mins(10), now + SignedDuration::from_hours(24));
        let algorithm = self.key.signature_algorithm();
        let frame = RevocationListFrame {
            algorithm: algorithm.clone(),
            issuer: &self.certificate,
            number: 7,
            this_update: begin,
            next_update: end,
            entries: &entries,
        };
        let tbs = frame.to_be_signed().unwrap();
        let signature = self.key.sign(&tbs).unwrap();
        RevocationList::from_der(&assemble(&tbs, &algorithm, &signature).unwrap()).unwrap().to_pem()
    }
}

fn sign(
    spec: &Spec,
    key: &PublicKey,
    issuer: &DistinguishedName,
    issuer_key: &PrivateKey,
) -> Certificate {
    let algorithm = issuer_key.signature_algorithm().to_der().unwrap();
    let serial = tlv(0x02, &[&[0x01], &key.key_identifier()[..8]].concat());
    let now = clock::now();
    let validity =
        [now - SignedDuration::from_mins(10), now + SignedDuration::from_hours(24 * spec.days)]
            .map(time);
    let extensions = tlv(0xa3, &sequence(&extensions(spec, key, issuer_key.public_key())));
    let tbs = sequence(&[
        tlv(0xa0, &tlv(0x02, &[2])),
        serial,
        algorithm.clone(),
        issuer.der().to_vec(),
        sequence(&validity),
        spec.subject.der().to_vec(),
        key.spki_der().to_vec(),
        extensions,
    ]);
    let signature = tlv(0x03, &[vec![0], issuer_key.sign(&tbs).unwrap()].concat());
    Certificate::from_der(&sequence(&[tbs, algorithm, signature])).unwrap()
}

fn extensions(spec: &Spec, key: &PublicKey, issuer_key: &PublicKey) -> Vec<Vec<u8>> {
    let usage: &[u8] = if spec.authority == Role::Leaf { &[0x07, 0x80] } else { &[0x01, 0x06] };
    let mut all = vec![
        extension("2.5.29.15", true, &tlv(0x03, usage)),
        extension("2.5.29.14", false, &tlv(0x04, &key.key_identifier())),
        extension("2.5.29.35", false, &sequence(&[tlv(0x80, &issuer_key.key_identifier())])),
    ];
    if spec.authority != Role::Leaf {
        let mut constraints = vec![tlv(0x01, &[0xff])];
        if let Role::Intermediate(length) = spec.authority {
            constraints.push(tlv(0x02, &[length]));
        }
        all.push(extension("2.5.29.19", true, &sequence(&constraints)));
    }
    if !spec.hosts.is_empty() {
        let names: Vec<_> = spec.hosts.iter().map(|host| tlv(0x86, host.as_bytes())).collect();
        all.push(extension("2.5.29.17", false, &sequence(&names)));
    }
    if !spec.purposes.is_empty() {
        let purposes: Vec<_> = spec.purposes.iter().map(|purpose| oid(purpose)).collect();
        all.push(extension("2.5.29.37", false, &sequence(&purposes)));
    }
    all
}

fn extension(id: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    sequence(&[oid(id), critical, tlv(0x04, value)])
}

fn oid(text: &str) -> Vec<u8> {
    ObjectIdentifier::new(text).unwrap().to_der().unwrap()
}

fn time(at: Timestamp) -> Vec<u8> {
    tlv(0x17, at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
}

fn sequence(members: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &members.concat())
}

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match u8::try_from(length) {
        Ok(short @ 0..0x80) => vec![tag, short],
        Ok(byte) => vec![tag, 0x81, byte],
        Err(_) => [&[tag, 0x82][..], &u16::try_from(length).unwrap().to_be_bytes()].concat(),
    };
    [head, content.to_vec()].concat()
}
