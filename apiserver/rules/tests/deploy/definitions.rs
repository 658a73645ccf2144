//! Rules of the definitions.

use apiserver_rules::CompiledRules;
use serde_json::{Value, json};

use crate::files::{document, documents};
use crate::schema::read;

fn rules(definition: &Value) -> CompiledRules {
    let schema = read(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    CompiledRules::compile(&schema, "spec.versions[0].schema.openAPIV3Schema").unwrap()
}

fn request_rules() -> CompiledRules {
    let name = "virtualmeshcertificatesigningrequests.security.zephyr.solo.io";
    rules(&document("crds", "CustomResourceDefinition", name))
}

fn request(spec: Value, status: Value) -> Value {
    json!({ "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
        "metadata": { "name": "x" }, "spec": spec, "status": status })
}

fn said(rules: &CompiledRules, new: &Value, old: Option<&Value>) -> Vec<String> {
    rules.evaluate(new, old).iter().map(ToString::to_string).collect()
}

#[test]
fn all_definitions_compile() {
    let definitions = documents("crds");
    assert!(definitions.len() >= 7);
    for definition in definitions {
        rules(&definition);
    }
}

#[test]
fn a_request_keeps_its_reference_and_its_csr() {
    let rules = request_rules();
    let old = request(
        json!({ "virtualMeshRef": { "name": "demo", "namespace": "m" }, "csrData": "Q1NS" }),
        json!({}),
    );
    assert_eq!(said(&rules, &old, None), Vec::<String>::new());
    assert_eq!(said(&rules, &old, Some(&old)), Vec::<String>::new());
    let mut new = old.clone();
    new["spec"]["virtualMeshRef"]["namespace"] = json!("other");
    new["spec"]["csrData"] = json!("T1RI");
    assert_eq!(
        said(&rules, &new, Some(&old)),
        [
            "Invalid value: spec.virtualMeshRef never changes: create a new request instead",
            "Invalid value: spec.csrData is set once: create a new request instead",
        ]
    );
    let written = request(
        json!({ "virtualMeshRef": { "name": "demo", "namespace": "m", "cluster": "" }, "csrData": "Q1NS",
            "certConfig": { "hosts": [], "org": "", "meshType": "ISTIO" } }),
        json!({ "response": { "caCertificate": "" } }),
    );
    assert_eq!(said(&rules, &written, Some(&old)), Vec::<String>::new());
}

#[test]
fn an_approval_needs_a_csr_and_is_final() {
    let rules = request_rules();
    let approved = |state: &str| json!({ "thirdPartyApproval": { "approvalStatus": state } });
    let empty = request(json!({}), json!({}));
    let early = request(json!({}), approved("APPROVED"));
    assert_eq!(
        said(&rules, &early, Some(&empty)),
        [
            "Invalid value: status.thirdPartyApproval.approvalStatus: there is no spec.csrData to decide on yet",
        ]
    );
    // What is there already stays as it is, and is no reason to refuse what the hub has to say.
    assert_eq!(said(&rules, &early, Some(&early)), Vec::<String>::new());
    let spec = json!({ "csrData": "Q1NS" });
    let (old, new) =
        (request(spec.clone(), approved("APPROVED")), request(spec, approved("DENIED")));
    assert_eq!(
        said(&rules, &new, Some(&old)),
        [
            "Invalid value: status.thirdPartyApproval.approvalStatus is final once it is APPROVED or DENIED",
        ]
    );
}

#[test]
fn a_policy_does_not_set_both_of_two() {
    let rules = rules(&document(
        "crds",
        "CustomResourceDefinition",
        "virtualmeshes.networking.zephyr.solo.io",
    ));
    let both = json!({ "spec": { "shared": {}, "limited": {}, "certificateAuthority": { "builtin": {} } } });
    assert_eq!(said(&rules, &both, None), ["spec: Invalid value: set shared or limited, not both"]);
}
