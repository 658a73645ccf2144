//! A server that ends and begins again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use apiserver::Options;
use meshroot_testkit::wait;
use serde_json::json;

use crate::harness::connection::Events;
use crate::harness::{CONFIG_MAPS, Running, config_map};

#[tokio::test]
async fn what_was_acknowledged_before_a_shutdown_is_there_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { data: Some(directory.path().join("data")), ..Options::default() };
    let server = Running::start_with(options.clone(), None).await;
    let begin = server.server().revision();
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (target, acknowledged) = (server.target.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut connection = target.connect().await;
                for number in 0.. {
                    let name = format!("w{writer}-{number}");
                    let body = config_map(&name, "a").to_string();
                    let header = "Content-Type: application/json";
                    match connection.request("POST", CONFIG_MAPS, &[header], body.as_bytes()).await
                    {
                        Ok(answer) if answer.code == 201 => {
                            acknowledged.lock().unwrap().insert(name)
                        }
                        Ok(answer) => {
                            answer.assert_failure(
                                "while the server ends",
                                503,
                                "ServiceUnavailable",
                            );
                            return;
                        }
                        Err(_) => return,
                    };
                }
            })
        })
        .collect();
    let enough = async || {
        let count = acknowledged.lock().unwrap().len();
        anyhow::ensure!(count >= 200, "{count} so far");
        Ok(())
    };
    wait::until("200 writes are acknowledged", wait::LIMIT, enough).await.unwrap();
    let (admin, authority) = (server.token.clone(), server.ca_pem.clone());
    server.shutdown().await;
    for writer in writers {
        writer.await.unwrap();
    }
    let server = Running::start_with(options, Some(&admin)).await;
    assert!(server.server().admin_token().is_none(), "the administrator has a second token");
    assert_eq!(server.ca_pem, authority, "the serving authority is another one");
    let listed = server.get(CONFIG_MAPS).await;
    listed.assert_code("with the token from before", 200);
    let listed: BTreeSet<String> = listed.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    let acknowledged = acknowledged.lock().unwrap().clone();
    let lost: Vec<_> = acknowledged.difference(&listed).collect();
    println!("{} acknowledged, {} there", acknowledged.len(), listed.len());
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    assert_resumes(&server, begin, listed).await;
}

/// A watch from a revision of the earlier process sees all that came after, and what comes now.
async fn assert_resumes(server: &Running, begin: u64, mut expected: BTreeSet<String>) {
    let target = format!("{CONFIG_MAPS}?watch=true&resourceVersion={begin}");
    let mut watch = Events::begin(server.connect().await, &target).await;
    server
        .json("POST", CONFIG_MAPS, &config_map("afterwards", "a"))
        .await
        .assert_code("create", 201);
    expected.insert("afterwards".to_owned());
    let mut seen = BTreeSet::new();
    for _ in 0..expected.len() {
        let event = watch.next().await.unwrap();
        assert_eq!(event["type"], "ADDED", "{event}");
        assert!(
            seen.insert(event["object"]["metadata"]["name"].as_str().unwrap().to_owned()),
            "twice: {event}"
        );
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn definitions_roles_and_deletions_outlive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { data: Some(directory.path().to_owned()), ..Options::default() };
    let server = Running::start_with(options.clone(), None).await;
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "things.example.com" },
        "spec": {
            "group": "example.com", "scope": "Cluster", "names": { "plural": "things", "kind": "Thing" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }],
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    server.json("POST", definitions, &definition).await.assert_code("definition", 201);
    let thing = json!({ "apiVersion": "example.com/v1", "kind": "Thing", "metadata": { "name": "a", "finalizers": ["example.com/x"] } });
    server.json("POST", "/apis/example.com/v1/things", &thing).await.assert_code("thing", 201);
    let one = "/apis/example.com/v1/things/a";
    server.request("DELETE", one, &[], b"").await.assert_code("delete", 200);
    let admin = server.token.clone();
    server.shutdown().await;
    let server = Running::start_with(options, Some(&admin)).await;
    let stored = server.get(one).await.json();
    assert!(stored["metadata"]["deletionTimestamp"].is_string(), "{stored}");
    let patch = json!({ "metadata": { "finalizers": null } });
    server.json("PATCH", one, &patch).await.assert_code("last finalizer", 200);
    server.get(one).await.assert_failure("afterwards", 404, "NotFound");
}
