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
    request.metadata.uid = Some("0a1b".to_owned());
    let asked = Asked {
        csr_sha256: csr.fingerprint().to_string(),
        profile_sha256: "11".repeat(32),
        lifetime: "2160h".parse().unwrap(),
        path_len: 0,
        issuer: "CN=root".to_owned(),
        issuer_sha256: "22".repeat(32),
        approvals: 1,
    };
    request.metadata.annotations = Some([(ASKED_ANNOTATION.to_owned(), asked.to_string())].into());
    request.status = Some(serde_json::from_value(status).unwrap());
    request
}

fn decided(verdict: ApprovalStatus) -> Decision<'static> {
    Decision { verdict, shown: None }
}

fn refusal(request: &Request, verdict: ApprovalStatus) -> String {
    refused(request, &decided(verdict))
}

fn refused(request: &Request, decision: &Decision<'_>) -> String {
    let failure = check(request, decision, now()).unwrap_err();
    assert_eq!(failure.exit(), Exit::No);
    failure.text(false)
}

#[test]
fn a_request_with_a_csr_and_no_decision_can_be_decided() {
    for decision in [ApprovalStatus::Approved, ApprovalStatus::Denied] {
        check(&request(json!({})), &decided(decision), now()).unwrap();
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
    check(&request, &decided(ApprovalStatus::Denied), now()).unwrap();
}

#[test]
fn what_nobody_was_asked_to_approve_cannot_be_approved() {
    let mut request = request(json!({ "computedStatus": { "message": "HostNotAllowed: no" } }));
    request.metadata.annotations = None;
    let text = refusal(&request, ApprovalStatus::Approved);
    assert!(text.contains("has not asked anybody to; it says: HostNotAllowed: no"), "{text}");
    check(&request, &decided(ApprovalStatus::Denied), now()).unwrap();
}

#[test]
fn an_approval_of_what_was_shown_is_refused_for_anything_else() {
    let request = request(json!({}));
    let digest = approval_digest(&request).unwrap().to_string();
    let shown = |shown| Decision { shown: Some(shown), ..decided(ApprovalStatus::Approved) };
    check(&request, &shown(&digest), now()).unwrap();
    let upper = digest.to_uppercase();
    check(&request, &shown(&upper), now()).unwrap();
    let text = refused(&request, &shown("beef"));
    assert!(text.contains("is not what was shown") && text.contains(&digest), "{text}");
    let mut again = request.clone();
    again.metadata.uid = Some("another object of the same name".to_owned());
    refused(&again, &shown(&digest));
    let mut changed = request;
    let annotations = changed.metadata.annotations.as_mut().unwrap();
    for text in annotations.values_mut() {
        *text = text.replace("\"pathLen\":0", "\"pathLen\":1");
    }
    refused(&changed, &shown(&digest));
}

#[test]
fn the_write_states_the_version_that_was_read_and_touches_the_decision_only() {
    let patch = patch(&request(json!({})), "alice", "CHG-1", now());
    assert_eq!(
        patch,
        json!({
            "metadata": { "resourceVersion": "7" },
            "status": { "thirdPartyApproval": {
                "approvalStatus": "DENIED", "message": "denied by alice: CHG-1",
                "lastUpdatedTime": "2026-11-24T08:00:00Z",
            } },
        })
    );
}
