//! An agent that makes itself heavy: more, or larger, than an honest one.

use serde_json::{Map, Value, json};

use crate::attempt::{Attempt, allowed, hold, refused};
use crate::call::{apply, create, merge};
use crate::objects::{EAST, FULL, by_hub, demo, lease, mesh, object, request, whole};
use crate::setup::Who::{Agent, Full};

#[tokio::test]
async fn an_agent_has_its_share_and_no_more() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [sizes(), owners(), shares(), controls()];
    groups.into_iter().flatten().collect()
}

const SMALL: &str = "metadata: an agent writes at most 16 annotations of at most 512 characters";

fn with_metadata(mut object: Value, field: &str, value: Value) -> Value {
    object["metadata"][field] = value;
    object
}

fn many(number: usize, text: &str) -> Value {
    let entries = (0..number).map(|number| (format!("note-{number}"), json!(text)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn sizes() -> Vec<Attempt> {
    let finalizers: Vec<String> = (0..5).map(|number| format!("example.com/f{number}")).collect();
    let rows = [
        ("seventeen annotations", "annotations", many(17, "")),
        ("an annotation of a page", "annotations", many(1, &"x".repeat(513))),
        ("more labels than anybody reads", "labels", many(33, "x")),
        ("five finalizers", "finalizers", json!(finalizers)),
    ];
    let both = |(what, field, value): (&str, &str, Value)| {
        let request = with_metadata(request(EAST, "weight.1"), field, value.clone());
        let mesh = with_metadata(mesh(EAST, "weight"), field, value);
        [
            refused(
                format!("an agent makes a request with {what}"),
                Agent,
                create(&request),
                SMALL,
            ),
            refused(format!("an agent makes a Mesh with {what}"), Agent, create(&mesh), SMALL),
        ]
    };
    let later =
        merge(&request(EAST, "weight.2"), json!({ "metadata": { "annotations": many(17, "") } }));
    let grown = refused("an agent lets a request grow", Agent, later, SMALL)
        .after(by_hub(&request(EAST, "weight.2")));
    rows.into_iter().flat_map(both).chain([grown]).collect()
}

fn owners() -> Vec<Attempt> {
    let owner =
        |name: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": name });
    let three = with_metadata(
        request(EAST, "owned.1"),
        "ownerReferences",
        json!([owner("a"), owner("b"), owner("c")]),
    );
    let long =
        with_metadata(mesh(EAST, "owned"), "ownerReferences", json!([owner(&"o".repeat(254))]));
    let domain = json!({ "istio": { "citadelInfo": { "trustDomain": "d".repeat(256) } } });
    let empty = json!({ "istio": { "citadelInfo": { "trustDomain": "a..b" } } });
    vec![
        refused(
            "an agent makes a request that goes with what it may delete",
            Agent,
            create(&three),
            "an agent gives a request no owner",
        ),
        refused("an agent makes a Mesh whose owner has a long name", Agent, create(&long), SMALL),
        refused(
            "an agent makes a Mesh with a trust domain that no certificate can hold",
            Agent,
            create(&object("Mesh", EAST, "domain", &domain)),
            "255",
        ),
        refused(
            "an agent makes a Mesh with a trust domain that peers cannot read",
            Agent,
            create(&object("Mesh", EAST, "domain", &empty)),
            "joined by single dots",
        ),
        refused(
            "an agent makes a Mesh of two types",
            Agent,
            create(&object("Mesh", EAST, "two", &json!({ "istio": {}, "linkerd": {} }))),
            "set one of istio",
        ),
    ]
}

fn shares() -> Vec<Attempt> {
    let limit = "exceeded quota: meshroot-agent";
    vec![
        refused(
            "an agent makes a Mesh more than its cluster may have",
            Full,
            create(&mesh(FULL, "more")),
            limit,
        ),
        refused(
            "an agent makes a Lease more than its cluster may have",
            Full,
            create(&lease(FULL, "lease-11")),
            limit,
        ),
        refused(
            "an agent makes a Mesh more by a forced apply",
            Full,
            apply(&mesh(FULL, "more")),
            limit,
        ),
    ]
}

fn controls() -> Vec<Attempt> {
    let small = with_metadata(mesh(EAST, "light"), "annotations", many(16, &"x".repeat(512)));
    let request = whole(FULL, "room.1", &demo());
    vec![
        allowed("an agent makes a Mesh with as much as it may", Agent, create(&small)),
        allowed("an agent of a full cluster still makes a request", Full, create(&request)),
    ]
}
