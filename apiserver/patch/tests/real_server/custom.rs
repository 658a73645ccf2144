use serde_json::{Value, json};

use crate::rig::{Kind, Rig};

fn definition() -> Value {
    let string = json!({"type": "string"});
    let entry = json!({"type": "object", "required": ["name"], "properties": {
        "name": string, "protocol": {"type": "string", "default": "TCP"}, "value": {"type": "integer"},
        "nested": {"type": "object", "properties": {"a": string, "b": string}},
        "subs": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
            "items": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}, "text": string}}},
    }});
    let spec = json!({"type": "object", "properties": {
        "list": {"type": "array", "items": entry, "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "protocol"]},
        "tags": {"type": "array", "items": string, "x-kubernetes-list-type": "set"},
        "numbers": {"type": "array", "items": {"type": "integer"}, "x-kubernetes-list-type": "set"},
        "atoms": {"type": "array", "items": string},
        "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"x": string, "y": string}},
        "words": {"type": "object", "additionalProperties": string},
        "nested": {"type": "object", "properties": {"x": string, "y": string,
            "z": {"type": "object", "properties": {"deep": string, "deeper": string}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "mode": {"type": "string"},
        "size": {"type": "number"},
        "port": {"x-kubernetes-int-or-string": true},
        "maybe": {"type": "string", "nullable": true},
    }});
    let condition = json!({"type": "object", "required": ["type"], "properties": {"type": string, "status": string}});
    let status = json!({"type": "object", "properties": {"phase": string, "conditions": {"type": "array",
        "items": condition, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.merge.example.com"},
        "spec": {"group": "merge.example.com", "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": status}}}}]},
    })
}

pub(crate) async fn run(rig: &Rig) {
    let kind = rig.custom(&definition()).await;
    updates(rig, &kind).await;
    lists(rig, &kind).await;
    sets(rig, &kind).await;
    atoms(rig, &kind).await;
    nested(rig, &kind).await;
    free(rig, &kind).await;
    statuses(rig, &kind).await;
    shared(rig, &kind).await;
    orders(rig, &kind).await;
    nulls(rig, &kind).await;
    refusals(rig, &kind).await;
    defaulted_keys(rig, &kind).await;
    duplicates(rig, &kind).await;
    crate::random::run(rig, &kind).await;
}

async fn updates(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "updates");
    play.create(
        "maker",
        json!({"spec": {"mode": "m", "tags": ["b", "a"], "atoms": ["x"], "whole": {"x": "1"},
        "list": [{"name": "one", "value": 1, "nested": {"a": "x"}, "subs": [{"id": 7, "text": "t"}]}],
        "words": {"w": "1"}, "nested": {"x": "1", "z": {"deep": "1"}}, "free": {"a": {"b": [1, {"c": 2}]}}, "size": 1.5,
        "numbers": [2, 1], "port": "http"}}),
    )
    .await;
    play.update("other", |object| {
        object["spec"]["list"][0]["value"] = json!(2);
        object["spec"]["list"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "two", "protocol": "UDP"}));
        object["spec"]["tags"] = json!(["a", "c"]);
        object["spec"]["port"] = json!(80);
    })
    .await;
    play.update("other", |object| {
        object["spec"]["list"].as_array_mut().unwrap().remove(0);
        object["spec"]["free"]["a"]["b"] = json!([]);
        object["spec"]["words"] = json!({});
        object["spec"]["whole"]["y"] = json!("2");
    })
    .await;
    play.merge("third", json!({"spec": {"nested": null, "list": [], "size": 2, "free": {"a": null, "n": {"m": {}}}}}))
        .await;
    play.merge("third", json!({"spec": {"list": null, "tags": null, "numbers": [3]}})).await;
    play.json("third", json!([{"op": "add", "path": "/spec/numbers/-", "value": 9}])).await;
    play.merge("third", json!({"spec": null})).await;
}

async fn lists(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "lists");
    play.apply(
        "a",
        json!({"spec": {"list": [{"name": "one", "protocol": "TCP", "value": 1}, {"name": "two", "protocol": "TCP"}]}}),
    )
    .await;
    play.apply("b", json!({"spec": {"list": [{"name": "one", "protocol": "TCP", "nested": {"a": "1"}}, {"name": "three", "protocol": "TCP"}]}})).await;
    play.apply("b", json!({"spec": {"list": [{"name": "one", "protocol": "TCP", "value": 2}]}}))
        .await;
    play.force(
        "b",
        json!({"spec": {"list": [{"name": "one", "protocol": "TCP", "value": 2, "subs": [{"id": 1, "text": "x"}]}]}}),
    )
    .await;
    play.apply("a", json!({"spec": {"list": [{"name": "two", "protocol": "TCP"}]}})).await;
    play.apply(
        "b",
        json!({"spec": {"list": [{"name": "one", "protocol": "TCP", "subs": [{"id": 2}]}]}}),
    )
    .await;
    play.apply("b", json!({"spec": {"list": []}})).await;
    play.apply("a", json!({"spec": {}})).await;
    play.apply(
        "c",
        json!({"spec": {"list": [{"name": "one", "protocol": "UDP"}, {"name": "one", "protocol": "TCP"}]}}),
    )
    .await;
    play.apply("c", json!({})).await;
}

async fn sets(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "sets");
    play.apply("a", json!({"spec": {"tags": ["x", "y"], "numbers": [1, 2]}})).await;
    play.apply("b", json!({"spec": {"tags": ["z", "x"], "numbers": [3, 1]}})).await;
    play.apply("a", json!({"spec": {"tags": ["y"]}})).await;
    play.update("u", |object| object["spec"]["tags"] = json!(["q", "z"])).await;
    play.apply("b", json!({"spec": {"tags": ["w"]}})).await;
    play.apply("b", json!({"spec": {"tags": []}})).await;
    play.apply("b", json!({"spec": {}})).await;
}

async fn atoms(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "atoms");
    play.apply("a", json!({"spec": {"atoms": ["x", "y"], "whole": {"x": "1", "y": "2"}}})).await;
    play.apply("b", json!({"spec": {"atoms": ["x"], "whole": {"x": "1"}}})).await;
    play.apply("b", json!({"spec": {"atoms": ["x", "y"], "whole": {"x": "1", "y": "2"}}})).await;
    play.force("b", json!({"spec": {"atoms": ["x"], "whole": {"x": "1"}}})).await;
    play.merge("u", json!({"spec": {"whole": {"y": "3"}, "atoms": ["q"]}})).await;
    play.apply("a", json!({"spec": {}})).await;
    play.apply("a", json!({"spec": {"atoms": [], "whole": {}}})).await;
    play.force("a", json!({"spec": {"atoms": [], "whole": {}}})).await;
    play.apply("a", json!({"spec": {}})).await;
}

async fn nested(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "nested");
    play.apply(
        "a",
        json!({"spec": {"nested": {"x": "1", "z": {"deep": "1"}}, "words": {"k": "v", "l": "w"}}}),
    )
    .await;
    play.apply(
        "b",
        json!({"spec": {"nested": {"y": "1", "z": {"deeper": "1"}}, "words": {"m": "x"}}}),
    )
    .await;
    play.apply("a", json!({"spec": {"nested": {"x": "1"}, "words": {"k": "v"}}})).await;
    play.apply("b", json!({"spec": {"nested": {}, "words": {}}})).await;
    play.apply("a", json!({"spec": {"mode": "x"}})).await;
    play.apply("b", json!({"spec": {}})).await;
    play.apply("b", json!({})).await;
    play.apply("a", json!({})).await;
}

async fn free(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "free");
    play.apply("a", json!({"spec": {"free": {"a": 1, "b": {"c": [1, 2], "d": true}, "e": {}}}}))
        .await;
    play.apply("b", json!({"spec": {"free": {"b": {"c": [3]}, "f": "x"}}})).await;
    play.force("b", json!({"spec": {"free": {"b": {"c": [3]}, "f": "x", "a": {"now": "map"}}}}))
        .await;
    play.apply("a", json!({"spec": {"free": {"b": {"d": true}}}})).await;
    play.update("u", |object| object["spec"]["free"]["b"] = json!("text")).await;
    play.apply("b", json!({"spec": {"free": {"f": 1.5}}})).await;
    play.apply("b", json!({"spec": {"free": {"f": null}}})).await;
    play.apply("a", json!({"spec": {"free": {}}})).await;
}

async fn statuses(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "statuses");
    play.create("maker", json!({"spec": {"mode": "x"}, "status": {"phase": "ignored"}})).await;
    play.on("status")
        .update("controller", |object| {
            object["status"] =
                json!({"phase": "Up", "conditions": [{"type": "Ready", "status": "True"}]});
            object["spec"]["mode"] = json!("ignored");
            object["metadata"]["labels"] = json!({"ignored": "yes"});
        })
        .await;
    play.merge(
        "controller",
        json!({"status": {"phase": "Down"}, "metadata": {"managedFields": []}}),
    )
    .await;
    play.apply("sa", json!({"status": {"conditions": [{"type": "Extra", "status": "False"}]}}))
        .await;
    play.apply("sa", json!({"status": {"phase": "Odd"}})).await;
    play.force("sa", json!({"status": {"phase": "Odd"}})).await;
    play.apply("sb", json!({"status": {"phase": "Even"}})).await;
    play.on("").apply("main", json!({"spec": {"mode": "x"}})).await;
    play.update("maker", |object| {
        object["status"]["phase"] = json!("ignored");
        object["spec"]["mode"] = json!("y");
    })
    .await;
    play.apply("main", json!({"spec": {"mode": "x"}})).await;
}

async fn shared(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "shared");
    play.create("maker", json!({"spec": {"mode": "m", "words": {"a": "1", "b": "2"}}})).await;
    play.apply("a", json!({"spec": {"mode": "m", "words": {"a": "1"}}})).await;
    play.apply("b", json!({"spec": {"mode": "m"}})).await;
    play.apply("c", json!({"spec": {"mode": "n", "words": {"a": "3"}}})).await;
    play.apply("a", json!({"spec": {"words": {"b": "2"}}})).await;
    play.apply("b", json!({"spec": {}})).await;
    play.merge("maker", json!({"spec": {"words": null}})).await;
    play.apply("a", json!({"metadata": {"annotations": {"x/y": "z"}, "labels": {"l": "1"}}})).await;
    play.apply(
        "a",
        json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u1"}]}}),
    )
    .await;
}

async fn orders(rig: &Rig, kind: &Kind) {
    let entry = |name: &str| json!({"name": name, "protocol": "TCP"});
    let list = |names: &[&str]| json!({"spec": {"list": names.iter().map(|name| entry(name)).collect::<Vec<_>>(), "tags": names}});
    let mut play = rig.play(kind, "orders");
    play.apply("a", list(&["a", "b", "c", "d"])).await;
    play.apply("b", list(&["d", "x", "b", "y"])).await;
    play.apply("a", list(&["d", "c", "b", "a"])).await;
    play.apply("c", list(&["y", "e", "a"])).await;
    play.apply("b", list(&["q", "d"])).await;
    play.apply("d", list(&["c", "x", "q", "y", "new", "a"])).await;
    play.apply("a", list(&["a"])).await;
}

async fn nulls(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "nulls");
    play.apply("a", json!({"spec": {"maybe": null, "mode": "x", "words": {"a": "1"}}})).await;
    play.apply("b", json!({"spec": {"maybe": "text"}})).await;
    play.apply("a", json!({"spec": {"mode": "x"}})).await;
    play.merge("u", json!({"spec": {"words": {"a": null}}})).await;
}

async fn refusals(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "refusals");
    play.create("maker", json!({"spec": {"mode": "m", "list": [{"name": "a"}]}})).await;
    play.apply("a", json!({"spec": {"mode": 5}})).await;
    play.apply("a", json!({"spec": {"unknown": 5}})).await;
    play.apply("a", json!({"spec": {"list": [{"name": "a", "protocol": "TCP"}, {"name": "a", "protocol": "TCP"}]}}))
        .await;
    play.apply("a", json!({"spec": {"list": [{"value": "x", "protocol": "TCP"}]}})).await;
    play.apply(
        "a",
        json!({"spec": {"tags": ["x", "x"], "nested": "text", "whole": [1], "size": true}}),
    )
    .await;
    play.apply("a", json!({"spec": {"mode": ["x"]}})).await;
    play.apply("a", json!({"spec": {"tags": [null]}})).await;
    play.apply("a", json!({"spec": {"list": [null]}})).await;
    play.apply("a", json!({"spec": {"list": {"a": 1}}})).await;
}

async fn defaulted_keys(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "defaulted-keys");
    play.apply(
        "a",
        json!({"spec": {"list": [{"name": "one", "protocol": "TCP", "value": 1}, {"name": "one", "protocol": "UDP"}]}}),
    )
    .await;
    play.apply("b", json!({"spec": {"list": [{"name": "one", "value": 2}]}})).await;
    play.force("b", json!({"spec": {"list": [{"name": "one", "value": 2}]}})).await;
    play.apply("a", json!({"spec": {"list": [{"name": "one", "value": 2}]}})).await;
    play.apply(
        "a",
        json!({"spec": {"list": [{"name": "one"}, {"name": "one", "protocol": "TCP"}]}}),
    )
    .await;
}

/// The server takes no duplicates here, but an old object may hold them in a list that became a set.
async fn duplicates(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "duplicates");
    play.create("maker", json!({"spec": {"tags": ["x", "y"]}})).await;
    play.apply("a", json!({"spec": {"tags": ["x", "z", "x"]}})).await;
    play.apply("a", json!({"spec": {"tags": ["z", "x"], "numbers": [1, 1.0]}})).await;
}
