//! The policies, asked about requests of hub, agents and administrators.

use apiserver_object::{Attributes, Authorizer, Decision, ResourceAttributes, User};
use apiserver_rules::{Admission, Binding, MutatingPolicy, Operation, Policy, admit};
use serde_json::{Value, json};

use crate::files::{document, documents};

const HUB: &str = "system:serviceaccount:meshroot-system:meshroot-hub";
const AGENT: &str = "system:serviceaccount:meshroot-cluster-east:meshroot-agent";

/// Allows one user to approve on one virtual mesh, and one to have one mesh join.
struct Approver;

impl Authorizer for Approver {
    fn authorize(&self, user: &User, asked: &Attributes<'_>) -> Decision {
        let wanted = ResourceAttributes {
            verb: "approve".into(),
            group: "networking.zephyr.solo.io".into(),
            resource: "virtualmeshes".into(),
            namespace: "meshes".into(),
            name: "demo".into(),
            ..ResourceAttributes::default()
        };
        let mesh = ResourceAttributes {
            verb: "join".into(),
            group: "discovery.zephyr.solo.io".into(),
            resource: "meshes".into(),
            namespace: "meshroot-cluster-east".into(),
            name: "x".into(),
            ..ResourceAttributes::default()
        };
        let allowed = user.name == "approver" && *asked == Attributes::Resource(wanted)
            || user.name == "joiner" && *asked == Attributes::Resource(mesh);
        Decision { allowed, ..Decision::default() }
    }
}

struct Ask<'a> {
    policy: &'a str,
    operation: Operation,
    resource: (&'a str, &'a str, &'a str),
    user: &'a str,
    object: Option<Value>,
    old: Option<Value>,
}

fn denied(ask: &Ask<'_>) -> Option<String> {
    let policy =
        Policy::compile(&document("policies", "ValidatingAdmissionPolicy", ask.policy)).unwrap();
    let binding =
        Binding::compile(&document("policies", "ValidatingAdmissionPolicyBinding", ask.policy))
            .unwrap();
    let user = User { name: ask.user.to_owned(), ..User::default() };
    let (group, resource, subresource) = ask.resource;
    let request = Admission {
        operation: ask.operation,
        group,
        version: "v1alpha1",
        resource,
        subresource,
        kind: "X",
        namespace: "meshroot-cluster-east",
        name: "x",
        object: ask.object.as_ref(),
        old_object: ask.old.as_ref(),
        user: &user,
        dry_run: false,
        namespace_object: None,
        options: None,
    };
    assert!(policy.matches(&request));
    admit([(&policy, &binding)], &request, &Approver).denial.map(|denial| {
        assert_eq!((denial.reason.as_str(), denial.code), ("Forbidden", 403));
        let prefix = format!(
            "ValidatingAdmissionPolicy '{0}' with binding '{0}' denied request: ",
            ask.policy
        );
        denial.message.strip_prefix(&prefix).unwrap().to_owned()
    })
}

fn status_change(user: &str, status: Value) -> Option<String> {
    let spec =
        json!({ "virtualMeshRef": { "name": "demo", "namespace": "meshes" }, "csrData": "Q1NS" });
    denied(&Ask {
        policy: "meshroot-request-status",
        operation: Operation::Update,
        resource: ("security.zephyr.solo.io", "virtualmeshcertificatesigningrequests", "status"),
        user,
        object: Some(json!({ "metadata": {}, "spec": spec, "status": status })),
        old: Some(
            json!({ "metadata": { "annotations": { "meshroot.dev/asked": "{}" } }, "spec": spec }),
        ),
    })
}

#[test]
fn all_policies_and_bindings_compile() {
    let documents = documents("policies");
    assert!(documents.len() >= 10);
    for document in documents {
        match document["kind"].as_str().unwrap() {
            "ValidatingAdmissionPolicy" => drop(Policy::compile(&document).unwrap()),
            "MutatingAdmissionPolicy" => drop(MutatingPolicy::compile(&document).unwrap()),
            "ValidatingAdmissionPolicyBinding" => drop(Binding::compile(&document).unwrap()),
            _ => drop(Binding::compile_mutating(&document).unwrap()),
        }
    }
}

#[test]
fn the_hub_writes_all_of_a_status() {
    let status = json!({ "response": { "caCertificate": "Q0E=" }, "computedStatus": { "state": "ACCEPTED" },
        "thirdPartyApproval": { "approvalStatus": "APPROVED" } });
    assert_eq!(status_change(HUB, status), None);
}

#[test]
fn an_approver_writes_the_approval_and_nothing_else() {
    let approval = json!({ "thirdPartyApproval": {
        "approvalStatus": "APPROVED", "message": "approved by approver: CHG-1",
    } });
    assert_eq!(status_change("approver", approval.clone()), None);
    for other in ["somebody", AGENT] {
        assert!(
            status_change(other, approval.clone())
                .unwrap()
                .starts_with("status.thirdPartyApproval is written by")
        );
    }
    let response = json!({ "response": { "caCertificate": "Q0E=" } });
    assert_eq!(
        status_change("approver", response).unwrap(),
        "status.response is written by the hub only"
    );
    assert_eq!(status_change("somebody", json!({ "response": { "caCertificate": "" } })), None);
}

fn request_change(
    user: &str,
    operation: Operation,
    csr: &str,
    old: Option<&str>,
) -> Option<String> {
    let brings = operation == Operation::Create && !csr.is_empty();
    let annotations =
        if brings { json!({ "meshroot.dev/key-brought-by": user }) } else { json!({}) };
    let object = |csr: &str| json!({ "metadata": { "annotations": annotations }, "spec": { "virtualMeshRef": { "name": "demo", "namespace": "meshes" }, "csrData": csr } });
    denied(&Ask {
        policy: "meshroot-requests",
        operation,
        resource: ("security.zephyr.solo.io", "virtualmeshcertificatesigningrequests", ""),
        user,
        object: Some(object(csr)),
        old: old.map(object),
    })
}

#[test]
fn csr_data_comes_from_the_agent_of_the_namespace_or_with_a_new_request_of_an_approver() {
    assert_eq!(request_change(AGENT, Operation::Update, "Q1NS", Some("")), None);
    assert_eq!(request_change("approver", Operation::Create, "Q1NS", None), None);
    assert_eq!(request_change("somebody", Operation::Create, "", None), None);
    assert!(
        request_change("somebody", Operation::Create, "Q1NS", None)
            .unwrap()
            .starts_with("spec.csrData is written")
    );
    assert!(
        request_change("approver", Operation::Update, "Q1NS", Some(""))
            .unwrap()
            .starts_with("spec.csrData is written")
    );
    let west = "system:serviceaccount:meshroot-cluster-west:meshroot-agent";
    assert!(
        request_change(west, Operation::Update, "", Some(""))
            .unwrap()
            .starts_with("an agent writes requests")
    );
}

/// Three questions to the authorizer, each within what one expression may cost, and more than one may in all.
#[test]
fn a_mesh_joins_by_whoever_may_have_it_join() {
    let ask = |user, members: &[&str]| {
        let members: Vec<Value> = members
            .iter()
            .map(|name| json!({ "name": name, "namespace": "meshroot-cluster-east" }))
            .collect();
        denied(&Ask {
            policy: "meshroot-virtual-meshes",
            operation: Operation::Create,
            resource: ("networking.zephyr.solo.io", "virtualmeshes", ""),
            user,
            object: Some(json!({ "spec": { "meshes": members } })),
            old: None,
        })
    };
    assert_eq!(ask("joiner", &["x"]), None);
    assert_eq!(ask("anybody", &[]), None);
    for (user, members) in
        [("anybody", &["x"][..]), ("joiner", &["y"]), ("joiner", &["x", "y"]), (AGENT, &["x"])]
    {
        let message = ask(user, members).unwrap();
        assert!(message.starts_with("spec.meshes: a Mesh joins by"), "{user}: {message}");
    }
}

#[test]
fn a_record_is_written_once_by_the_hub_and_never_deleted_by_an_agent() {
    let ask = |operation, user, object: Option<Value>, old: Option<Value>| {
        denied(&Ask {
            policy: "meshroot-issuance-records",
            operation,
            resource: ("meshroot.dev", "issuancerecords", ""),
            user,
            object,
            old,
        })
    };
    let record = |label: &str| {
        Some(json!({ "metadata": { "labels": { "a": label } }, "spec": { "serial": "1" } }))
    };
    assert_eq!(ask(Operation::Create, HUB, record("x"), None), None);
    assert_eq!(
        ask(Operation::Create, "admin", record("x"), None).unwrap(),
        "an IssuanceRecord is created by the hub only"
    );
    assert_eq!(ask(Operation::Update, HUB, record("x"), record("x")), None);
    assert_eq!(
        ask(Operation::Update, HUB, record("y"), record("x")).unwrap(),
        "an IssuanceRecord never changes"
    );
    assert_eq!(ask(Operation::Delete, "admin", None, record("x")), None);
    assert!(ask(Operation::Delete, AGENT, None, record("x")).is_some());
}

#[test]
fn a_mesh_trust_is_of_the_hub_and_its_status_of_its_agent() {
    let ask = |subresource, user, trust: &str| {
        let policy = if subresource == "status" {
            "meshroot-mesh-trust-status"
        } else {
            "meshroot-mesh-trusts"
        };
        let object = |trust: &str| Some(json!({ "metadata": {}, "spec": { "root": trust } }));
        denied(&Ask {
            policy,
            operation: Operation::Update,
            resource: ("meshroot.dev", "meshtrusts", subresource),
            user,
            object: object(trust),
            old: object("a"),
        })
    };
    assert_eq!(ask("", HUB, "b"), None);
    assert_eq!(ask("", "admin", "a"), None);
    assert_eq!(ask("", "admin", "b").unwrap(), "spec of a MeshTrust is written by the hub only");
    assert!(ask("", AGENT, "a").is_some());
    assert_eq!(ask("status", AGENT, "a"), None);
    assert!(ask("status", HUB, "a").is_some());
}
