//! Those who operate the hub, and those who only look.

use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, no_right, refused};
use crate::call::{create, delete, delete_all, list, merge, read, replace, status, token};
use crate::objects::{
    EAST, MESHES, SYSTEM, annotated, approval, asks, by_admin, by_hub, claim, decision, demo,
    lease, mesh_trust, object, plain, record, request, under_review, whole,
};
use crate::setup::Who::{Operator, Viewer};
use crate::setup::binding;

#[tokio::test]
async fn an_operator_operates_and_a_viewer_looks() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [
        requests(),
        answers(),
        approvals(),
        promotions(),
        ledger(),
        secrets(),
        policies(),
        values(),
        views(),
        controls(),
    ];
    groups.into_iter().flatten().collect()
}

fn requests() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let may = "a new request may carry it from those who may approve on the virtual mesh";
    vec![
        refused(
            "an operator brings a key of their own",
            Operator,
            create(&whole(EAST, "operators.1", &demo())),
            may,
        ),
        no_right(
            "an operator adds a CSR to a request",
            Operator,
            merge(&of("operators.2"), json!({ "spec": { "csrData": "Q1NS" } })),
        )
        .after(by_hub(&of("operators.2"))),
    ]
}

fn answers() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let accepted = json!({ "computedStatus": { "state": "ACCEPTED" } });
    vec![
        no_right(
            "an operator says what people are asked",
            Operator,
            merge(&of("operators.2"), asks("{}")),
        ),
        no_right(
            "an operator says what the hub makes of a request",
            Operator,
            status(&of("operators.2"), accepted),
        ),
        no_right(
            "an operator answers a request",
            Operator,
            status(&of("operators.2"), json!({ "response": { "caCertificate": "Q0E=" } })),
        ),
        no_right(
            "an operator deletes all requests at once",
            Operator,
            delete_all(&of("operators.2")),
        ),
    ]
}

fn approvals() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let approver = "system:serviceaccount:people:approver";
    let approves = status(&of("operators.4"), decision("APPROVED", ""));
    vec![
        no_right("an operator approves", Operator, approves.clone())
            .after(under_review("operators.4")),
        no_right(
            "an operator approves as an approver",
            Operator,
            approves.pretending(approver, "system:serviceaccounts"),
        ),
        no_right(
            "an operator writes an approval",
            Operator,
            create(&approval(EAST, "operators.4", &demo())),
        ),
    ]
}

fn promotions() -> Vec<Attempt> {
    let account = ("people", "operator");
    let binds = binding("rise", "", "ClusterRole", "meshroot-approver", account);
    vec![
        no_right(
            "an operator withdraws an approval",
            Operator,
            delete(&approval(EAST, "operators.5", &demo())),
        )
        .after(by_admin(&approval(EAST, "operators.5", &demo()))),
        no_right("an operator makes themself an approver", Operator, create(&binds)),
        no_right(
            "an operator asks for an approver's token",
            Operator,
            token("people", "approver", 3600),
        ),
        no_right(
            "an operator lifts a policy",
            Operator,
            delete(&plain("ValidatingAdmissionPolicyBinding", "", "meshroot-request-status")),
        ),
    ]
}

fn ledger() -> Vec<Attempt> {
    let entry = record(EAST, "operators.6");
    let labels = json!({ "metadata": { "labels": { "a": "b" } } });
    let told = mesh_trust(EAST, "operators");
    vec![
        no_right("an operator writes a record", Operator, create(&record(EAST, "operators.7"))),
        no_right("an operator labels a record", Operator, merge(&entry, labels))
            .after(by_hub(&entry)),
        no_right("an operator deletes a record", Operator, delete(&entry)),
        no_right("an operator reads how far a ledger has come", Operator, read(&claim())),
        no_right("an operator sets a ledger back", Operator, delete(&claim())),
        no_right(
            "an operator tells a mesh what to trust",
            Operator,
            merge(&told, json!({ "spec": { "trustAnchors": "x" } })),
        )
        .after(by_hub(&told)),
        no_right(
            "an operator says what a mesh has loaded",
            Operator,
            status(&told, json!({ "pickup": "Confirmed" })),
        ),
        no_right(
            "an operator takes the hub's Lease",
            Operator,
            merge(&lease(SYSTEM, "operators"), json!({ "spec": { "holderIdentity": "x" } })),
        )
        .after(by_admin(&lease(SYSTEM, "operators"))),
    ]
}

fn secrets() -> Vec<Attempt> {
    let root = plain("Secret", SYSTEM, "operators-ca-certs");
    vec![
        no_right("an operator reads a root key", Operator, read(&root)).after(by_admin(&root)),
        no_right(
            "an operator swaps a root key",
            Operator,
            replace(&root, json!({ "stringData": { "key.pem": "x" } })),
        ),
        no_right(
            "an operator asks for the hub's token",
            Operator,
            token(SYSTEM, "meshroot-hub", 3600),
        ),
        no_right(
            "an operator asks for an agent's token",
            Operator,
            token(EAST, "meshroot-agent", 3600),
        ),
    ]
}

fn policies() -> Vec<Attempt> {
    let policy = |spec: Value| object("TrustPolicy", MESHES, "operators", &spec);
    let far = policy(json!({ "virtualMeshRef": { "name": "own", "namespace": "tenant" } }));
    let rotation = object(
        "RootRotation",
        MESHES,
        "own.2",
        &json!({ "virtualMeshRef": { "name": "own", "namespace": "tenant" } }),
    );
    vec![
        refused(
            "an operator's policy governs a virtual mesh of another namespace",
            Operator,
            create(&far),
            "a TrustPolicy is for a VirtualMesh of its own namespace",
        ),
        refused(
            "an operator replaces a root from another namespace",
            Operator,
            create(&rotation),
            "a RootRotation is for a VirtualMesh of its own namespace",
        ),
    ]
}

fn values() -> Vec<Attempt> {
    let policy = |spec: Value| object("TrustPolicy", MESHES, "operators", &spec);
    let soon = policy(
        json!({ "virtualMeshRef": { "name": "operators" }, "intermediate": { "renewAtPercent": 100 } }),
    );
    let deep = policy(
        json!({ "virtualMeshRef": { "name": "operators" }, "intermediate": { "pathLen": 5 } }),
    );
    let wild =
        policy(json!({ "virtualMeshRef": { "name": "operators" }, "hosts": { "allow": ["*"] } }));
    let words = policy(
        json!({ "virtualMeshRef": { "name": "operators" }, "intermediate": { "renewAtPercent": "67" } }),
    );
    let crd = plain("CustomResourceDefinition", "", "issuancerecords.meshroot.dev");
    vec![
        refused(
            "an operator has certificates renewed never",
            Operator,
            create(&soon),
            "spec.intermediate.renewAtPercent",
        ),
        refused(
            "an operator lets intermediates sign five levels",
            Operator,
            create(&deep),
            "spec.intermediate.pathLen",
        ),
        refused("an operator allows every host", Operator, create(&wild), "spec.hosts.allow[0]"),
        refused(
            "an operator writes a number as a word",
            Operator,
            create(&words),
            "spec.intermediate.renewAtPercent",
        ),
        no_right("an operator takes the rules away with the definition", Operator, delete(&crd)),
    ]
}

fn views() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let demo_mesh = object("VirtualMesh", MESHES, "viewed", &json!({}));
    vec![
        no_right("a viewer makes a request", Viewer, create(&of("viewers.1"))),
        no_right("a viewer approves", Viewer, status(&of("viewers.2"), decision("APPROVED", "")))
            .after(under_review("viewers.2")),
        no_right(
            "a viewer writes an approval",
            Viewer,
            create(&approval(EAST, "viewers.2", &demo())),
        ),
        no_right("a viewer deletes a request", Viewer, delete(&of("viewers.2"))),
        no_right("a viewer makes a virtual mesh", Viewer, create(&demo_mesh)),
        no_right(
            "a viewer has a Mesh join",
            Viewer,
            merge(
                &demo_mesh,
                json!({ "spec": { "meshes": [{ "name": "m", "namespace": EAST }] } }),
            ),
        )
        .after(by_admin(&demo_mesh)),
        no_right("a viewer writes a record", Viewer, create(&record(EAST, "viewers.3"))),
        no_right("a viewer lists the root keys", Viewer, list(&plain("Secret", SYSTEM, "any"))),
        no_right("a viewer reads how far a ledger has come", Viewer, read(&claim())),
    ]
}

fn controls() -> Vec<Attempt> {
    let policy = object(
        "TrustPolicy",
        MESHES,
        "operated",
        &json!({ "virtualMeshRef": { "name": "operated" } }),
    );
    let members = json!({ "meshes": [{ "name": "m", "namespace": EAST }] });
    let virtual_mesh = object("VirtualMesh", MESHES, "operated", &members);
    let reason = meshroot_api::names::REASON_ANNOTATION;
    let stolen = annotated(request(EAST, "operators.9"), reason, "KeyCompromised");
    vec![
        allowed("an operator asks for a renewal", Operator, create(&request(EAST, "operators.8"))),
        allowed("an operator says that a key was stolen", Operator, create(&stolen)),
        allowed("an operator has a Mesh join", Operator, create(&virtual_mesh)),
        allowed("an operator makes a policy", Operator, create(&policy)),
        allowed("a viewer reads the ledger", Viewer, list(&record(EAST, "any"))),
        allowed("a viewer reads requests", Viewer, list(&request(EAST, "any"))),
    ]
}
