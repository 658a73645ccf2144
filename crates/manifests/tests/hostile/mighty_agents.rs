//! An agent whom somebody made a cluster administrator: no role stands in its way any more, the policies do.

use meshroot_api::names::REASON_ANNOTATION;
use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, refused};
use crate::call::{apply, apply_status, create, delete, delete_all, merge, status, token};
use crate::objects::{
    EAST, NORTH, annotated, approval, asks, by_admin, by_hub, decision, demo, mesh_trust, record,
    request, under_review, whole,
};
use crate::setup::Who::{Agent, Hub, Mighty};

#[tokio::test]
async fn an_agent_with_all_rights_is_still_an_agent() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [
        others(),
        other_facts(),
        reviews(),
        marks(),
        decisions(),
        votes(),
        ledger(),
        takings(),
        controls(),
    ];
    groups.into_iter().flatten().collect()
}

const OWN: &str = "an agent writes requests in its own cluster's namespace only";

fn others() -> Vec<Attempt> {
    let csr = json!({ "spec": { "csrData": "Q1NS" } });
    vec![
        refused(
            "a mighty agent makes a request for another cluster",
            Mighty,
            create(&request(EAST, "mighty.1")),
            OWN,
        ),
        refused(
            "a mighty agent applies a request for another cluster",
            Mighty,
            apply(&request(EAST, "mighty.2")),
            OWN,
        ),
        refused(
            "a mighty agent adds its CSR to another cluster's request",
            Mighty,
            merge(&request(EAST, "mighty.3"), csr),
            OWN,
        )
        .after(by_hub(&request(EAST, "mighty.3"))),
    ]
}

fn other_facts() -> Vec<Attempt> {
    let trust = mesh_trust(EAST, "east-trust");
    let labels = json!({ "metadata": { "labels": { "a": "b" } } });
    let by_its_agent = "status of a MeshTrust is written by the agent of its namespace only";
    vec![
        refused(
            "a mighty agent labels another cluster's request",
            Mighty,
            merge(&request(EAST, "mighty.4"), labels),
            OWN,
        )
        .after(under_review("mighty.4")),
        refused(
            "a mighty agent says what another cluster has loaded",
            Mighty,
            status(&trust, json!({ "pickup": "Confirmed" })),
            by_its_agent,
        )
        .after(by_hub(&trust)),
        refused(
            "a mighty agent asks for another agent's token of a year",
            Mighty,
            token(EAST, "meshroot-agent", 31_536_000),
            "an agent's token lives 30 days",
        ),
        refused(
            "a mighty agent asks for the hub's token of a year",
            Mighty,
            token("meshroot-system", "meshroot-hub", 31_536_000),
            "an agent's token lives 30 days",
        ),
    ]
}

fn reviews() -> Vec<Attempt> {
    let of = |name: &str| whole(NORTH, name, &demo());
    let asked_by_hub =
        |name: &str| vec![(Mighty, create(&of(name))), (Hub, merge(&of(name), asks("{}")))];
    vec![
        refused(
            "a mighty agent deletes its request under review",
            Mighty,
            delete(&of("kept.1")),
            "somebody may be deciding on it",
        )
        .after(asked_by_hub("kept.1")),
        refused(
            "a mighty agent deletes all requests of another cluster, one of them under review",
            Mighty,
            delete_all(&request(EAST, "mighty.5")).with("labelSelector=doomed"),
            "an agent does not delete a request",
        )
        .after([under_review("mighty.5"), doomed("mighty.5")].concat()),
        refused(
            "a mighty agent deletes another cluster's request under review",
            Mighty,
            delete(&request(EAST, "mighty.6")),
            "somebody may be deciding on it",
        )
        .after(under_review("mighty.6")),
    ]
}

fn marks() -> Vec<Attempt> {
    let of = |name: &str| whole(NORTH, name, &demo());
    let asked_by_hub =
        |name: &str| vec![(Mighty, create(&of(name))), (Hub, merge(&of(name), asks("{}")))];
    let says = json!({ "metadata": { "annotations": { REASON_ANNOTATION: "KeyCompromised" } } });
    let stolen = annotated(of("kept.3"), REASON_ANNOTATION, "KeyCompromised");
    vec![
        refused(
            "a mighty agent rewrites what people are asked",
            Mighty,
            merge(&of("kept.2"), asks("{\"pathLen\":4}")),
            "it is written by the hub only",
        )
        .after(asked_by_hub("kept.2")),
        refused(
            "a mighty agent deletes what tells of a theft",
            Mighty,
            delete(&of("kept.3")),
            "an agent does not delete a request that says",
        )
        .after(by_admin(&stolen)),
        refused(
            "a mighty agent has its certificates revoked",
            Mighty,
            merge(&of("kept.4"), says),
            "an agent neither says that the key of its mesh is believed stolen",
        )
        .after(asked_by_hub("kept.4")),
    ]
}

/// Marks a request, so that a selector finds it and no other.
fn doomed(name: &str) -> Vec<crate::call::Step> {
    vec![(
        Agent,
        merge(&request(EAST, name), json!({ "metadata": { "labels": { "doomed": "" } } })),
    )]
}

fn decisions() -> Vec<Attempt> {
    let of = |name: &str| whole(NORTH, name, &demo());
    let never = "never by an agent";
    let answered = "status.response is written by the hub only";
    let said = "status.computedStatus is written by the hub only";
    let response = json!({ "response": { "caCertificate": "Q0E=", "rootCertificate": "Q0E=" } });
    let accepted = json!({ "computedStatus": { "state": "ACCEPTED" } });
    let writes = |name: &str, change: Value| status(&of(name), change);
    let applied = apply_status(&of("decided.4"), &decision("APPROVED", ""));
    let rows = [
        ("approves", "decided.1", writes("decided.1", decision("APPROVED", "")), never),
        ("answers", "decided.2", writes("decided.2", response), answered),
        ("says that it has accepted", "decided.3", writes("decided.3", accepted), said),
        ("approves by a forced apply", "decided.4", applied, never),
    ];
    let row = |(does, name, call, part)| {
        let steps = vec![(Mighty, create(&of(name))), (Hub, merge(&of(name), asks("{}")))];
        refused(format!("a mighty agent {does} its own request"), Mighty, call, part).after(steps)
    };
    rows.into_iter().map(row).collect()
}

fn votes() -> Vec<Attempt> {
    let never = "never by an agent";
    let vote = |name: &str| approval(NORTH, name, &demo());
    let rows = [("approves", "mighty.7", "APPROVED"), ("denies", "mighty.8", "DENIED")];
    let row = |(does, name, word): (&str, &str, &str)| {
        let call = status(&request(EAST, name), decision(word, "no"));
        refused(format!("a mighty agent {does} another cluster's request"), Mighty, call, never)
            .after(under_review(name))
    };
    let withdraws = delete(&vote("mighty.10"));
    let more = [
        refused("a mighty agent approves by an object", Mighty, create(&vote("mighty.9")), never),
        refused("a mighty agent withdraws a vote", Mighty, withdraws, "never deleted by an agent")
            .after(by_admin(&vote("mighty.10"))),
    ];
    rows.into_iter().map(row).chain(more).collect()
}

fn ledger() -> Vec<Attempt> {
    let entry = |name: &str| record(NORTH, name);
    let owners = json!({ "metadata": { "ownerReferences": [
        { "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "b" },
    ] } });
    vec![
        refused(
            "a mighty agent writes a record",
            Mighty,
            create(&entry("mighty.1")),
            "an IssuanceRecord is created by the hub only",
        ),
        refused(
            "a mighty agent rewrites a record",
            Mighty,
            merge(&entry("mighty.2"), json!({ "spec": { "sequence": 2 } })),
            "an issuance record never changes",
        )
        .after(by_hub(&entry("mighty.2"))),
        refused(
            "a mighty agent has a record collected as garbage",
            Mighty,
            merge(&entry("mighty.3"), owners),
            "an IssuanceRecord never changes",
        )
        .after(by_hub(&entry("mighty.3"))),
    ]
}

fn takings() -> Vec<Attempt> {
    let entry = |name: &str| record(NORTH, name);
    let told = mesh_trust(NORTH, "told");
    let anchors = json!({ "spec": { "trustAnchors": "another" } });
    let deletes = "an IssuanceRecord is never deleted by an agent";
    vec![
        refused("a mighty agent deletes a record", Mighty, delete(&entry("mighty.4")), deletes)
            .after(by_hub(&entry("mighty.4"))),
        refused(
            "a mighty agent deletes a whole ledger",
            Mighty,
            delete_all(&entry("mighty.5")),
            deletes,
        )
        .after(by_hub(&entry("mighty.5"))),
        refused(
            "a mighty agent makes a MeshTrust",
            Mighty,
            create(&mesh_trust(NORTH, "untold")),
            "a MeshTrust is created and changed by the hub",
        ),
        refused(
            "a mighty agent tells itself what to trust",
            Mighty,
            merge(&told, anchors),
            "a MeshTrust is created and changed by the hub",
        )
        .after(by_hub(&told)),
    ]
}

fn controls() -> Vec<Attempt> {
    let told = mesh_trust(NORTH, "reported");
    let theirs: Value = json!({ "pickup": "Confirmed" });
    vec![
        allowed(
            "a mighty agent makes a request of its own cluster",
            Mighty,
            create(&request(NORTH, "good.1")),
        ),
        allowed(
            "a mighty agent says what its own cluster has loaded",
            Mighty,
            status(&told, theirs),
        )
        .after(by_hub(&told)),
        allowed(
            "a mighty agent deletes its request that nobody looks at",
            Mighty,
            delete(&request(NORTH, "good.2")),
        )
        .after(by_hub(&request(NORTH, "good.2"))),
    ]
}
