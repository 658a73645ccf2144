use serde_json::{Value, json};

use crate::rig::{Kind, Rig};

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub(crate) async fn run(rig: &Rig) {
    let kind = rig.builtin("v1", "ConfigMap", "io.k8s.api.core.v1.ConfigMap", "configmaps").await;
    plain_writes(rig, &kind).await;
    applies(rig, &kind).await;
    client_side(rig, &kind).await;
    resets(rig, &kind).await;
    many(rig, &kind).await;
    patches(rig, &kind).await;
}

async fn plain_writes(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "plain");
    play.create(
        "maker",
        json!({"data": {"a": "1", "b": "2"}, "metadata": {"labels": {"app": "x"}}}),
    )
    .await;
    play.update("other", |object| object["data"]["a"] = json!("9")).await;
    play.update("other", |_| ()).await;
    play.update("maker", |object| object["data"] = json!({"c": "3"})).await;
    play.merge(
        "third",
        json!({"metadata": {"finalizers": ["x.io/a", "x.io/b"], "annotations": {"k": "v"}}}),
    )
    .await;
    play.merge("third", json!({"metadata": {"finalizers": ["x.io/b"]}})).await;
    play.json("third", json!([{"op": "remove", "path": "/metadata/finalizers"}])).await;
    play.merge("", json!({"binaryData": {"x": "AAAA"}, "immutable": false})).await;
    play.update("maker", |object| {
        object["metadata"]["ownerReferences"] =
            json!([{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u1"}]);
    })
    .await;
    play.merge("last", json!({"data": null})).await;
}

async fn applies(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "applied");
    play.apply("a", json!({"data": {"x": "1", "y": "2"}})).await;
    play.apply("a", json!({"data": {"x": "1", "y": "2"}})).await;
    play.apply("b", json!({"data": {"x": "1"}})).await;
    play.apply("c", json!({"data": {"x": "2"}})).await;
    play.apply("c", json!({"data": {"x": "2", "y": "3"}})).await;
    play.force("c", json!({"data": {"x": "2"}})).await;
    play.apply("a", json!({"data": {"y": "2"}})).await;
    play.apply("a", json!({"data": {}})).await;
    play.apply("a", json!({})).await;
    play.update("u", |object| object["data"]["x"] = json!("7")).await;
    play.apply("c", json!({"data": {"x": "2"}})).await;
    play.apply("c", json!({"data": {"z": "2"}})).await;
    play.apply("d", json!({"data": {"z": 5}})).await;
    play.apply("d", json!({"data": {"z": "5"}, "unknown": 1})).await;
    play.apply("d", json!({"metadata": {"managedFields": []}})).await;
    play.apply("d", json!({"metadata": {"labels": {"one": "1"}, "finalizers": ["x.io/a"]}})).await;
    play.apply("e", json!({"metadata": {"labels": {"two": "2"}, "finalizers": ["x.io/b"]}})).await;
    play.apply("d", json!({"metadata": {"labels": {"two": "2"}}})).await;
    play.apply("e", json!({"metadata": {"finalizers": ["x.io/b", "x.io/b"]}})).await;
    play.apply("e", json!({"metadata": {"finalizers": []}})).await;
}

async fn client_side(rig: &Rig, kind: &Kind) {
    let name = "client-side";
    let applied = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": {}}, "data": data});
    let mut play = rig.play(kind, name);
    let last = applied(json!({"a": "1", "b": "<2&>"})).to_string();
    let annotations = json!({LAST_APPLIED: last});
    play.create(
        "kubectl-client-side-apply",
        json!({"metadata": {"annotations": annotations}, "data": {"a": "1", "b": "<2&>"}}),
    )
    .await;
    play.apply("other", json!({"data": {"a": "2"}})).await;
    play.apply("kubectl", json!({"data": {"a": "2", "b": "<3&>"}})).await;
    play.update("someone", |object| object["data"]["a"] = json!("8")).await;
    play.apply("kubectl", json!({"data": {"a": "2", "b": "<3&>"}})).await;
    play.force("kubectl", json!({"data": {"a": "2"}})).await;
}

async fn resets(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "reset");
    play.create("maker", json!({"data": {"a": "1"}})).await;
    play.merge("x", json!({"metadata": {"managedFields": [{}]}})).await;
    play.update("x", |object| object["data"]["b"] = json!("2")).await;
    play.apply("a", json!({"data": {"a": "2"}})).await;
    play.apply("a", json!({"data": {"c": "2"}})).await;
    play.merge("x", json!({"metadata": {"managedFields": []}})).await;
    play.apply("a", json!({"data": {"c": "2"}})).await;
    play.update("y", |object| object["metadata"]["managedFields"] = Value::Null).await;
    play.update("y", |object| {
        object["metadata"]["managedFields"] = json!([{"manager": "z", "operation": "Nonsense"}]);
        object["data"]["d"] = json!("4");
    })
    .await;
    play.update("y", |object| {
        let fields = json!({"f:data": {"f:d": {".": {}}, "f:c": {}, "x:unknown": {}}});
        object["metadata"]["managedFields"] = json!([{
            "manager": "z", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields,
            "time": "2021-01-01T00:00:00Z",
        }]);
    })
    .await;
}

async fn many(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "many");
    play.create("m00", json!({"data": {"k00": "0"}})).await;
    for number in 1..14 {
        let key = format!("k{number:02}");
        play.merge(&format!("m{number:02}"), json!({"data": {key: "1"}})).await;
    }
    play.apply("applier", json!({"data": {"k01": "1", "k13": "1"}})).await;
    play.apply("applier", json!({"data": {"k02": "x"}})).await;
}

async fn patches(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "patched");
    play.create(
        "maker",
        json!({"data": {"a": "1", "b": "2"}, "metadata": {"annotations": {"sl/ash": "3"}}}),
    )
    .await;
    play.json(
        "p",
        json!([{"op": "test", "path": "/data/a", "value": "1"}, {"op": "move", "from": "/data/a", "path": "/data/m"}]),
    )
    .await;
    play.json("p", json!([{"op": "copy", "from": "/data/m", "path": "/data/n"}, {"op": "add", "path": "/metadata/annotations/sl~1ash", "value": "4"}]))
        .await;
    play.json("p", json!([{"op": "test", "path": "/data/none", "value": null}, {"op": "replace", "path": "/data/new", "value": "5"}]))
        .await;
    play.json("p", json!([{"op": "test", "path": "/data/b", "value": "1"}])).await;
    play.json("p", json!([{"op": "remove", "path": "/data/none"}])).await;
    play.json("p", json!([{"op": "add", "path": "/none/none", "value": "5"}])).await;
    play.json("p", json!([{"op": "frob", "path": "/data/none"}])).await;
    play.json("p", json!({"op": "frob", "path": "/data/none"})).await;
    play.json("p", json!([{"op": "add", "path": 5}])).await;
    play.json("p", json!([5])).await;
    play.json("p", json!([])).await;
    let test = json!({"op": "test", "path": "/data/b", "value": "2"});
    play.json("p", Value::Array(vec![test.clone(); 10_000])).await;
    play.json("p", Value::Array(vec![test; 10_001])).await;
    play.json(
        "p",
        json!([{"op": "add", "path": "/metadata/finalizers", "value": ["x.io/a", "x.io/c"]},
        {"op": "add", "path": "/metadata/finalizers/1", "value": "x.io/b"},
        {"op": "add", "path": "/metadata/finalizers/-", "value": "x.io/d"},
        {"op": "remove", "path": "/metadata/finalizers/-1"}]),
    )
    .await;
    play.strategic(
        "p",
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/b"], "labels": {"a": "b", "c": null}}}),
    )
    .await;
    play.strategic("p", json!({"data": {"$patch": "replace", "z": "1"}})).await;
    play.strategic("p", json!({"data": {"$patch": "frob"}})).await;
    play.strategic("p", json!({"data": {"$retainKeys": "frob"}})).await;
    play.strategic("p", json!({"data": {"$retainKeys": ["y"], "y": "1"}})).await;
    play.strategic("p", json!({"data": {"$patch": "delete"}})).await;
}
