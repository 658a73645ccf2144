//! When a changed policy asks for a renewal.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names::POLICY_ANNOTATION;
use meshroot_api::policy::KeyAlgorithm;
use meshroot_api::record::{
    Decision, IssuanceRecordSpec, PreparedCertificate, RecordedRequest, Verdict,
};
use meshroot_api::security::CertConfig;
use meshroot_api::shared::{State, Status};
use meshroot_core::renewal::Cause;
use meshroot_core::terms::Terms;
use meshroot_pki::Fingerprint;

use crate::scene::{IDENTITY, REQUEST, csr, request};
use crate::x509::intermediate_key;

fn config() -> CertConfig {
    request(REQUEST, Vec::new()).spec.cert_config
}

fn terms(config: &CertConfig) -> Terms<'_> {
    let (profile, issuer) = (Fingerprint::of(b"profile"), Fingerprint::of(b"issuer"));
    Terms { profile, issuer, key: KeyAlgorithm::EcdsaP384, config, allowed_hosts: &[] }
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
            people: Vec::new(),
            asked_sha256: String::new(),
        },
        prepared: Some(PreparedCertificate {
            serial: "01".to_owned(),
            tbs_sha256: digest,
            issuer_sha256: terms.issuer.to_string(),
            not_before: time(),
            not_after: time(),
            profile_sha256: terms.profile.to_string(),
        }),
        facts: String::new(),
        sequence: 1,
        previous_sha256: String::new(),
        fence: 0,
    }
}

#[test]
fn what_was_issued_for_other_terms_is_asked_for_again() {
    let old = config();
    let (request, record) = issued(&terms(&old));
    let ask = |terms: Terms<'_>| terms.asks_for_another(&request, Some(&record));
    assert_eq!(ask(terms(&old)), None, "nothing changed");
    let other = Fingerprint::of(b"other");
    let policy = Some(Cause::Policy);
    assert_eq!(ask(Terms { profile: other, ..terms(&old) }), policy, "another profile");
    assert_eq!(ask(Terms { issuer: other, ..terms(&old) }), policy, "another issuer");
    assert_eq!(ask(Terms { key: KeyAlgorithm::EcdsaP256, ..terms(&old) }), policy, "another key");
    assert_eq!(ask(terms(&moved())), Some(Cause::Identity), "another identity");
}

#[test]
fn what_the_ledger_or_a_change_of_terms_has_overtaken_is_always_followed() {
    let own = config();
    let (mut request, _) = issued(&terms(&own));
    request.status = None;
    let status = &mut request.status.get_or_insert_default().computed_status;
    *status = Status::new(State::Conflict, "TermsChanged: so it is");
    assert_eq!(terms(&own).asks_for_another(&request, None), Some(Cause::Policy));
}

fn moved() -> CertConfig {
    CertConfig { hosts: vec!["spiffe://other/ns/a/sa/b".to_owned()], ..config() }
}

#[test]
fn a_changed_identity_is_asked_for_whatever_became_of_the_request_for_the_old_one() {
    let (old, new) = (config(), moved());
    let (mut request, _) = issued(&terms(&old));
    for state in [State::Unknown, State::Invalid, State::Conflict, State::ProcessingError] {
        request.status = None;
        request.status.get_or_insert_default().computed_status = Status::new(state, "");
        assert_eq!(
            terms(&new).asks_for_another(&request, None),
            Some(Cause::Identity),
            "{state:?}"
        );
    }
}

#[test]
fn a_dead_request_is_followed_by_another_that_is_made_for_the_terms_once() {
    let config = config();
    let (mut request, _) = issued(&terms(&config));
    request.status = None;
    request.spec.csr_data = b"nonsense".to_vec().into();
    request.status.get_or_insert_default().computed_status = Status::new(State::Invalid, "");
    assert_eq!(terms(&config).asks_for_another(&request, None), None, "made for these terms");
    request.metadata.annotations = None;
    assert_eq!(terms(&config).asks_for_another(&request, None), Some(Cause::Policy));
}

#[test]
fn hosts_more_that_the_policy_allows_are_no_reason_to_ask_again() {
    let config = config();
    let (mut request, record) = issued(&terms(&config));
    request.metadata.annotations = None;
    request.spec.cert_config.hosts.push("gateway.example".to_owned());
    let allowed = ["Gateway.Example".to_owned()];
    let now = Terms { allowed_hosts: &allowed, ..terms(&config) };
    assert_eq!(now.asks_for_another(&request, Some(&record)), None);
    let forbidden = terms(&config).asks_for_another(&request, Some(&record));
    assert_eq!(forbidden, Some(Cause::Identity), "the policy takes them back");
}

#[test]
fn terms_that_a_request_was_made_for_or_that_are_met_ask_for_nothing() {
    let config = config();
    let now = Terms { key: KeyAlgorithm::EcdsaP256, ..terms(&config) };
    let (mut request, record) = issued(&terms(&config));
    let ask = |request: &Request, record| now.asks_for_another(request, record).is_some();
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
    assert_eq!(terms(&config).asks_for_another(&request, Some(&record)), None, "they are met");
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
