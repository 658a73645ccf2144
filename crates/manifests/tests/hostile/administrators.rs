//! A cluster administrator, `system:masters`: what policies and definitions hold against everybody.

use meshroot_api::names::REASON_ANNOTATION;
use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, refused};
use crate::call::{apply, create, delete, json_patch, merge, on_status, replace, status};
use crate::objects::{
    EAST, TENANT, approval, approved, asked, asks, by_admin, by_hub, decision, demo, mesh_trust,
    not_asked, object, record, request, under_review,
};
use crate::setup::Who::Admin;

#[tokio::test]
async fn an_administrator_writes_no_fact_for_others() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [
        requests(),
        statuses(),
        states(),
        decisions(),
        afterthoughts(),
        names(),
        ledger(),
        records(),
        trust(),
        controls(),
    ];
    groups.into_iter().flatten().collect()
}

fn requests() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let csr = |csr: &str| json!({ "spec": { "csrData": csr } });
    let agents = "spec.csrData is written by the agent of the request's namespace only";
    let hubs = "what people are asked to approve: it is written by the hub only";
    let late = "is said by a new request";
    let says = json!({ "metadata": { "annotations": { REASON_ANNOTATION: "KeyCompromised" } } });
    let moved = json!({ "spec": { "virtualMeshRef": { "namespace": "other" } } });
    let never = "spec.virtualMeshRef never changes";
    let gone = json!({ "metadata": { "annotations": null } });
    let (two, one) = (asked("masters.4", "{\"approvals\":2}"), asks("{}"));
    let of_hub = |name: &str| by_hub(&of(name));
    let rows = [
        ("adds a CSR to a request", "masters.1", csr("Q1NS"), agents, of_hub("masters.1")),
        ("swaps a CSR", "masters.2", csr("T1RI"), ONCE, under_review("masters.2")),
        ("says that people were asked", "masters.3", asks("{}"), hubs, not_asked("masters.3")),
        ("has one person asked instead of two", "masters.4", one, hubs, two),
        ("takes away what was asked", "masters.5", gone, hubs, under_review("masters.5")),
        ("moves a request", "masters.6", moved, never, under_review("masters.6")),
        (
            "says of an old request that a key was stolen",
            "masters.7",
            says,
            late,
            of_hub("masters.7"),
        ),
    ];
    let row = |(what, name, change, part, steps): (&str, &str, Value, _, _)| {
        refused(format!("an administrator {what}"), Admin, merge(&of(name), change), part)
            .after(steps)
    };
    rows.into_iter().map(row).collect()
}

const ONCE: &str = "spec.csrData is set once";

fn statuses() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let response = json!({ "response": { "caCertificate": "Q0E=", "rootCertificate": "Q0E=" } });
    let answered = "status.response is written by the hub only";
    let whole =
        on_status(&of("answers.2"), replace(&of("answers.2"), json!({ "status": response })));
    let answer = |name| {
        let steps = vec![(crate::setup::Who::Hub, status(&of(name), response.clone()))];
        [under_review(name), steps].concat()
    };
    vec![
        refused(
            "an administrator answers a request",
            Admin,
            status(&of("answers.1"), response.clone()),
            answered,
        )
        .after(under_review("answers.1")),
        refused("an administrator answers a request in a whole status", Admin, whole, answered)
            .after(under_review("answers.2")),
        refused(
            "an administrator swaps an answer",
            Admin,
            status(&of("answers.3"), json!({ "response": { "rootCertificate": "T1RI" } })),
            "status.response is set once",
        )
        .after(answer("answers.3")),
        refused(
            "an administrator takes an answer away",
            Admin,
            status(&of("answers.4"), json!({ "response": null })),
            "status.response is set once",
        )
        .after(answer("answers.4")),
    ]
}

fn states() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let said = "status.computedStatus is written by the hub only";
    let state = |state: Value| json!({ "computedStatus": state });
    vec![
        refused(
            "an administrator says that a request is accepted",
            Admin,
            status(&of("answers.5"), state(json!({ "state": "ACCEPTED" }))),
            said,
        )
        .after(under_review("answers.5")),
        refused(
            "an administrator says in the hub's name what people are to do",
            Admin,
            status(&of("answers.6"), state(json!({ "message": "approve it" }))),
            said,
        )
        .after(under_review("answers.6")),
    ]
}

fn decisions() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let approves = |name| status(&of(name), decision("APPROVED", "CHG-1"));
    let several = "several people must approve this request, each with a RequestApproval";
    vec![
        refused(
            "an administrator approves what the hub has not asked",
            Admin,
            approves("decides.1"),
            "the hub has not asked anybody",
        )
        .after(not_asked("decides.1")),
        refused(
            "an administrator approves what has no CSR",
            Admin,
            approves("decides.2"),
            "there is no spec.csrData to decide on yet",
        )
        .after(by_hub(&of("decides.2"))),
        refused(
            "an administrator decides alone where two are asked",
            Admin,
            approves("decides.3"),
            several,
        )
        .after(asked("decides.3", "{\"approvals\":2}")),
    ]
}

fn afterthoughts() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let approves = |name| status(&of(name), decision("APPROVED", "CHG-1"));
    let last = "is final once it is APPROVED or DENIED";
    let colon = approves("decides.6").pretending("eve: the first", "system:masters");
    vec![
        refused(
            "an administrator denies what is approved",
            Admin,
            status(&of("decides.4"), decision("DENIED", "no")),
            last,
        )
        .after(approved("decides.4")),
        refused("an administrator gives another's reason anew", Admin, approves("decides.5"), last)
            .after(approved("decides.5")),
        refused(
            "a user decides whose name reads like a name and a reason",
            Admin,
            colon,
            "or with a colon and a space in it, cannot stand",
        )
        .after(under_review("decides.6")),
    ]
}

fn names() -> Vec<Attempt> {
    let of = |name: &str| approval(EAST, name, &demo());
    let mut forged = of("lent.1");
    forged["spec"]["user"] = json!("alice");
    let own = "spec.user is the name of whoever creates the RequestApproval";
    let change = |spec: Value| json!({ "spec": spec });
    vec![
        refused("an administrator votes for another", Admin, create(&forged), own),
        refused("an administrator applies a vote for another", Admin, apply(&forged), own),
        refused(
            "an administrator passes a vote to another",
            Admin,
            merge(&of("lent.2"), change(json!({ "user": "alice" }))),
            "an approval never changes",
        )
        .after(by_admin(&of("lent.2"))),
        refused(
            "an administrator turns a vote to another digest",
            Admin,
            replace(&of("lent.3"), change(json!({ "sha256": "cd".repeat(32) }))),
            "an approval never changes",
        )
        .after(by_admin(&of("lent.3"))),
    ]
}

fn ledger() -> Vec<Attempt> {
    let of = |name: &str| record(EAST, name);
    let never = "an IssuanceRecord never changes";
    let metadata = |field: &str, value: Value| json!({ "metadata": { field: value } });
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b" }]);
    let rows = [
        ("labels a record", "ledger.1", metadata("labels", json!({ "a": "b" }))),
        ("annotates a record", "ledger.2", metadata("annotations", json!({ "a": "b" }))),
        ("has a record collected as garbage", "ledger.3", metadata("ownerReferences", owner)),
        ("keeps a record from going", "ledger.4", metadata("finalizers", json!(["example.com/a"]))),
    ];
    let row = |(what, name, change)| {
        refused(format!("an administrator {what}"), Admin, merge(&of(name), change), never)
            .after(by_hub(&of(name)))
    };
    rows.into_iter().map(row).collect()
}

fn records() -> Vec<Attempt> {
    let of = |name: &str| record(EAST, name);
    let operation =
        json!([{ "op": "replace", "path": "/spec/decision/verdict", "value": "Approved" }]);
    let mut applied = of("ledger.7");
    applied["spec"]["sequence"] = json!(2);
    vec![
        refused(
            "an administrator writes a record",
            Admin,
            create(&of("ledger.5")),
            "an IssuanceRecord is created by the hub only",
        ),
        refused(
            "an administrator writes a record by apply",
            Admin,
            apply(&of("ledger.5")),
            "an IssuanceRecord is created by the hub only",
        ),
        refused(
            "an administrator writes a revocation beside a virtual mesh",
            Admin,
            create(&record(TENANT, "own.revoked.01")),
            "an IssuanceRecord is created by the hub only",
        ),
        refused(
            "an administrator turns a denial into an approval",
            Admin,
            json_patch(&of("ledger.6"), operation),
            "an issuance record never changes",
        )
        .after(by_hub(&of("ledger.6"))),
        refused(
            "an administrator takes a record over by a forced apply",
            Admin,
            apply(&applied),
            "an issuance record never changes",
        )
        .after(by_hub(&of("ledger.7"))),
    ]
}

fn trust() -> Vec<Attempt> {
    let told = |name: &str| mesh_trust(EAST, name);
    let hubs = "spec of a MeshTrust is written by the hub only";
    let far = object("TrustPolicy", TENANT, "masters", &json!({ "virtualMeshRef": demo() }));
    let rotation = object("RootRotation", TENANT, "demo.2", &json!({ "virtualMeshRef": demo() }));
    vec![
        refused("an administrator makes a MeshTrust", Admin, create(&told("masters-1")), hubs),
        refused(
            "an administrator tells a mesh what to trust",
            Admin,
            merge(&told("masters-2"), json!({ "spec": { "trustAnchors": "x" } })),
            hubs,
        )
        .after(by_hub(&told("masters-2"))),
        refused(
            "an administrator says what a mesh has loaded",
            Admin,
            status(&told("masters-3"), json!({ "pickup": "Confirmed" })),
            "is written by the agent of its namespace only",
        )
        .after(by_hub(&told("masters-3"))),
        refused(
            "an administrator's policy governs a virtual mesh of another namespace",
            Admin,
            create(&far),
            "a TrustPolicy is for a VirtualMesh of its own namespace",
        ),
        refused(
            "an administrator replaces a root from another namespace",
            Admin,
            create(&rotation),
            "a RootRotation is for a VirtualMesh of its own namespace",
        ),
    ]
}

fn controls() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let labels = json!({ "metadata": { "labels": { "a": "b" } } });
    vec![
        allowed("an administrator labels a request", Admin, merge(&of("mends.1"), labels.clone()))
            .after(by_hub(&of("mends.1"))),
        allowed(
            "an administrator approves what was asked",
            Admin,
            status(&of("mends.2"), decision("APPROVED", "CHG-1")),
        )
        .after(under_review("mends.2")),
        allowed(
            "an administrator labels a MeshTrust",
            Admin,
            merge(&mesh_trust(EAST, "mends"), labels),
        )
        .after(by_hub(&mesh_trust(EAST, "mends"))),
        allowed("an administrator deletes a request under review", Admin, delete(&of("mends.3")))
            .after(under_review("mends.3")),
    ]
}
