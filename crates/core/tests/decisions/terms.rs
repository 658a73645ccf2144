//! When a changed policy asks for a renewal.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names::POLICY_ANNOTATION;
use meshroot_api::policy::KeyAlgorithm;
use meshroot_api::record::{
    Decision, IssuanceRecordSpec, PreparedCertificate, RecordedRequest, Verdict,
};
use meshroot_api::security::CertConfig;
use meshroot_core::terms::Terms;
use meshroot_pki::Fingerprint;

use crate::scene::{IDENTITY, REQUEST, csr, request};
use crate::x509::intermediate_key;

fn config() -> CertConfig {
    request(REQUEST, Vec::new()).spec.cert_config
}

fn terms(config: &CertConfig) -> Terms<'_> {
    let (profile, issuer) = (Fingerprint::of(b"profile"), Fingerprint::of(b"issuer"));
    Terms { profile, issuer, key: KeyAlgorithm::EcdsaP384, config }
}

/// An answered request with its entry in the ledger, made for `terms`.
fn issued(terms: &Terms<'_>) -> (Request, IssuanceRecordSpec) {
    let pem = csr(intermediate_key(), &[IDENTITY]).to_pem().into_bytes();
    let mut request = request(REQUEST, pem);
    let digest = terms.digest().to_string();
    request.metadata.annotations = Some([(POLICY_ANNOTATION.to_owned(), digest)].into());
    request.status.get_or_insert_default().response.ca_certificate = b"PEM".to_vec().into();
    (request, record(terms))
}

fn record(terms: &Terms<'_>) -> IssuanceRecordSpec {
    let time = || Time(jiff::Timestamp::UNIX_EPOCH);
    let digest = Fingerprint::of(b"digest").to_string();
    IssuanceRecordSpec {
        request: RecordedRequest { name: REQUEST.to_owned(), uid: String::new() },
        virtual_mesh_ref: request(REQUEST, Vec::new()).spec.virtual_mesh_ref,
        csr_sha256: digest.clone(),
        public_key_sha256: digest.clone(),
        decision: Decision {
            verdict: Verdict::Approved,
            by: "policy".to_owned(),
            message: String::new(),
            time: time(),
        },
        prepared: Some(PreparedCertificate {
            serial: "01".to_owned(),
            tbs_sha256: digest,
            issuer_sha256: terms.issuer.to_string(),
            not_before: time(),
            not_after: time(),
            profile_sha256: terms.profile.to_string(),
        }),
        sequence: 1,
        previous_sha256: String::new(),
        fence: 0,
    }
}

#[test]
fn what_was_issued_for_other_terms_is_asked_for_again() {
    let old = config();
    let (request, record) = issued(&terms(&old));
    let ask = |terms: Terms<'_>| terms.ask_for_renewal(&request, Some(&record));
    assert!(!ask(terms(&old)), "nothing changed");
    let other = Fingerprint::of(b"other");
    assert!(ask(Terms { profile: other, ..terms(&old) }), "another profile");
    assert!(ask(Terms { issuer: other, ..terms(&old) }), "another issuer");
    assert!(ask(Terms { key: KeyAlgorithm::EcdsaP256, ..terms(&old) }), "another key");
    let moved = CertConfig { hosts: vec!["spiffe://other/ns/a/sa/b".to_owned()], ..config() };
    assert!(ask(terms(&moved)), "another identity");
}

#[test]
fn terms_that_a_request_was_made_for_or_that_are_met_ask_for_nothing() {
    let config = config();
    let now = Terms { key: KeyAlgorithm::EcdsaP256, ..terms(&config) };
    let (mut request, record) = issued(&terms(&config));
    let ask = |request: &Request, record| now.ask_for_renewal(request, record);
    assert!(ask(&request, Some(&record)));
    let denied = IssuanceRecordSpec { prepared: None, ..record.clone() };
    assert!(!ask(&request, Some(&denied)), "nothing was issued");
    assert!(!ask(&request, None), "nobody knows what was issued");
    let made_for =
        |digest: Fingerprint| Some([(POLICY_ANNOTATION.to_owned(), digest.to_string())].into());
    request.metadata.annotations = made_for(now.digest());
    assert!(!ask(&request, Some(&record)), "asked for once, and not met");
    request.metadata.annotations = made_for(terms(&config).digest());
    request.status = None;
    assert!(!ask(&request, Some(&record)), "it is not answered yet");
    // By the mesh's own request, or one that a person made.
    let (mut request, record) = issued(&terms(&config));
    request.metadata.annotations = None;
    assert!(!terms(&config).ask_for_renewal(&request, Some(&record)), "they are met");
}

/// The digest stands in requests: what earlier hubs wrote is read by later ones.
#[test]
fn a_digest_is_what_earlier_hubs_wrote() {
    let config =
        CertConfig { hosts: vec![IDENTITY.to_owned(), "a.example".to_owned()], ..config() };
    let terms = terms(&config);
    let before = format!(
        "{} {} {} {:?} {}",
        terms.profile, terms.issuer, "ECDSA-P384", config.hosts, config.org
    );
    assert_eq!(terms.digest(), Fingerprint::of(before.as_bytes()));
}
