//! A stand-in for istiod, as far as an agent and workloads have to do with it (Istio 1.27 to 1.31).
//!
//! It loads Secret `cacerts` some time after it was written. With multi-root it loads whatever is there, without it another
//! root only when it starts anew. It publishes its roots, and gives a workload certificate to whoever asks, by which the agent
//! sees what is loaded.
//!
//! Its own serving certificate is of another CA, which it publishes beside its roots: TLS libraries know no virtual clock.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, anyhow};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use meshroot_ca::{RootSpec, make_root};
use meshroot_demo::control_plane::{Authority, CertificateAnswer, CertificateQuestion, METHOD};
use meshroot_manifests::DEFAULT_MESH_NAMESPACE;
use meshroot_pki::{
    Certificate, CertificateRequest, DistinguishedName, Host, KeyKind, PrivateKey, to_bundle,
};
use meshroot_runtime::process::clock;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use tonic_prost::ProstCodec;

/// How long a workload's certificate lives: Istio's default.
pub(crate) const LEAF: SignedDuration = SignedDuration::from_hours(24);

const SECRET: &str = "cacerts";
const PUBLISHED: &str = "istio-ca-root-cert";
const ROOTS: &str = "root-cert.pem";

/// How all stand-ins serve.
#[derive(Clone)]
pub(crate) struct Serving {
    acceptor: TlsAcceptor,
    root: Certificate,
}

impl Serving {
    /// Made while the clock is that of TLS libraries.
    pub(crate) fn make() -> Result<Self> {
        let now = clock::now();
        let subject = DistinguishedName::new("Simulation", "istiod", "serving")?;
        let lifetime = SignedDuration::from_hours(24 * 30);
        let (root, root_key) =
            make_root(&RootSpec { key: KeyKind::EcdsaP256, subject, lifetime }, now)?;
        let authority = Authority::new(vec![root.clone()], vec![root.clone()], root_key);
        let key = PrivateKey::generate(KeyKind::EcdsaP256)?;
        let name = Host::Dns(format!("istiod.{DEFAULT_MESH_NAMESPACE}.svc"));
        let leaf =
            authority.issue(key.public_key(), &name, lifetime, now).map_err(|why| anyhow!(why))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_slice(key.to_pkcs8_pem().as_bytes())?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(leaf.der().to_vec())], key)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), root })
    }
}

type Loaded = Arc<Mutex<Option<Arc<Authority>>>>;

/// The control plane of one cluster.
pub(crate) struct Istiod {
    pub(crate) address: SocketAddr,
    /// Whether changed roots are loaded while it runs (`ISTIO_MULTIROOT_MESH`).
    live: bool,
    serving: Serving,
    cluster: Client,
    loaded: Loaded,
}

impl Istiod {
    pub(crate) async fn start(cluster: Client, live: bool, serving: &Serving) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, loaded) = (listener.local_addr()?, Loaded::default());
        tokio::spawn(serve(listener, serving.acceptor.clone(), Arc::clone(&loaded)));
        Ok(Self { address, live, serving: serving.clone(), cluster, loaded })
    }

    fn loaded(&self) -> Option<Arc<Authority>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads `cacerts`, when it starts anew or sees that its file is another one. What it signs with from then on, if
    /// that is something else.
    pub(crate) async fn load(&self, starts: bool) -> Result<Option<Arc<Authority>>> {
        let secrets: Api<Secret> = Api::namespaced(self.cluster.clone(), DEFAULT_MESH_NAMESPACE);
        let Some(secret) = secrets.get_opt(SECRET).await? else { return Ok(None) };
        let found = Authority::load(&secret).map_err(|why| anyhow!("{SECRET}: {why}"))?;
        let before = self.loaded();
        let is_same =
            |before: &Authority| before.roots() == found.roots() && before.chain() == found.chain();
        if before.as_deref().is_some_and(is_same) {
            return Ok(None);
        }
        // Another root is not loaded by one that runs without multi-root, nor what comes with it.
        let is_other_root = before.is_some_and(|before| !same(before.roots(), found.roots()));
        if is_other_root && !self.live && !starts {
            return Ok(None);
        }
        self.publish(&found).await?;
        let found = Arc::new(found);
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(Some(found))
    }

    async fn publish(&self, found: &Authority) -> Result<()> {
        let mut roots = found.roots().to_vec();
        roots.push(self.serving.root.clone());
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": PUBLISHED },
            "data": { ROOTS: to_bundle(&roots) },
        });
        let maps: Api<ConfigMap> = Api::namespaced(self.cluster.clone(), DEFAULT_MESH_NAMESPACE);
        let parameters = PatchParams::apply("istiod").force();
        maps.patch(PUBLISHED, &parameters, &Patch::Apply(&map))
            .await
            .context("publishing roots")?;
        Ok(())
    }
}

fn same(one: &[Certificate], other: &[Certificate]) -> bool {
    one.len() == other.len() && one.iter().all(|root| other.contains(root))
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, loaded: Loaded) {
    while let Ok((stream, _)) = listener.accept().await {
        let authority = loaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // Without a CA its pod does not start.
        let Some(authority) = authority else { continue };
        // Else the kernel waits for more, on a clock that is not ours.
        let _ = stream.set_nodelay(true);
        tokio::spawn(connection(stream, acceptor.clone(), authority));
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, authority: Arc<Authority>) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let answer = hyper::service::service_fn(move |request| {
        let authority = Arc::clone(&authority);
        async move { Ok::<_, Infallible>(route(authority, request).await) }
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // Whoever asked may hang up.
    let _ = serving.serve_connection(TokioIo::new(stream), answer).await;
}

async fn route(
    authority: Arc<Authority>,
    request: Request<Incoming>,
) -> Response<tonic::body::Body> {
    if request.uri().path() != METHOD {
        return Status::unimplemented("it only issues certificates").into_http();
    }
    let method = tower::service_fn(move |request: tonic::Request<CertificateQuestion>| {
        let answer = create(&authority, request.get_ref());
        async move { answer }
    });
    let codec = ProstCodec::<CertificateAnswer, CertificateQuestion>::default();
    tonic::server::Grpc::new(codec).unary(method, request).await
}

fn create(
    authority: &Authority,
    asked: &CertificateQuestion,
) -> Result<tonic::Response<CertificateAnswer>, Status> {
    let csr = CertificateRequest::parse(asked.csr.as_bytes())
        .map_err(|error| Status::invalid_argument(error.to_string()))?;
    let host = Host::Uri("spiffe://cluster.local/ns/meshroot-agent/sa/meshroot-agent".to_owned());
    let leaf =
        authority.issue(csr.public_key(), &host, LEAF, clock::now()).map_err(Status::internal)?;
    let mut cert_chain = vec![leaf.to_pem()];
    cert_chain.extend(authority.chain().iter().map(Certificate::to_pem));
    cert_chain.push(authority.roots_pem());
    Ok(tonic::Response::new(CertificateAnswer { cert_chain }))
}
