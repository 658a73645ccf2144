//! HTTP/1.1 over TLS, one connection at a time: a client that costs as little as it can, since it shares the processors
//! with what it measures.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use meshroot_testkit::ApiServer;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Where a server is, and who asks.
#[derive(Clone)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    host: HeaderValue,
    bearer: HeaderValue,
}

impl Endpoint {
    pub(crate) fn of(api: &ApiServer) -> Result<Self> {
        Self::new(&api.url(), api.ca_pem().as_bytes(), api.admin_token())
    }

    /// As a kubeconfig of one cluster and one token says.
    pub(crate) fn of_kubeconfig(path: &Path) -> Result<Self> {
        let kubeconfig: Value = serde_saphyr::from_str(&std::fs::read_to_string(path)?)?;
        let cluster = &kubeconfig["clusters"][0]["cluster"];
        let text = |value: &Value, name: &str| {
            value[name].as_str().map(str::to_owned).context(name.to_owned())
        };
        let ca_pem = BASE64_STANDARD.decode(text(cluster, "certificate-authority-data")?)?;
        Self::new(
            &text(cluster, "server")?,
            &ca_pem,
            &text(&kubeconfig["users"][0]["user"], "token")?,
        )
    }

    fn new(url: &str, ca_pem: &[u8], token: &str) -> Result<Self> {
        let address = url.strip_prefix("https://").context("not an https URL")?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca_pem) {
            roots.add(certificate?)?;
        }
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self {
            address: address.parse()?,
            tls: Arc::new(tls),
            host: HeaderValue::from_str(address)?,
            bearer: bearer(token)?,
        })
    }

    /// The same server, asked by somebody else.
    pub(crate) fn with_token(&self, token: &str) -> Result<Self> {
        Ok(Self { bearer: bearer(token)?, ..self.clone() })
    }

    pub(crate) async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::IpAddress(self.address.ip().into());
        let stream = TlsConnector::from(self.tls.clone()).connect(name, stream).await?;
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender; what went wrong is the answer to the request.
        tokio::spawn(async move { drop(driver.await) });
        Ok(Connection { sender, endpoint: self.clone() })
    }
}

fn bearer(token: &str) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), content_type: JSON, body: Bytes::new() }
    }

    pub(crate) fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { method: Method::POST, path: path.into(), content_type: JSON, body: body.into() }
    }

    pub(crate) fn put(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { method: Method::PUT, path: path.into(), content_type: JSON, body: body.into() }
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), content_type: JSON, body: Bytes::new() }
    }

    pub(crate) fn merge_patch(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::PATCH,
            path: path.into(),
            content_type: MERGE_PATCH,
            body: body.into(),
        }
    }
}

const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// One connection, kept open.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    endpoint: Endpoint,
}

impl Connection {
    /// Sends, and requires a status of success; the body has not been read.
    pub(crate) async fn begin(&mut self, call: Call) -> Result<Response<Incoming>> {
        let what = format!("{} {}", call.method, call.path);
        let request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(HOST, &self.endpoint.host)
            .header(AUTHORIZATION, &self.endpoint.bearer)
            .header(CONTENT_TYPE, call.content_type)
            .body(Full::new(call.body))?;
        self.sender.ready().await?;
        let answer = self.sender.send_request(request).await.with_context(|| what.clone())?;
        if !answer.status().is_success() {
            let (status, body) = (answer.status(), answer.into_body().collect().await?.to_bytes());
            bail!("{what}: {status}: {}", String::from_utf8_lossy(&body[..body.len().min(600)]));
        }
        Ok(answer)
    }

    /// Sends, reads to the last byte, and says how many bytes came.
    pub(crate) async fn discard(&mut self, call: Call) -> Result<usize> {
        let mut body = self.begin(call).await?.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(length)
    }

    /// Sends, and keeps the answer.
    pub(crate) async fn bytes(&mut self, call: Call) -> Result<Bytes> {
        Ok(self.begin(call).await?.into_body().collect().await?.to_bytes())
    }

    pub(crate) async fn json(&mut self, call: Call) -> Result<Value> {
        Ok(serde_json::from_slice(&self.bytes(call).await?)?)
    }
}

/// Sends one request over a connection of its own.
pub(crate) async fn once(endpoint: &Endpoint, call: Call) -> Result<Value> {
    endpoint.connect().await?.json(call).await
}

/// Waits for `/readyz`; fails at once where nobody answers.
pub(crate) async fn is_ready(endpoint: &Endpoint) -> Result<()> {
    let answer = endpoint.connect().await?.bytes(Call::get("/readyz")).await?;
    ensure!(&answer[..] == b"ok", "/readyz answers {answer:?}");
    Ok(())
}
