//! Clients that take their time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt as _;
use tokio::sync::Barrier;

use crate::harness::connection::{Events, LIMIT};
use crate::harness::running::pass;
use crate::harness::{Bystander, CONFIG_MAPS, Running, config_map};

const ONE: &str = "/api/v1/namespaces/default";

/// What the server gives a client for a handshake or a header.
const GIVEN: Duration = Duration::from_secs(10);
const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_handshake_that_never_comes_is_cut_off() {
    let server = Running::start_here().await;
    let mut silent = tokio::net::TcpStream::connect(server.address).await.unwrap();
    // Connections are accepted in order.
    server.get(ONE).await.assert_code("another client", 200);
    pass(GIVEN).await;
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(LIMIT, silent.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is still there after {GIVEN:?}");
}

#[tokio::test]
async fn a_header_that_drips_is_cut_off() {
    let server = Running::start_here().await;
    let mut connection = server.connect().await;
    let head = connection.head("GET", ONE, &[]);
    for byte in head.as_bytes().iter().take(12) {
        if connection.send([*byte]).await.is_err() {
            break;
        }
        server.get(ONE).await.assert_code("another client", 200);
        pass(GIVEN / 10).await;
    }
    connection.ended(LIMIT).await.expect("the connection ends");
}

/// kube-apiserver keeps a connection for 90 s between two requests. A client that renews a lease every ten seconds
/// meets a server that closes after ten in the very moment.
#[tokio::test]
async fn a_connection_that_rests_between_requests_is_kept() {
    let server = Running::start_here().await;
    let mut connection = server.connect().await;
    connection.get(ONE).await.assert_code("first", 200);
    for what in ["second", "third"] {
        pass(Duration::from_secs(80)).await;
        connection.get(ONE).await.assert_code(what, 200);
    }
}

#[tokio::test]
async fn seven_hundred_bodies_that_do_not_end_leave_room_for_others() {
    let server = Running::start().await;
    let mut slow = Vec::new();
    for _ in 0..700 {
        let mut connection = server.connect().await;
        let head = connection.head(
            "POST",
            CONFIG_MAPS,
            &["Content-Type: application/json", "Content-Length: 1000"],
        );
        connection.send(head + "{").await.unwrap();
        slow.push(connection);
    }
    for _ in 0..3 {
        server.get("/api/v1/namespaces/default").await.assert_code("a read", 200);
    }
    server.json("POST", CONFIG_MAPS, &config_map("a", "b")).await.assert_code("a write", 201);
}

/// All of them have sent half when the memory for bodies is used up: nobody may wait for all others.
#[tokio::test]
async fn many_large_bodies_at_one_time_are_all_answered() {
    let server = Running::start().await;
    let all = Arc::new(Barrier::new(48));
    let requests = (0..48).map(|_| {
        let (target, all) = (server.target.clone(), all.clone());
        tokio::spawn(async move {
            let answer =
                tokio::time::timeout(Duration::from_secs(20), two_halves(&target, &all)).await;
            match answer {
                Ok(Ok(code)) => code.to_string(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".to_owned(),
            }
        })
    });
    let requests: Vec<_> = requests.collect();
    let mut codes = std::collections::BTreeMap::<String, usize>::new();
    for answer in requests {
        *codes.entry(answer.await.unwrap()).or_default() += 1;
    }
    // 400: read, and no JSON. 429: try again later.
    assert!(
        codes.keys().all(|code| code == "400" || code == "429"),
        "48 clients sent 3 MiB of blanks each: {codes:?}"
    );
}

/// The second half follows when all others have sent their first, or cannot.
async fn two_halves(target: &crate::harness::Target, all: &Barrier) -> std::io::Result<u16> {
    let mut connection = target.connect().await;
    let half = vec![b' '; 3 * MIB / 2];
    let length = format!("Content-Length: {}", 2 * half.len());
    let head = connection.head("POST", CONFIG_MAPS, &["Content-Type: application/json", &length]);
    connection.send(head).await?;
    let _ = connection.send(&half).await;
    let _ = tokio::time::timeout(Duration::from_secs(1), all.wait()).await;
    let _ = connection.send(&half).await;
    Ok(connection.answer().await?.code)
}

#[tokio::test]
async fn a_large_body_that_stops_halfway_does_not_stop_small_ones() {
    let server = Running::start().await;
    let mut slow = Vec::new();
    for _ in 0..24 {
        let mut connection = server.connect().await;
        let length = format!("Content-Length: {}", 3 * MIB);
        let head =
            connection.head("POST", CONFIG_MAPS, &["Content-Type: application/json", &length]);
        connection.send(head).await.unwrap();
        let part = vec![b' '; 3 * MIB - 1];
        slow.push(tokio::spawn(async move {
            let _ = connection.send(part).await;
            connection
        }));
    }
    // They have sent it, or cannot: the server takes no more.
    let sending = futures::future::join_all(&mut slow);
    let _ = tokio::time::timeout(Duration::from_secs(1), sending).await;
    let writing = async {
        let object = config_map("a", "b");
        server.json("POST", CONFIG_MAPS, &object).await
    };
    let answer = tokio::time::timeout(Duration::from_secs(5), writing).await;
    for task in slow {
        task.abort();
    }
    answer.expect("a small write waited 5 s").assert_code("a small write", 201);
}

#[tokio::test]
async fn a_server_with_stuck_clients_ends_within_its_farewell() {
    let server = Running::start().await;
    let target = server.target.clone();
    let silent = tokio::net::TcpStream::connect(target.address).await.unwrap();
    let idle = target.connect().await;
    let mut half = target.connect().await;
    let head = half.head("POST", CONFIG_MAPS, &["Content-Length: 100"]);
    half.send(head).await.unwrap();
    let mut watch =
        Events::begin(target.connect().await, &format!("{CONFIG_MAPS}?watch=true")).await;
    let start = Instant::now();
    server.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(8), "the end took {:?}", start.elapsed());
    assert!(watch.next().await.is_err());
    drop((silent, idle, half));
}

#[tokio::test]
async fn clients_that_hang_up_leave_nothing_behind() {
    let server = Running::start().await;
    let bystander = Bystander::begin(&server).await;
    for number in 0..200 {
        let mut connection = server.connect().await;
        let body = config_map(&format!("n{number}"), "a").to_string();
        let length = format!("Content-Length: {}", body.len());
        let head =
            connection.head("POST", CONFIG_MAPS, &["Content-Type: application/json", &length]);
        let whole = head + &body;
        // Cut at another place each time; the last ones are complete, and nobody reads the answer.
        let end = whole.len() * (number + 1) / 190;
        connection.send(&whole.as_bytes()[..end.min(whole.len())]).await.unwrap();
    }
    for _ in 0..3 {
        server.get(CONFIG_MAPS).await.assert_code("afterwards", 200);
    }
    bystander.assert_unharmed("clients that hang up").await;
}
