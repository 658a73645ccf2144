//! Clients that ask and do not read.

use serde_json::{Value, json};

use crate::harness::connection::Events;
use crate::harness::resident::MIB;
use crate::harness::{CONFIG_MAPS, Connection, Target, config_map};
use crate::process::Process;

const EVENTS: usize = 5000;
const WRITERS: usize = 4;
const UNREAD: usize = 30;
const EVENT_BYTES: usize = 8 * 1024;

async fn ask(mut connection: Connection, target: &str) -> Connection {
    let head = connection.head("GET", target, &[]);
    connection.send(head).await.unwrap();
    connection
}

/// 40 MB of events, for one who reads and for three who do not.
#[tokio::test]
async fn watchers_that_do_not_read_cost_no_memory_and_no_events_of_others() {
    let server = Process::start().await;
    let target = server.target.clone();
    for writer in 0..WRITERS {
        let object = config_map(&format!("n{writer}"), &"x".repeat(EVENT_BYTES));
        target.json("POST", CONFIG_MAPS, &object).await.assert_code("create", 201);
    }
    let list = target.get(CONFIG_MAPS).await.json();
    let watch = format!("{CONFIG_MAPS}?watch=true&resourceVersion={}", revision(&list));
    let mut deaf = Vec::new();
    for _ in 0..3 {
        deaf.push(Events::begin(target.connect().await, &watch).await);
    }
    let reader = Events::begin(target.connect().await, &watch).await;
    let before = server.resident();
    let reading = tokio::spawn(read_all(reader));
    futures::future::join_all((0..WRITERS).map(|writer| patch_often(&target, writer))).await;
    reading.await.unwrap();
    let grown = server.resident().saturating_sub(before);
    println!("{} KiB more in memory after {EVENTS} events of {EVENT_BYTES} bytes", grown / 1024);
    assert!(grown < 40 * MIB, "{} MiB more are in memory", grown / MIB);
    for watcher in &mut deaf {
        assert_eq!(last(watcher).await["object"]["reason"], "Expired");
    }
}

fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

async fn patch_often(target: &Target, writer: usize) {
    let mut connection = target.connect().await;
    let one = format!("{CONFIG_MAPS}/n{writer}");
    for number in 0..EVENTS / WRITERS {
        let patch = json!({ "data": { "number": number.to_string() } });
        connection.json("PATCH", &one, &patch).await.assert_code("patch", 200);
    }
}

/// Every change of every object, in the order of the revisions.
async fn read_all(mut watch: Events) {
    let (mut newest, mut next) = (0, [0; WRITERS]);
    for _ in 0..EVENTS {
        let event = watch.next().await.unwrap();
        let object = &event["object"];
        assert_eq!(event["type"], "MODIFIED");
        assert!(revision(object) > newest, "{newest} before {}", revision(object));
        newest = revision(object);
        let writer: usize = object["metadata"]["name"].as_str().unwrap()[1..].parse().unwrap();
        assert_eq!(object["data"]["number"], json!(next[writer].to_string()), "n{writer}");
        next[writer] += 1;
    }
}

/// The last event of a watch that fell behind: the error that says so.
async fn last(watch: &mut Events) -> Value {
    let mut last = Value::Null;
    while let Ok(event) = watch.next().await {
        last = event;
        if last["type"] == "ERROR" {
            assert_eq!(last["object"]["code"], 410);
            return last;
        }
    }
    panic!("the watch ended without a word after {last}");
}

/// Clients ask for a list of 9 MB each and read nothing of it.
#[tokio::test]
async fn lists_that_nobody_reads_cost_no_memory() {
    let server = Process::start().await;
    let target = server.target.clone();
    let value = "x".repeat(900 * 1024);
    for number in 0..10 {
        target
            .json("POST", CONFIG_MAPS, &config_map(&format!("n{number}"), &value))
            .await
            .assert_code("create", 201);
    }
    for form in ["", "&labelSelector=a!%3Db"] {
        assert_unread(&server, &[], form).await;
    }
    assert_unread(&server, &["Accept: application/yaml"], "").await;
}

async fn assert_unread(server: &Process, headers: &[&str], form: &str) {
    let list = format!("{CONFIG_MAPS}?limit=500{form}");
    let mut connection = server.target.connect().await;
    connection.request("GET", &list, headers, b"").await.unwrap().assert_code("warm", 200);
    let before = server.resident();
    let mut unread = Vec::new();
    for _ in 0..UNREAD {
        let mut connection = server.target.connect().await;
        let head = connection.head("GET", &list, headers);
        connection.send(head).await.unwrap();
        unread.push(connection);
    }
    server.target.get("/api/v1/namespaces/default").await.assert_code("another client", 200);
    let each = server.resident().saturating_sub(before) / UNREAD / 1024;
    println!("{each} KiB more in memory for each list that nobody reads ({form} {headers:?})");
    assert!(
        each < 3 * 1024,
        "{each} KiB more are in memory for each list of 9 MB that nobody reads ({form} {headers:?})"
    );
}

/// 400 clients send all but the last byte of 512 KiB. The server takes 64 MiB of it, and HTTP buffers some more.
#[tokio::test]
async fn bodies_that_do_not_end_are_bounded_in_all() {
    let server = Process::start().await;
    let before = server.resident();
    let mut unfinished = Vec::new();
    for _ in 0..400 {
        let mut connection = ask(server.target.connect().await, "/version").await;
        connection.answer().await.unwrap().assert_code("version", 200);
        let size = 512 * 1024;
        let length = format!("Content-Length: {size}");
        let head =
            connection.head("POST", CONFIG_MAPS, &["Content-Type: application/json", &length]);
        connection.send(head).await.unwrap();
        unfinished.push(tokio::spawn(async move {
            // Stops where the server takes no more.
            let _ = connection.send(vec![b' '; size - 1]).await;
            std::future::pending::<()>().await;
        }));
    }
    let grown = server.resident_at_rest().await.saturating_sub(before) / MIB;
    for task in unfinished {
        task.abort();
    }
    println!("{grown} MiB more in memory for 200 MiB of bodies that do not end");
    assert!(grown < 190, "{grown} MiB more are in memory");
}
