//! Connections: TLS, HTTP/1.1 and HTTP/2, and the limits that keep one client from harming another.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apiserver_access as access;
use apiserver_object::User;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use crate::api::Api;
use crate::dispatch;
use crate::limits::write_timeout::WriteTimeout;

/// Connections at one time; the next one waits until another ends.
const MOST_CONNECTIONS: usize = 8192;
/// A client that has not finished its handshake, or the header of its first request, by then is disconnected.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may be idle between requests; as in kube-apiserver.
const IDLE: Duration = Duration::from_secs(90);
/// How long a client may leave what it is sent unread.
const UNREAD: Duration = Duration::from_mins(1);
/// What is read ahead of one HTTP/1.1 connection, and of one HTTP/2 connection with all its streams.
const READ_AHEAD: usize = 128 * 1024;
const READ_AHEAD_OF_STREAMS: u32 = 256 * 1024;
/// Streams that one HTTP/2 connection may have open, watches included; as in kube-apiserver.
const MOST_STREAMS: u32 = 250;
/// A quiet HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long connections may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Accepts until the server stops, then waits for what is being answered.
pub(crate) async fn run(
    api: Arc<Api>,
    listener: TcpListener,
    tls: watch::Receiver<Arc<ServerConfig>>,
) {
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = api.stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Some((stream, permit)) => {
                let acceptor = TlsAcceptor::from(tls.borrow().clone());
                connections.spawn(serve(api.clone(), acceptor, stream, permit));
            }
            // Out of file descriptors, most likely: the next connection that ends frees one.
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections did not end in time");
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are written whole: waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            Some((stream, permit))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            None
        }
    }
}

/// Answers the requests of one connection.
async fn serve(
    api: Arc<Api>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
) {
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    let user = certificate_user(&stream).map(Arc::new);
    let stop = api.stop.clone();
    let requested = Arc::new(AtomicBool::new(false));
    let requests = requested.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        requests.store(true, Ordering::Relaxed);
        let (api, user) = (api.clone(), user.clone());
        async move { Ok::<_, Infallible>(dispatch::handle(api, request, user).await) }
    });
    let (builder, stream) = (protocols(), TokioIo::new(WriteTimeout::new(stream, UNREAD)));
    let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = without_request(&requested) => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// HTTP/1.1 and HTTP/2 with their limits.
fn protocols() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(READ_AHEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .initial_connection_window_size(READ_AHEAD_OF_STREAMS)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(HANDSHAKE);
    builder
}

/// Ends where no request has come in time: a new connection is not waited for as long as an idle one.
async fn without_request(requested: &AtomicBool) {
    tokio::time::sleep(HANDSHAKE).await;
    if requested.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// The user that a client certificate names; the handshake has verified it.
fn certificate_user(stream: &TlsStream<TcpStream>) -> Option<User> {
    let (_, session) = stream.get_ref();
    access::user_of_client_certificate(session.peer_certificates()?.first()?).ok()
}
