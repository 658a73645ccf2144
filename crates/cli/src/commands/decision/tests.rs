use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as Spec;
use meshroot_pki::{DistinguishedName, Host, KeyKind, PrivateKey};

use super::*;
use crate::failure::Exit;

fn now() -> Timestamp {
    "2026-11-24T08:00:00.75Z".parse().unwrap()
}

fn request(status: Value) -> Request {
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let host: Host = "spiffe://cluster.local/ns/istio-system/sa/istiod".parse().unwrap();
    let csr = CertificateRequest::create(&key, &DistinguishedName::empty(), &[host]).unwrap();
    let mut request =
        Request::new("istio-a.demo.1", Spec { csr_data: csr.to_pem().into(), ..Spec::default() });
    request.metadata.namespace = Some("meshroot-cluster-east".to_owned());
    request.metadata.resource_version = Some("7".to_owned());
    request.status = Some(serde_json::from_value(status).unwrap());
    request
}

fn refusal(request: &Request, decision: ApprovalStatus) -> String {
    let failure = check(request, decision, now()).unwrap_err();
    assert_eq!(failure.exit(), Exit::No);
    failure.text(false)
}

#[test]
fn a_request_with_a_csr_and_no_decision_can_be_decided() {
    for decision in [ApprovalStatus::Approved, ApprovalStatus::Denied] {
        check(&request(json!({})), decision, now()).unwrap();
    }
}

#[test]
fn a_request_without_a_csr_names_the_agent_that_is_waited_for() {
    let mut request = request(json!({}));
    request.spec.csr_data = Vec::new().into();
    let text = refusal(&request, ApprovalStatus::Denied);
    assert!(text.contains("the agent of east has not made"), "{text}");
    assert!(text.contains("field spec.csrData"), "{text}");
}

#[test]
fn a_decided_request_says_by_what_message_and_when() {
    let request = request(json!({ "thirdPartyApproval": {
        "approvalStatus": "DENIED", "message": "CHG-7", "lastUpdatedTime": "2026-11-24T05:00:00Z",
    } }));
    let text = refusal(&request, ApprovalStatus::Approved);
    assert!(
        text.contains(
            "was DENIED already 2026-11-24 05:00 UTC (3h ago), with the message \"CHG-7\""
        ),
        "{text}"
    );
}

#[test]
fn an_answered_request_is_beyond_decision() {
    let request = request(json!({ "response": { "caCertificate": "eA==" } }));
    let text = refusal(&request, ApprovalStatus::Denied);
    assert!(text.contains("answered with a certificate already"), "{text}");
}

#[test]
fn what_cannot_be_read_may_be_denied_but_not_approved() {
    let mut request = request(json!({}));
    request.spec.csr_data = b"junk".to_vec().into();
    let text = refusal(&request, ApprovalStatus::Approved);
    assert!(text.contains("cannot be read"), "{text}");
    check(&request, ApprovalStatus::Denied, now()).unwrap();
}

#[test]
fn the_write_states_the_version_that_was_read_and_touches_the_decision_only() {
    let patch = patch(&request(json!({})), ApprovalStatus::Approved, "CHG-1", now());
    assert_eq!(
        patch,
        json!({
            "metadata": { "resourceVersion": "7" },
            "status": { "thirdPartyApproval": {
                "approvalStatus": "APPROVED", "message": "CHG-1", "lastUpdatedTime": "2026-11-24T08:00:00Z",
            } },
        })
    );
}
