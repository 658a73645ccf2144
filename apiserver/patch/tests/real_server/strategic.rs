use serde_json::{Value, json};

use crate::deployment::{complete, container, kind};
use crate::rig::{Kind, Rig};

pub(crate) async fn run(rig: &Rig) {
    let kind = kind(rig).await;
    maps(rig, &kind).await;
    containers(rig, &kind).await;
    orders(rig, &kind).await;
    refusals(rig, &kind).await;
}

fn pod(spec: &Value) -> Value {
    json!({"spec": {"template": {"spec": spec}}})
}

async fn maps(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "maps");
    play.create("maker", complete()).await;
    play.strategic(
        "p",
        json!({"spec": {"replicas": 2, "minReadySeconds": null}, "metadata": {"labels": {"app": null, "n": "1"}}}),
    )
    .await;
    play.strategic(
        "p",
        json!({"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
    )
    .await;
    play.strategic("p", json!({"metadata": {"annotations": {"$patch": "replace", "only": "1"}}}))
        .await;
    play.strategic("p", json!({"metadata": {"annotations": {"$patch": "delete"}}})).await;
    play.strategic("p", json!({"metadata": {"finalizers": ["x.io/b", "x.io/a"]}})).await;
    play.strategic("p", json!({"metadata": {"finalizers": ["x.io/c", "x.io/a"]}})).await;
    play.strategic(
        "p",
        json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/a"],
        "$setElementOrder/finalizers": ["x.io/c", "x.io/b"]}}),
    )
    .await;
    play.strategic(
        "p",
        json!({"metadata": {"$setElementOrder/finalizers": ["x.io/n", "x.io/c", "x.io/b"], "finalizers": ["x.io/n"]}}),
    )
    .await;
}

async fn containers(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "containers");
    play.create("maker", complete()).await;
    play.strategic(
        "p",
        pod(
            &json!({"containers": [{"name": "web", "image": "example.com/web:2", "args": ["-z"]}]}),
        ),
    )
    .await;
    play.strategic("p", pod(&json!({"containers": [{"name": "web", "env": [{"name": "B", "value": null}, {"name": "C", "value": "9"}]}]}))).await;
    play.strategic("p", pod(&json!({"containers": [container("third")]}))).await;
    play.strategic("p", pod(&json!({"containers": [{"name": "side", "$patch": "delete"}]}))).await;
    play.strategic(
        "p",
        pod(&json!({"volumes": [{"name": "more", "emptyDir": {"$retainKeys": ["sizeLimit"], "sizeLimit": "1Gi"}}]})),
    )
    .await;
    play.strategic(
        "p",
        pod(&json!({"containers": [{"name": "web", "ports": [{"containerPort": 80, "name": "renamed"}]}]})),
    )
    .await;
    play.strategic("p", pod(&json!({"containers": [{"$patch": "replace"}, container("fresh")]})))
        .await;
    play.strategic(
        "p",
        pod(&json!({"priority": null, "tolerations": [{"key": "b", "operator": "Exists"}]})),
    )
    .await;
}

async fn orders(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "orders");
    let mut object = complete();
    object["spec"]["template"]["spec"]["containers"] =
        json!([container("a"), container("b"), container("c")]);
    play.create("maker", object).await;
    let order = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
    play.strategic("p", pod(&json!({"$setElementOrder/containers": order(&["c", "a"])}))).await;
    play.strategic(
        "p",
        pod(&json!({"$setElementOrder/containers": order(&["d", "b", "a", "c"]),
        "containers": [container("d"), {"name": "a", "image": "example.com/a:2"}]})),
    )
    .await;
    play.strategic(
        "p",
        pod(&json!({"$setElementOrder/containers": order(&["a", "d"]),
        "containers": [{"name": "b", "$patch": "delete"}, {"name": "c", "$patch": "delete"}]})),
    )
    .await;
    play.strategic(
        "p",
        pod(&json!({"$setElementOrder/containers": order(&["a", "d"]),
        "containers": [{"name": "d", "image": "x"}, {"name": "a", "image": "y"}]})),
    )
    .await;
    play.strategic("p", pod(&json!({"containers": [container("e"), {"name": "d", "image": "z"}]})))
        .await;
}

async fn refusals(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "refusals");
    play.create("maker", complete()).await;
    play.strategic("p", json!({"spec": {"$patch": "frob"}})).await;
    play.strategic("p", pod(&json!({"containers": [{"image": "x"}]}))).await;
    play.strategic("p", pod(&json!({"containers": [{"name": "a", "$patch": "frob"}]}))).await;
    play.strategic("p", pod(&json!({"containers": [{"name": "a", "$patch": "merge"}]}))).await;
    play.strategic("p", pod(&json!({"containers": [{"$patch": "delete"}]}))).await;
    play.strategic("p", json!({"spec": {"$retainKeys": ["a"], "replicas": 1}})).await;
    play.strategic("p", json!({"metadata": {"$setElementOrder/finalizers": "x"}})).await;
}
