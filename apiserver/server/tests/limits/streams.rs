//! Very many streams of HTTP/2.

use std::convert::Infallible;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{BoxStream, once, pending};
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::harness::resident::MIB;
use crate::harness::running::client_config;
use crate::harness::{Bystander, CONFIG_MAPS, Target};
use crate::process::Process;

const CONNECTIONS: usize = 24;
/// As many as the server allows.
const STREAMS: usize = 250;
const BYTES: usize = 60 * 1024;

type Endless = StreamBody<BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;

/// A body that begins and does not go on.
fn endless(data: Bytes) -> Endless {
    StreamBody::new(once(async { Ok(Frame::data(data)) }).chain(pending()).boxed())
}

async fn connect(target: &Target) -> SendRequest<Endless> {
    let config = client_config(&target.ca_pem, &[b"h2"], None).into();
    let stream = target.tls(config).await.unwrap();
    let (sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// 6,000 small bodies of 60 KiB that do not end, 350 MiB together.
#[tokio::test]
async fn small_bodies_that_do_not_end_are_bounded_in_all() {
    let server = Process::start().await;
    let bystander = Bystander::begin(&server.target).await;
    let before = server.resident();
    let data = Bytes::from(vec![b' '; BYTES]);
    let mut unfinished = Vec::new();
    for _ in 0..CONNECTIONS {
        let sender = connect(&server.target).await;
        for _ in 0..STREAMS {
            let request = Request::post(format!("https://localhost{CONFIG_MAPS}"))
                .header("authorization", format!("Bearer {}", server.target.token))
                .header("content-type", "application/json")
                .body(endless(data.clone()))
                .unwrap();
            let mut sender = sender.clone();
            unfinished.push(tokio::spawn(async move { sender.send_request(request).await }));
        }
    }
    let grown = server.resident_at_rest().await.saturating_sub(before) / MIB;
    println!("{grown} MiB more in memory for 6,000 bodies of 60 KiB that do not end");
    assert!(grown < 200, "{grown} MiB more are in memory");
    bystander.assert_unharmed("6,000 streams").await;
    unfinished.iter().for_each(tokio::task::JoinHandle::abort);
}
