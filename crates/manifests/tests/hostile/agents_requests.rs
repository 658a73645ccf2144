//! An agent that its cluster's owner turned against the hub, and the requests of its own cluster.

use meshroot_api::names::REASON_ANNOTATION;
use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, no_right, refused};
use crate::call::{
    apply, apply_status, create, delete, delete_all, json_patch, merge, replace, status,
};
use crate::objects::{
    EAST, annotated, asks, by_admin, by_hub, decision, request, request_with, under_review,
};
use crate::setup::Who::Agent;

#[tokio::test]
async fn an_agent_changes_nothing_of_what_is_decided_on() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [
        swaps(),
        replays(),
        places(),
        marks(),
        thefts(),
        denials_of_theft(),
        statuses(),
        controls(),
    ];
    groups.into_iter().flatten().collect()
}

const ONCE: &str = "spec.csrData is set once";

fn swaps() -> Vec<Attempt> {
    let another = json!({ "spec": { "csrData": "T1RI" } });
    let of = |name: &str| request(EAST, name);
    let operation = json!([{ "op": "replace", "path": "/spec/csrData", "value": "T1RI" }]);
    let forced = request_with(EAST, "swap.4", &json!({ "csrData": "T1RI" }));
    let calls = [
        ("by merge patch", "swap.1", merge(&of("swap.1"), another.clone())),
        (
            "by taking it away first",
            "swap.2",
            merge(&of("swap.2"), json!({ "spec": { "csrData": null } })),
        ),
        ("by JSON patch", "swap.3", json_patch(&of("swap.3"), operation)),
        ("by a forced apply", "swap.4", apply(&forced)),
        ("by writing it whole", "swap.5", replace(&of("swap.5"), another.clone())),
        ("in a dry run", "swap.6", merge(&of("swap.6"), another).dry()),
    ];
    let swap = |(how, name, call)| {
        let sentence = format!("an agent swaps the CSR of a request under review {how}");
        refused(sentence, Agent, call, ONCE).after(under_review(name))
    };
    calls.into_iter().map(swap).collect()
}

fn replays() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let other_mesh = json!({ "spec": { "virtualMeshRef": { "name": "other" } } });
    let other_name = json!({ "spec": { "certConfig": { "hosts": ["spiffe://a/ns/b/sa/c"] } } });
    let no_names = json!([{ "op": "remove", "path": "/spec/certConfig" }]);
    vec![
        refused(
            "an agent moves a request to another virtual mesh",
            Agent,
            merge(&of("moved.1"), other_mesh),
            "spec.virtualMeshRef never changes",
        )
        .after(under_review("moved.1")),
        refused(
            "an agent asks for another name once people look at it",
            Agent,
            merge(&of("renamed.1"), other_name),
            "spec.certConfig never changes",
        )
        .after(under_review("renamed.1")),
        refused(
            "an agent takes the names out of a request",
            Agent,
            json_patch(&of("renamed.2"), no_names),
            "spec.certConfig never changes",
        )
        .after(under_review("renamed.2")),
    ]
}

fn places() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let stale = json!({ "metadata": { "resourceVersion": "1", "labels": { "a": "b" } } });
    vec![
        refused(
            "an agent deletes a request under review",
            Agent,
            delete(&of("gone.1")),
            "somebody may be deciding on it",
        )
        .after(under_review("gone.1")),
        refused(
            "an agent puts another request in the place of one under review",
            Agent,
            create(&of("again.1")),
            "already exists",
        )
        .after(under_review("again.1")),
        refused(
            "an agent writes a request on the base of what it once was",
            Agent,
            replace(&of("stale.1"), stale),
            "the object has been modified",
        )
        .after(under_review("stale.1")),
        no_right("an agent deletes all requests at once", Agent, delete_all(&of("all.1")))
            .after(under_review("all.1")),
    ]
}

const ASKED: &str = "what people are asked to approve: it is written by the hub only";

fn marks() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let forged = annotated(of("asks.1"), meshroot_api::names::ASKED_ANNOTATION, "{}");
    let gone = json!([{ "op": "remove", "path": "/metadata/annotations/meshroot.dev~1asked" }]);
    let applied = annotated(of("asks.4"), meshroot_api::names::ASKED_ANNOTATION, "{\"pathLen\":4}");
    vec![
        refused(
            "an agent makes a request that says that the hub has asked",
            Agent,
            create(&forged),
            ASKED,
        ),
        refused(
            "an agent rewrites what people are asked",
            Agent,
            merge(&of("asks.2"), asks("{\"pathLen\":4}")),
            ASKED,
        )
        .after(under_review("asks.2")),
        refused(
            "an agent takes away what people are asked",
            Agent,
            json_patch(&of("asks.3"), gone),
            ASKED,
        )
        .after(under_review("asks.3")),
        refused(
            "an agent takes over what people are asked by a forced apply",
            Agent,
            apply(&applied),
            ASKED,
        )
        .after(under_review("asks.4")),
    ]
}

fn stolen(name: &str) -> Value {
    annotated(request(EAST, name), REASON_ANNOTATION, "KeyCompromised")
}

fn thefts() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let neither = "an agent neither says that the key of its mesh is believed stolen";
    let reason =
        |word: Value| json!({ "metadata": { "annotations": { REASON_ANNOTATION: word } } });
    let says = reason(json!("KeyCompromised"));
    vec![
        refused(
            "an agent has the certificates of its mesh revoked by a new request",
            Agent,
            create(&stolen("theft.1")),
            neither,
        ),
        refused(
            "an agent has them revoked by a request that is there",
            Agent,
            merge(&of("theft.2"), says),
            neither,
        )
        .after(by_hub(&of("theft.2"))),
    ]
}

fn denials_of_theft() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let neither = "an agent neither says that the key of its mesh is believed stolen";
    let reason =
        |word: Value| json!({ "metadata": { "annotations": { REASON_ANNOTATION: word } } });
    vec![
        refused(
            "an agent takes back that its key was stolen",
            Agent,
            merge(&of("theft.3"), reason(Value::Null)),
            neither,
        )
        .after(by_admin(&stolen("theft.3"))),
        refused(
            "an agent gives another reason instead of the theft",
            Agent,
            merge(&of("theft.4"), reason(json!("RenewalAsked"))),
            neither,
        )
        .after(by_admin(&stolen("theft.4"))),
        refused(
            "an agent deletes the request that tells of the theft",
            Agent,
            delete(&of("theft.5")),
            "believed stolen and has no answer",
        )
        .after(by_admin(&stolen("theft.5"))),
    ]
}

fn statuses() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let response = json!({ "response": { "caCertificate": "Q0E=" } });
    let approval = decision("APPROVED", "approved by admin: CHG-1");
    let accepted = json!({ "computedStatus": { "state": "ACCEPTED" } });
    let forced = apply_status(&of("status.4"), &approval);
    let through = replace(&of("status.5"), json!({ "status": approval }));
    vec![
        no_right("an agent answers its own request", Agent, status(&of("status.1"), response))
            .after(under_review("status.1")),
        no_right(
            "an agent approves its own request under an administrator's name",
            Agent,
            status(&of("status.2"), approval.clone()),
        )
        .after(under_review("status.2")),
        no_right(
            "an agent says what the hub makes of its request",
            Agent,
            status(&of("status.3"), accepted),
        )
        .after(under_review("status.3")),
        no_right("an agent approves by a forced apply of the status", Agent, forced)
            .after(under_review("status.4")),
        allowed(
            "a status that an agent writes through the request itself is dropped",
            Agent,
            through,
        )
        .after(under_review("status.5"))
        .leaving("/status", Value::Null),
    ]
}

fn controls() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let csr = json!({ "spec": { "csrData": "Q1NS" } });
    vec![
        allowed("an agent makes a request", Agent, create(&of("good.1"))),
        allowed("an agent adds its CSR once", Agent, merge(&of("good.2"), csr))
            .after(by_hub(&of("good.2")))
            .leaving("/spec/csrData", json!("Q1NS")),
        allowed(
            "an agent labels a request under review",
            Agent,
            merge(&of("good.3"), json!({ "metadata": { "labels": { "a": "b" } } })),
        )
        .after(under_review("good.3")),
        allowed("an agent deletes a request that nobody looks at", Agent, delete(&of("good.4")))
            .after(by_hub(&of("good.4"))),
        allowed(
            "a request that an agent makes in a dry run is not there",
            Agent,
            create(&of("good.5")).dry(),
        ),
        allowed("so that it can be made afterwards", Agent, create(&of("good.5"))),
    ]
}
