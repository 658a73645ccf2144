//! HTTP/2 clients.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::harness::running::client_config;
use crate::harness::{Bystander, CONFIG_MAPS, Running, config_map};

async fn connect(server: &Running) -> SendRequest<Full<Bytes>> {
    let config = client_config(&server.ca_pem, &[b"h2"], None).into();
    let stream = server.tls(config).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn request(
    server: &Running,
    method: &str,
    target: &str,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(format!("https://localhost{target}"))
        .header("authorization", format!("Bearer {}", server.token))
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

#[tokio::test]
async fn a_thousand_requests_share_one_connection() {
    let server = Running::start().await;
    let bystander = Bystander::begin(&server).await;
    let sender = connect(&server).await;
    let requests = (0..1000).map(|number| {
        let name = format!("n{number}");
        let created = request(&server, "POST", CONFIG_MAPS, config_map(&name, "a").to_string());
        let mut sender = sender.clone();
        async move { sender.send_request(created).await.unwrap().status().as_u16() }
    });
    let codes = futures::future::join_all(requests).await;
    assert!(codes.iter().all(|code| *code == 201), "{codes:?}");
    bystander.assert_unharmed("1,000 streams").await;
}

#[tokio::test]
async fn a_watch_and_requests_share_one_connection() {
    let server = Running::start().await;
    let mut sender = connect(&server).await;
    let watch = request(&server, "GET", &format!("{CONFIG_MAPS}?watch=true&resourceVersion=0"), "");
    let mut watch = sender.send_request(watch).await.unwrap().into_body();
    let created = request(&server, "POST", CONFIG_MAPS, config_map("a", "b").to_string());
    assert_eq!(sender.send_request(created).await.unwrap().status(), 201);
    let frame = tokio::time::timeout(Duration::from_secs(10), watch.frame())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(frame.into_data().unwrap().starts_with(br#"{"type":"ADDED""#));
}

#[tokio::test]
async fn a_body_that_is_too_large_ends_its_stream_alone() {
    let server = Running::start().await;
    let mut sender = connect(&server).await;
    let large = request(&server, "POST", CONFIG_MAPS, vec![b' '; 3 * 1024 * 1024 + 1]);
    let answer = sender.send_request(large).await.unwrap();
    assert_eq!(answer.status(), 413);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(
        body.starts_with(b"{") && memchr::memmem::find(&body, b"RequestEntityTooLarge").is_some()
    );
    let small = request(&server, "GET", "/api/v1/namespaces/default", "");
    assert_eq!(sender.send_request(small).await.unwrap().status(), 200);
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused() {
    let server = Running::start().await;
    let mut sender = connect(&server).await;
    let mut large = request(&server, "GET", "/api/v1/namespaces/default", "");
    for number in 0..200 {
        let name = http::HeaderName::try_from(format!("x-{number}")).unwrap();
        large.headers_mut().insert(name, "x".repeat(4000).parse().unwrap());
    }
    // The connection may end with it, or only the stream.
    match sender.send_request(large).await {
        Ok(answer) => assert!(matches!(answer.status().as_u16(), 400 | 431), "{}", answer.status()),
        Err(error) => assert!(!error.is_timeout(), "{error}"),
    }
    server.get("/api/v1/namespaces/default").await.assert_code("another client", 200);
}
