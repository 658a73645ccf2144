//! Quotas hold whatever clients do at the same time.

use serde_json::{Value, json};

use crate::harness::connection::Events;
use crate::harness::{CONFIG_MAPS, Running, config_map};

const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";

fn quota(hard: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "q" }, "spec": { "hard": hard } })
}

/// Creates `count` ConfigMaps at once; their answers' codes.
async fn create_at_once(server: &Running, round: &str, count: usize) -> Vec<u16> {
    let creations = (0..count).map(|number| {
        let (target, name) = (server.target.clone(), format!("{round}-{number}"));
        async move { target.json("POST", CONFIG_MAPS, &config_map(&name, "a")).await.code }
    });
    futures::future::join_all(creations).await
}

fn made(codes: &[u16]) -> usize {
    assert!(codes.iter().all(|code| matches!(code, 201 | 403)), "{codes:?}");
    codes.iter().filter(|code| **code == 201).count()
}

#[tokio::test]
async fn of_fifty_creations_at_once_at_a_limit_of_ten_exactly_ten_succeed() {
    let server = Running::start().await;
    let hard = json!({ "count/configmaps": "10" });
    server.json("POST", QUOTAS, &quota(&hard)).await.assert_code("quota", 201);
    assert_eq!(made(&create_at_once(&server, "a", 50).await), 10);
    let all = server.get(CONFIG_MAPS).await.json();
    let names = all["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]);
    let names: Vec<_> = names.map(|name| name.as_str().unwrap()).collect();
    for name in &names[..3] {
        let one = format!("{CONFIG_MAPS}/{name}");
        server.request("DELETE", &one, &[], b"").await.assert_code("delete", 200);
    }
    assert_eq!(made(&create_at_once(&server, "b", 20).await), 3);
}

/// The status is for people: it is right within moments, and costs a write a second and not one for each object.
#[tokio::test]
async fn what_is_used_is_written_for_many_objects_together() {
    let server = Running::start().await;
    let hard = json!({ "count/configmaps": "500", "limits.cpu": "1" });
    let made = server.json("POST", QUOTAS, &quota(&hard)).await.json();
    assert_eq!(create_at_once(&server, "a", 200).await, [201; 200]);
    let from = made["metadata"]["resourceVersion"].as_str().unwrap();
    let watch = format!("{QUOTAS}?watch=true&resourceVersion={from}");
    let mut watch = Events::begin(server.connect().await, &watch).await;
    for writes in 1.. {
        let event = watch.next().await.unwrap();
        let quota = &event["object"];
        assert_eq!(quota["status"]["hard"], quota["spec"]["hard"]);
        if quota["status"]["used"] == json!({ "count/configmaps": "200" }) {
            assert!(writes < 10, "{writes} writes for 200 objects");
            break;
        }
    }
}
