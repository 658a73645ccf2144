//! The server's own objects: what it writes in protobuf is read as what it writes in JSON.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod compare;
mod server;

use apiserver_wire::decode;
use serde_json::json;

use crate::compare::difference;
use crate::server::{Answers, Server};

const DOCUMENTS: [&str; 4] = [
    include_str!("core.yaml"),
    include_str!("workloads.yaml"),
    include_str!("policies.yaml"),
    include_str!("reviews.yaml"),
];

/// Half a thousand damaged copies of one body; where they are damaged follows from their number.
fn damaged(body: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..500_usize).map(|number| {
        let mut copy = body.to_vec();
        let at = number.wrapping_mul(7919).wrapping_add(number / 3) % copy.len();
        match number % 3 {
            0 => copy[at] ^= 1 << (number % 8),
            1 => copy[at] = 0xff,
            _ => copy.truncate(at),
        }
        copy
    })
}

fn read(answers: &Answers) {
    let object =
        decode(&answers.protobuf).unwrap_or_else(|error| panic!("{}: {error}", answers.path));
    if let Some(difference) = difference(&answers.json, &object) {
        panic!("{}: {difference}\nJSON:     {}\nprotobuf: {object}", answers.path, answers.json);
    }
    for body in damaged(&answers.protobuf) {
        // An error is as good: what counts is that neither panics.
        if let Ok(object) = decode(&body) {
            assert!(object["kind"].is_string(), "{object}");
        }
    }
}

#[tokio::test]
async fn the_servers_protobuf_is_read_as_its_json() {
    let server = Server::new().await;
    let mut kinds = std::collections::BTreeSet::new();
    for document in DOCUMENTS.iter().flat_map(|text| text.split("---\n")) {
        let answers = server.play(document).await;
        read(&answers);
        kinds.insert(format!("{} {}", answers.json["apiVersion"], answers.json["kind"]));
        if answers.path.ends_with("/deployments/deployment") {
            presence_counts(&answers);
        }
    }
    // All but DeleteOptions, which no server sends.
    assert_eq!(kinds.len(), 38, "{kinds:#?}");
}

/// Zero values that the comparison would not miss.
fn presence_counts(deployment: &Answers) {
    let object = decode(&deployment.protobuf).unwrap();
    let pod = &object["spec"]["template"]["spec"];
    assert_eq!(object["spec"]["replicas"], 0);
    assert_eq!(object["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    assert_eq!(pod["terminationGracePeriodSeconds"], 0);
    assert_eq!(pod["volumes"][0], json!({"name": "empty", "emptyDir": {}}));
    assert_eq!(pod["topologySpreadConstraints"][0]["labelSelector"], json!({}));
    assert_eq!(pod["containers"][0]["envFrom"][0]["configMapRef"]["optional"], false);
}
