//! Certificates, Secrets, requests and records for the tests of the judges.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::names::REQUEST_ANNOTATION;
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_api::{Bytes, IssuanceRecord, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::{
    Certificate, CertificateRequest, DistinguishedName, Fingerprint, PrivateKey, to_bundle,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use serde_json::json;

/// Within the validity of all samples.
pub(crate) fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// A root.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) certificate: Certificate,
}

/// What it issued, with its root as the only anchor.
pub(crate) struct Issued {
    pub(crate) certificate: Certificate,
    pub(crate) key: String,
    pub(crate) anchors: Vec<Certificate>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(parameters(name, 2040), key).unwrap();
        let certificate = Certificate::from_der(issuer.der()).unwrap();
        Self { issuer, certificate }
    }

    pub(crate) fn issue(&self) -> Issued {
        let key = KeyPair::generate().unwrap();
        let made = parameters("intermediate", 2027).signed_by(&key, &self.issuer).unwrap();
        Issued {
            certificate: Certificate::from_der(made.der()).unwrap(),
            key: key.serialize_pem(),
            anchors: vec![self.certificate.clone()],
        }
    }
}

fn parameters(name: &str, until: i32) -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters.use_authority_key_identifier_extension = true;
    parameters.not_before = date_time_ymd(2026, 1, 1);
    parameters.not_after = date_time_ymd(until, 1, 1);
    parameters
}

pub(crate) fn secret(request: &str, issued: &Issued) -> Secret {
    let certificate = issued.certificate.to_pem();
    let files = [
        ("ca-cert.pem", certificate.clone()),
        ("cert-chain.pem", certificate),
        ("ca-key.pem", issued.key.clone()),
        ("root-cert.pem", to_bundle(&issued.anchors)),
    ];
    let bytes = |(name, text): (&str, String)| (name.to_owned(), ByteString(text.into_bytes()));
    let mut secret = Secret { data: Some(files.map(bytes).into()), ..Secret::default() };
    secret.metadata.annotations =
        Some([(REQUEST_ANNOTATION.to_owned(), request.to_owned())].into());
    secret
}

/// A record of which everything that must be its own ends with its number.
pub(crate) fn record(number: u64) -> IssuanceRecord {
    let spec: IssuanceRecordSpec = serde_json::from_value(json!({
        "request": { "name": format!("east.demo.{number}"), "uid": format!("uid-{number}") },
        "virtualMeshRef": { "name": "demo", "namespace": "meshroot-system" },
        "csrSha256": format!("csr-{number}"),
        "publicKeySha256": format!("key-{number}"),
        "decision": { "verdict": "APPROVED", "by": "policy", "message": "", "time": now() },
        "prepared": {
            "serial": format!("serial-{number}"), "tbsSha256": "tbs", "issuerSha256": "issuer",
            "notBefore": now(), "notAfter": later(300), "profileSha256": "profile",
        },
        "sequence": number,
        "previousSha256": "",
        "fence": 1,
    }))
    .unwrap();
    let mut record = IssuanceRecord::new(&format!("east.demo.{number}"), spec);
    record.metadata.creation_timestamp = Some(Time(now()));
    record
}

use super::ledger::versioned;

/// Records that follow each other.
pub(crate) fn ledger(length: u64) -> Vec<IssuanceRecord> {
    let mut previous = String::new();
    let next = |number| {
        let mut record = record(number);
        record.spec.previous_sha256.clone_from(&previous);
        let text = serde_json::to_string(&record.spec).unwrap();
        let text = text.replace(r#""verdict":"Approved""#, r#""verdict":"APPROVED""#);
        let text = versioned(&record.spec, text);
        previous = Fingerprint::of(text.as_bytes()).to_string();
        record
    };
    (1..=length).map(next).collect()
}

/// A request that was answered, and its record.
pub(crate) fn answered() -> (Request, IssuanceRecord) {
    let issued = Authority::new("one").issue();
    let key = PrivateKey::from_pem(issued.key.as_bytes()).unwrap();
    let subject = DistinguishedName::new("Meshroot", "demo", "east").unwrap();
    let csr = CertificateRequest::create(&key, &subject, &[]).unwrap();
    let spec = RequestSpec { csr_data: Bytes::from(csr.to_pem()), ..RequestSpec::default() };
    let mut request = Request::new("east.demo.1", spec);
    request.status.get_or_insert_default().response.ca_certificate =
        Bytes::from(issued.certificate.to_pem());
    let mut record = record(1);
    record.spec.csr_sha256 = csr.fingerprint().to_string();
    let prepared = record.spec.prepared.as_mut().unwrap();
    prepared.serial = issued.certificate.serial().to_string();
    prepared.tbs_sha256 = Fingerprint::of(issued.certificate.tbs_der()).to_string();
    (request, record)
}
