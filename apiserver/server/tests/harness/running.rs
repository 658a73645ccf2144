//! A server with threads of its own, so that what a client suffers is the server's doing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use apiserver::{Endpoint, Options, Server};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Answer, Connection};

/// Where a server is and how to be let in.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub ca_pem: String,
    pub token: String,
    http1: Arc<ClientConfig>,
}

impl Target {
    pub fn new(address: SocketAddr, ca_pem: &str, token: &str) -> Self {
        let http1 = Arc::new(client_config(ca_pem, &[b"http/1.1"], None));
        Self { address, ca_pem: ca_pem.to_owned(), token: token.to_owned(), http1 }
    }

    pub async fn connect(&self) -> Connection {
        let stream = self.tls(self.http1.clone()).await.unwrap();
        Connection::new(stream, &self.token)
    }

    pub async fn tls(&self, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(self.address.ip().into());
        TlsConnector::from(config).connect(name, stream).await
    }

    /// One request on a connection of its own.
    pub async fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Answer {
        self.connect().await.request(method, target, headers, body).await.unwrap()
    }

    pub async fn json(&self, method: &str, target: &str, body: &serde_json::Value) -> Answer {
        self.connect().await.json(method, target, body).await
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.connect().await.get(target).await
    }

    /// Creates an object, which must succeed; as it was stored.
    pub async fn create(&self, path: &str, object: serde_json::Value) -> serde_json::Value {
        let answer = self.json("POST", path, &object).await;
        answer.assert_code(path, 201);
        answer.json()
    }

    /// Deletes an object, which must succeed.
    pub async fn remove(&self, path: &str) {
        self.request("DELETE", path, &[], b"").await.assert_code(path, 200);
    }
}

/// Trusts the server's authority; shows a certificate where one is given.
pub fn client_config(
    ca_pem: &str,
    protocols: &[&[u8]],
    identity: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> ClientConfig {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let mut config = match identity {
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// A server in this process.
pub struct Running {
    pub target: Target,
    pub endpoint: Endpoint,
    server: Option<Server>,
    runtime: Option<Runtime>,
}

impl std::ops::Deref for Running {
    type Target = Target;

    fn deref(&self) -> &Target {
        &self.target
    }
}

impl Running {
    /// In memory.
    pub async fn start() -> Self {
        Self::start_with(Options::default(), None).await
    }

    /// `token` is the administrator's, where the server was started before.
    pub async fn start_with(options: Options, token: Option<&str>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (server, endpoint) = runtime.spawn(listening(options)).await.unwrap();
        Self::new(server, endpoint, token, Some(runtime))
    }

    /// On the runtime of the test, so that [`pass`] moves the server's clock too.
    pub async fn start_here() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (server, endpoint) = listening(Options::default()).await;
        Self::new(server, endpoint, None, None)
    }

    fn new(
        server: Server,
        endpoint: Endpoint,
        token: Option<&str>,
        runtime: Option<Runtime>,
    ) -> Self {
        let token = token.or(server.admin_token()).unwrap().to_owned();
        let target = Target::new(endpoint.address, endpoint.ca_pem(), &token);
        Self { target, endpoint, server: Some(server), runtime }
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Ends the server as a program does that is asked to end.
    pub async fn shutdown(mut self) {
        let server = self.server.take().unwrap();
        let runtime = self.runtime.as_ref().unwrap();
        runtime.spawn(server.shutdown()).await.unwrap();
    }
}

async fn listening(options: Options) -> (Server, Endpoint) {
    let server = Server::open(options).await.unwrap();
    let endpoint = server.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    (server, endpoint)
}

/// Moves the clock of this runtime, which must have one thread.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.server.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
