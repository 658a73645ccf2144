use serde_json::{Value, json};

use crate::rig::{Kind, Rig};

/// Complete: nothing is left for the server to default.
pub(crate) fn complete() -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}, "annotations": {"deployment.kubernetes.io/revision": "1"}},
        "spec": {
            "replicas": 1, "minReadySeconds": 5, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 1}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [container("web"), container("side")],
                    "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "more", "emptyDir": {"medium": "Memory"}}],
                    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
                    "securityContext": {}, "terminationGracePeriodSeconds": 30,
                    "tolerations": [{"key": "a", "operator": "Exists"}],
                }
            }
        }
    })
}

pub(crate) fn container(name: &str) -> Value {
    json!({
        "name": name, "image": "example.com/web:1", "imagePullPolicy": "IfNotPresent", "args": ["-a", "-b"],
        "ports": [{"name": format!("{name}-http"), "containerPort": 80, "protocol": "TCP"},
            {"name": format!("{name}-dns"), "containerPort": 80, "protocol": "UDP"}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "resources": {"limits": {"cpu": "1"}},
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    })
}

pub(crate) async fn kind(rig: &Rig) -> Kind {
    rig.builtin("apps/v1", "Deployment", "io.k8s.api.apps.v1.Deployment", "deployments").await
}

pub(crate) async fn run(rig: &Rig) {
    let kind = kind(rig).await;
    updated(rig, &kind).await;
    applied(rig, &kind).await;
    before_first_apply(rig, &kind).await;
    duplicates(rig, &kind).await;
    services(rig).await;
}

async fn updated(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "updated");
    play.create("maker", complete()).await;
    play.update("scaler", |object| object["spec"]["replicas"] = json!(3)).await;
    play.update("maker", |object| {
        let spec = &mut object["spec"]["template"]["spec"];
        spec["containers"][0]["image"] = json!("example.com/web:2");
        spec["containers"][0]["env"].as_array_mut().unwrap().remove(0);
        spec["containers"].as_array_mut().unwrap().remove(1);
    })
    .await;
    play.on("status")
        .merge(
            "controller",
            json!({"status": {"observedGeneration": 1, "replicas": 2,
        "conditions": [{"type": "Available", "status": "True", "lastTransitionTime": null, "lastUpdateTime": null}]}}),
        )
        .await;
    play.on("")
        .merge("other", json!({"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}}))
        .await;
}

async fn applied(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "applied");
    play.apply("a", complete()).await;
    play.apply("a", complete()).await;
    play.apply("hpa", json!({"spec": {"replicas": 4}})).await;
    play.force("hpa", json!({"spec": {"replicas": 4}})).await;
    let mut smaller = complete();
    smaller["spec"].as_object_mut().unwrap().remove("replicas");
    smaller["spec"]["template"]["spec"]["containers"] = json!([container("web")]);
    smaller["spec"]["template"]["spec"]["volumes"].as_array_mut().unwrap().remove(1);
    play.apply("a", smaller.clone()).await;
    play.apply("b", json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "other"}]}}}})).await;
    play.apply("b", json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "C", "value": "3"}]}]}}}})).await;
    play.apply("b", json!({"spec": {"template": {"spec": {"tolerations": []}}}})).await;
    play.apply("b", json!({"spec": {"replicas": "four"}})).await;
    play.apply("a", smaller).await;
}

async fn before_first_apply(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "before-first");
    play.create("maker", complete()).await;
    play.merge("x", json!({"metadata": {"managedFields": [{}]}})).await;
    play.apply("a", json!({"spec": {"replicas": 1, "minReadySeconds": 5}})).await;
    play.apply("a", json!({"spec": {"minReadySeconds": 6}})).await;
    play.force("a", json!({"spec": {"minReadySeconds": 6}})).await;
}

/// Two variables of one name: the server takes them, and they are owned as one.
async fn duplicates(rig: &Rig, kind: &Kind) {
    let mut play = rig.play(kind, "duplicates");
    let env = |object: &mut Value, env: Value| {
        object["spec"]["template"]["spec"]["containers"][0]["env"] = env;
    };
    let twice = json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}, {"name": "B", "value": "3"}]);
    let mut object = complete();
    env(&mut object, twice.clone());
    play.create("maker", object).await;
    play.update("other", |object| {
        env(object, json!([{"name": "A", "value": "1"}, {"name": "A", "value": "9"}]));
    })
    .await;
    play.update("other", |object| env(object, json!([{"name": "A", "value": "1"}]))).await;
    play.update("maker", |object| env(object, twice)).await;
    let variables = json!([{"name": "B", "value": "4"}, {"name": "C", "value": "4"}]);
    let config = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": variables}]}}}});
    play.apply("a", config.clone()).await;
    play.force("a", config).await;
    let variables = json!([{"name": "A", "value": "7"}]);
    let config = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "env": variables}]}}}});
    play.force("b", config).await;
    play.update("maker", |object| env(object, json!([{"name": "Z", "value": "1"}]))).await;
}

async fn services(rig: &Rig) {
    let kind = rig.builtin("v1", "Service", "io.k8s.api.core.v1.Service", "services").await;
    let mut play = rig.play(&kind, "web");
    let port = |name: &str, number: u32| json!({"name": name, "port": number, "protocol": "TCP", "targetPort": number});
    play.create(
        "maker",
        json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "ports": [port("a", 80), port("b", 81)], "selector": {"app": "web"}}}),
    )
    .await;
    play.apply("a", json!({"spec": {"ports": [{"name": "c", "port": 82, "protocol": "TCP", "targetPort": 82}]}})).await;
    play.apply("a", json!({"spec": {"ports": [{"name": "a", "port": 80, "targetPort": "http"}]}}))
        .await;
    play.force(
        "a",
        json!({"spec": {"ports": [{"name": "a", "port": 80, "targetPort": "http"}], "selector": {"app": "other"}}}),
    )
    .await;
    play.strategic("p", json!({"spec": {"ports": [{"port": 83, "name": "d", "protocol": "TCP", "targetPort": 83}, {"port": 81, "$patch": "delete"}]}})).await;
    play.merge("p", json!({"spec": {"selector": null}})).await;
}
