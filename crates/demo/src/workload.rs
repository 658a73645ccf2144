//! Workload certificates, asked for as a sidecar asks for them.

use std::net::SocketAddr;
use std::time::Duration;

use http::uri::PathAndQuery;
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use meshroot_ca::{RootSpec, make_root};
use meshroot_pki::{
    Certificate, CertificateRequest, DistinguishedName, Host, KeyKind, PrivateKey, parse_bundle,
};
use meshroot_runtime::kube::call::CallError;
use tonic::client::Grpc;
use tonic::transport::{Certificate as Trusted, ClientTlsConfig, Endpoint};
use tonic_prost::ProstCodec;

use super::control_plane::{
    AUDIENCE, Authority, CertificateAnswer, CertificateQuestion, METHOD, PUBLISHED, ROOTS,
    SERVER_NAME, now,
};
use super::install::{self, WORKLOADS, workload_name};
use crate::DemoError;

/// A workload with its certificate.
pub(super) struct Workload {
    /// What it is called here: its cluster, or `stranger`.
    pub(super) name: String,
    /// The identity that its certificate must carry.
    pub(super) spiffe_id: String,
    /// The leaf, then up to, without, the root.
    pub(super) chain: Vec<Certificate>,
    /// The roots that it verifies others with.
    pub(super) roots: Vec<Certificate>,
    pub(super) key: PrivateKey,
}

/// Asks the CA service of a cluster's mesh for a certificate for the workload there.
pub(super) async fn certificate(
    admin: &Client,
    cluster: &str,
    control_plane: SocketAddr,
) -> Result<Workload, DemoError> {
    let about = |problem: &dyn std::fmt::Display| DemoError::Workload {
        cluster: cluster.to_owned(),
        problem: problem.to_string(),
    };
    let account = workload_name(cluster);
    let token = install::token(admin, (WORKLOADS, &account), Some(AUDIENCE), TOKEN_SECONDS).await?;
    let roots = published(admin, cluster).await?;
    let key = PrivateKey::generate(KeyKind::EcdsaP256).map_err(|error| about(&error))?;
    let csr = CertificateRequest::create(&key, &DistinguishedName::empty(), &[])
        .map_err(|error| about(&error))?;
    let question = CertificateQuestion { csr: csr.to_pem(), validity_duration: 0 };
    let answer = tokio::time::timeout(LIMIT, ask(control_plane, &roots, &token, question)).await;
    let mut parts = answer
        .map_err(|_| about(&"no answer in time"))?
        .map_err(|problem| about(&problem))?
        .cert_chain;
    let bundle = |text: &str| parse_bundle(text.as_bytes()).map_err(|error| about(&error));
    let roots = bundle(&parts.pop().unwrap_or_default())?;
    let chain = bundle(&parts.concat())?;
    let spiffe_id = format!("spiffe://cluster.local/ns/{WORKLOADS}/sa/{account}");
    Ok(Workload { name: cluster.to_owned(), spiffe_id, chain, roots, key })
}

/// A workload under a CA of its own, that claims the identity of `victim` and trusts what it trusts.
pub(super) fn stranger(victim: &Workload) -> Result<Workload, DemoError> {
    let failed = |error: &dyn std::fmt::Display| DemoError::Stranger(error.to_string());
    let subject = DistinguishedName::new("Stranger", "stranger", "stranger root")
        .map_err(|error| failed(&error))?;
    let spec =
        RootSpec { key: KeyKind::EcdsaP256, subject, lifetime: SignedDuration::from_hours(24) };
    let (root, root_key) = make_root(&spec, now()).map_err(|error| failed(&error))?;
    let authority = Authority::new(vec![root.clone()], vec![root], root_key);
    let key = PrivateKey::generate(KeyKind::EcdsaP256).map_err(|error| failed(&error))?;
    let host = Host::Uri(victim.spiffe_id.clone());
    let leaf = authority.issue(key.public_key(), &host, SignedDuration::from_hours(1), now());
    let chain = vec![leaf.map_err(|error| failed(&error))?];
    let (spiffe_id, roots) = (victim.spiffe_id.clone(), victim.roots.clone());
    Ok(Workload { name: "stranger".to_owned(), spiffe_id, chain, roots, key })
}

/// The roots that the control plane publishes into the workload's namespace: with them it is verified itself.
async fn published(admin: &Client, cluster: &str) -> Result<Vec<Certificate>, DemoError> {
    let api: Api<ConfigMap> = Api::namespaced(admin.clone(), WORKLOADS);
    let begun = tokio::time::Instant::now();
    loop {
        let found = api.get_opt(PUBLISHED).await;
        let found = found.map_err(|error| {
            CallError::new(format!("read ConfigMap {PUBLISHED} of {cluster}"), error)
        })?;
        let text = found.and_then(|map| map.data?.remove(ROOTS));
        match text.map(|text| parse_bundle(text.as_bytes())) {
            Some(Ok(roots)) => return Ok(roots),
            _ if begun.elapsed() > LIMIT => {
                return Err(DemoError::Unpublished {
                    cluster: cluster.to_owned(),
                    config_map: format!("{WORKLOADS}/{PUBLISHED}"),
                });
            }
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn ask(
    control_plane: SocketAddr,
    roots: &[Certificate],
    token: &str,
    question: CertificateQuestion,
) -> Result<CertificateAnswer, String> {
    let roots = roots.iter().map(|root| Trusted::from_pem(root.to_pem()));
    let tls = ClientTlsConfig::new().domain_name(SERVER_NAME).ca_certificates(roots);
    let endpoint = Endpoint::from_shared(format!("https://{control_plane}"))
        .map_err(|error| error.to_string())?;
    let endpoint = endpoint.tls_config(tls).map_err(|error| error.to_string())?;
    let channel = endpoint.connect().await.map_err(|error| format!("connecting: {error}"))?;
    let mut request = tonic::Request::new(question);
    let bearer =
        format!("Bearer {token}").parse().map_err(|_| "the token cannot be sent in a header")?;
    request.metadata_mut().insert("authorization", bearer);
    let mut client = Grpc::new(channel);
    client.ready().await.map_err(|error| error.to_string())?;
    let codec: ProstCodec<CertificateQuestion, CertificateAnswer> = ProstCodec::default();
    let answer = client.unary(request, PathAndQuery::from_static(METHOD), codec).await;
    answer.map(tonic::Response::into_inner).map_err(|status| status.message().to_owned())
}

const TOKEN_SECONDS: i64 = 3600;
const LIMIT: Duration = Duration::from_secs(10);
