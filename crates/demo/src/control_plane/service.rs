//! `istio.v1.auth.IstioCertificateService` over TLS (Istio 1.27 to 1.31).

use std::sync::Arc;

use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::SignedDuration;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};
use meshroot_pki::{CertificateRequest, Host, to_bundle};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use super::authority::{Authority, now};
use super::{AUDIENCE, LEAF_LIFETIME, Loaded};

/// The one method that a mesh's workloads use.
pub const METHOD: &str = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
const TRUST_DOMAIN: &str = "cluster.local";

/// `istio.v1.auth.IstioCertificateRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CertificateQuestion {
    #[prost(string, tag = "1")]
    /// PEM.
    pub csr: String,
    /// Seconds; 0 for the default.
    #[prost(int64, tag = "3")]
    pub validity_duration: i64,
}

/// `istio.v1.auth.IstioCertificateResponse`: the leaf, each certificate up to the root, then all roots.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CertificateAnswer {
    #[prost(string, repeated, tag = "1")]
    /// PEM each.
    pub cert_chain: Vec<String>,
}

/// Answers, from when there is a CA on; until then connections wait.
pub(super) async fn serve(listener: TcpListener, cluster: Client, loaded: Loaded) {
    let mut connections = JoinSet::new();
    let mut known = loaded.subscribe();
    if known.wait_for(Option::is_some).await.is_err() {
        return;
    }
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let Some(authority) = loaded.borrow().clone() else { continue };
        connections.spawn(connection(stream, authority, cluster.clone()));
    }
}

async fn connection(stream: TcpStream, authority: Arc<Authority>, cluster: Client) {
    let config = match authority.server_config() {
        Ok(config) => config,
        Err(problem) => return tracing::warn!(problem, "the stand-in for istiod cannot serve"),
    };
    let Ok(stream) = TlsAcceptor::from(Arc::new(config)).accept(stream).await else { return };
    let answer = hyper::service::service_fn(move |request| {
        let (authority, cluster) = (Arc::clone(&authority), cluster.clone());
        async move { Ok::<_, std::convert::Infallible>(route(authority, cluster, request).await) }
    });
    let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    if let Err(error) = serving.serve_connection(TokioIo::new(stream), answer).await {
        tracing::debug!(%error, "a connection to the stand-in for istiod ended");
    }
}

async fn route(
    authority: Arc<Authority>,
    cluster: Client,
    request: http::Request<Incoming>,
) -> http::Response<tonic::body::Body> {
    if request.uri().path() != METHOD {
        return Status::unimplemented("the stand-in for istiod only issues certificates")
            .into_http();
    }
    let method = tower::service_fn(move |request: Request<CertificateQuestion>| {
        create(Arc::clone(&authority), cluster.clone(), request)
    });
    let codec = ProstCodec::<CertificateAnswer, CertificateQuestion>::default();
    tonic::server::Grpc::new(codec).unary(method, request).await
}

async fn create(
    authority: Arc<Authority>,
    cluster: Client,
    request: Request<CertificateQuestion>,
) -> Result<Response<CertificateAnswer>, Status> {
    let bearer = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer "));
    let token = token.ok_or_else(|| Status::unauthenticated("there is no bearer token"))?;
    let identity = identity(&cluster, token).await?;
    let asked = request.into_inner();
    let csr = CertificateRequest::parse(asked.csr.as_bytes())
        .map_err(|error| Status::invalid_argument(format!("the CSR: {error}")))?;
    let lifetime = match asked.validity_duration {
        0 => LEAF_LIFETIME,
        seconds if seconds > 0 => SignedDuration::from_secs(seconds).min(LEAF_LIFETIME),
        _ => return Err(Status::invalid_argument("the validity duration is negative")),
    };
    // The identity comes from the token, whatever the CSR says.
    let leaf = authority
        .issue(csr.public_key(), &Host::Uri(identity), lifetime, now())
        .map_err(Status::internal)?;
    let mut cert_chain = vec![leaf.to_pem()];
    cert_chain.extend(
        authority.chain().iter().map(|certificate| to_bundle(std::slice::from_ref(certificate))),
    );
    cert_chain.push(authority.roots_pem());
    Ok(Response::new(CertificateAnswer { cert_chain }))
}

/// The SPIFFE ID of whoever the cluster says that the token is of.
async fn identity(cluster: &Client, token: &str) -> Result<String, Status> {
    let spec =
        TokenReviewSpec { token: token.to_owned(), audiences: Some(vec![AUDIENCE.to_owned()]) };
    let review = TokenReview { spec, ..TokenReview::default() };
    let answer =
        Api::<TokenReview>::all(cluster.clone()).create(&PostParams::default(), &review).await;
    // The error may quote the token.
    let status = answer
        .map_err(|_| Status::unavailable("the cluster cannot say whose the token is"))?
        .status;
    let status = status.filter(|status| status.authenticated == Some(true));
    let user = status.and_then(|status| status.user?.username);
    let account = user
        .as_deref()
        .and_then(|user| user.strip_prefix("system:serviceaccount:")?.split_once(':'));
    let (namespace, name) =
        account.ok_or_else(|| Status::unauthenticated("the token is not of a ServiceAccount"))?;
    Ok(format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{name}"))
}
