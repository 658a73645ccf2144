//! Workload certificates, asked for as a sidecar asks for them.

use anyhow::{Context, Result};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic_prost::ProstCodec;

use crate::{ApiServer, Directory, Istiod, openssl};

/// The audience that istiod wants in a workload's token.
pub(crate) const TOKEN_AUDIENCE: &str = "istio-ca";

const METHOD: &str = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

/// A workload's certificate as istiod gave it.
#[derive(Clone)]
pub struct WorkloadCertificate {
    /// The leaf and each certificate of cert-chain.pem, PEM.
    pub chain_pem: String,
    /// The leaf's key, PKCS#8 PEM.
    pub key_pem: String,
    /// The whole of root-cert.pem, possibly several certificates.
    pub root_pem: String,
    /// The identity that the leaf must carry: `spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT`.
    pub spiffe_id: String,
}

impl std::fmt::Debug for WorkloadCertificate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = formatter.debug_struct("WorkloadCertificate");
        debug.field("spiffe_id", &self.spiffe_id).finish_non_exhaustive()
    }
}

/// Asks an istiod for a certificate for a service account of its cluster (created unless it
/// exists), valid for as long as istiod gives by itself, trusting only `trust_roots_pem` to verify istiod itself.
pub async fn certificate(
    istiod: &Istiod,
    api: &ApiServer,
    namespace: &str,
    service_account: &str,
    trust_roots_pem: &str,
) -> Result<WorkloadCertificate> {
    crate::install_crypto_provider();
    let token = api.service_account_token(namespace, service_account, TOKEN_AUDIENCE).await?;
    let directory = Directory::create("workload")?;
    let (key_pem, csr) = openssl::key_and_request(directory.path())?;
    let channel = connect(istiod, trust_roots_pem).await?;
    let mut chain = create_certificate(channel, &token, csr).await?;
    let root_pem = chain.pop().context("istiod answered with an empty chain")?;
    Ok(WorkloadCertificate {
        chain_pem: chain.concat(),
        key_pem,
        root_pem,
        spiffe_id: spiffe_id(namespace, service_account),
    })
}

/// The identity of a service account in Istio's default trust domain.
pub(crate) fn spiffe_id(namespace: &str, service_account: &str) -> String {
    format!("spiffe://cluster.local/ns/{namespace}/sa/{service_account}")
}

async fn connect(istiod: &Istiod, trust_roots_pem: &str) -> Result<Channel> {
    let address = istiod.ca_address();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(trust_roots_pem))
        .domain_name(istiod.server_name());
    let endpoint = Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?;
    let channel = endpoint.connect().await;
    channel.with_context(|| format!("cannot connect to istiod at {address}"))
}

async fn create_certificate(channel: Channel, token: &str, csr: String) -> Result<Vec<String>> {
    let mut request = tonic::Request::new(CertificateRequest { csr, validity_duration: 0 });
    let authorization = format!("Bearer {token}").parse()?;
    request.metadata_mut().insert("authorization", authorization);
    let mut client = Grpc::new(channel);
    client.ready().await.context("istiod's connection is not ready")?;
    let codec = ProstCodec::<CertificateRequest, CertificateResponse>::default();
    let path = PathAndQuery::from_static(METHOD);
    let answer = client.unary(request, path, codec).await;
    let answer: CertificateResponse = answer.context("istiod refused")?.into_inner();
    Ok(answer.cert_chain)
}

/// `istio.v1.auth.IstioCertificateRequest` (security/v1alpha1/ca.proto of istio.io/api).
#[derive(Clone, PartialEq, prost::Message)]
struct CertificateRequest {
    #[prost(string, tag = "1")]
    csr: String,
    /// Seconds.
    #[prost(int64, tag = "3")]
    validity_duration: i64,
}

/// `istio.v1.auth.IstioCertificateResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct CertificateResponse {
    #[prost(string, repeated, tag = "1")]
    cert_chain: Vec<String>,
}
