//! Two thousand connections.

use std::time::Instant;

use crate::harness::connection::Events;
use crate::harness::resident::MIB;
use crate::harness::{Bystander, CONFIG_MAPS, Connection, Target, config_map};
use crate::process::Process;

const IDLE: usize = 2000;
const WATCHERS: usize = 200;
/// Half of it is rustls' state and hyper's buffer of a connection.
const MOST_PER_CONNECTION: usize = 64 * 1024;

async fn connect(target: &Target, count: usize) -> Vec<Connection> {
    let mut connections = Vec::new();
    while connections.len() < count {
        let more = (0..50.min(count - connections.len())).map(|_| target.connect());
        connections.extend(futures::future::join_all(more).await);
    }
    connections
}

#[tokio::test]
async fn two_thousand_connections_and_two_hundred_watchers_harm_nobody() {
    let server = Process::start().await;
    let target = &server.target;
    target.get("/api/v1/namespaces/default").await.assert_code("warm", 200);
    let empty = server.resident();
    let start = Instant::now();
    let idle = connect(target, IDLE).await;
    println!("{IDLE} connections in {:?}", start.elapsed());
    let each = server.resident().saturating_sub(empty) / IDLE;
    println!("{} KiB in memory before, {} bytes for each idle connection", empty / 1024, each);
    assert!(each < MOST_PER_CONNECTION, "{each} bytes for each idle connection");

    let before = server.resident();
    let watch = format!("{CONFIG_MAPS}?watch=true&resourceVersion=0");
    let watchers = connect(target, WATCHERS)
        .await
        .into_iter()
        .map(|connection| Events::begin(connection, &watch));
    let mut watchers = futures::future::join_all(watchers).await;
    println!("{} bytes for each watch", server.resident().saturating_sub(before) / WATCHERS);
    let bystander = Bystander::begin(target).await;
    for number in 0..20 {
        target
            .json("POST", CONFIG_MAPS, &config_map(&format!("n{number}"), "a"))
            .await
            .assert_code("create", 201);
    }
    let seen = watchers.iter_mut().map(async |watcher| {
        for number in 0..20 {
            let event = watcher.next().await.unwrap();
            assert_eq!(event["object"]["metadata"]["name"], format!("n{number}"));
        }
    });
    futures::future::join_all(seen).await;
    bystander.assert_unharmed("2,000 connections").await;
    let start = Instant::now();
    target.get(CONFIG_MAPS).await.assert_code("a new client", 200);
    println!("a new client had its answer after {:?}", start.elapsed());
    assert!(start.elapsed() < crate::harness::bystander::UNHARMED);
    println!("{} MiB in memory with all of them", server.resident() / MIB);
    drop((idle, watchers));
}
