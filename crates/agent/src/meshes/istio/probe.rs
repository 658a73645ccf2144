//! What istiod has loaded, seen from outside: a workload certificate from its CA service, its metrics, and the
//! trust anchors that it publishes (`istio.v1.auth.IstioCertificateService`, Istio 1.27 to 1.31).

use std::time::Duration;

use http::uri::PathAndQuery;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::Api;
use kube::api::PostParams;
use meshroot_api::names;
use meshroot_core::meshes::istio::{PUBLISHED_ANCHORS, cacerts::ROOTS};
use meshroot_core::pickup::Seen;
use meshroot_pki::{
    Certificate, DistinguishedName, Fingerprint, KeyKind, PrivateKey, parse_bundle,
};
use tonic::client::Grpc;
use tonic::transport::{Certificate as TrustedCertificate, Channel, ClientTlsConfig, Endpoint};
use tonic_prost::ProstCodec;

use super::{ControlPlane, Holding, Istio};

/// A token for istiod's CA service, used until half of its life is over.
pub(super) struct Token {
    text: String,
    until: Timestamp,
}

const AUDIENCE: &str = "istio-ca";
const TOKEN_SECONDS: i64 = 3600;
const LIMIT: Duration = Duration::from_secs(5);
const MOST_METRICS_BYTES: usize = 16 * 1024 * 1024;
const METHOD: &str = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
/// How many certificates this process gave to workloads.
const GIVEN_METRIC: &str = "citadel_server_success_cert_issuance_count";
const STARTED_METRIC: &str = "process_start_time_seconds";
const EXPIRY_METRIC: &str = "citadel_server_cert_chain_expiry_timestamp";

#[derive(Clone, PartialEq, prost::Message)]
struct CertificateRequestMessage {
    #[prost(string, tag = "1")]
    csr: String,
    #[prost(int64, tag = "3")]
    validity_duration: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CertificateResponseMessage {
    #[prost(string, repeated, tag = "1")]
    cert_chain: Vec<String>,
}

/// Why a witness said nothing.
#[derive(Debug, thiserror::Error)]
enum ProbeError {
    #[error("asking the API failed: {0}")]
    Api(#[from] Box<kube::Error>),
    #[error("no answer within {} s", LIMIT.as_secs())]
    Late,
    #[error("connecting failed: {0}")]
    Connect(#[from] tonic::transport::Error),
    #[error("istiod answered: {0}")]
    Refused(#[from] Box<tonic::Status>),
    #[error("{0}")]
    Unusable(String),
}

impl Istio {
    /// Asks every witness that can be reached, the strongest first; stops at the first that speaks.
    pub(super) async fn ask_witnesses(
        &self,
        place: &ControlPlane,
        anchors: &[Certificate],
        now: Timestamp,
    ) -> Seen {
        let published = self.published_anchors(place).await;
        let mut trusted = published.clone().unwrap_or_default();
        trusted.extend(anchors.iter().cloned());
        let mut seen = Seen {
            published_anchors: published
                .map(|all| all.iter().map(Certificate::fingerprint).collect::<Vec<Fingerprint>>()),
            ..Seen::default()
        };
        match limited(self.workload_chain(place, &trusted, now)).await {
            Ok(chain) => seen.workload_chain = Some(chain),
            Err(error) => {
                tracing::debug!(mesh = place.mesh, %error, "no workload certificate from istiod");
                seen.metric_not_after = limited(self.metric(place)).await.ok();
            }
        }
        seen
    }

    async fn workload_chain(
        &self,
        place: &ControlPlane,
        trusted: &[Certificate],
        now: Timestamp,
    ) -> Result<Vec<Certificate>, ProbeError> {
        let token = self.token(now).await?;
        let channel = self.channel(place, trusted).await?;
        let unusable = |error: &dyn std::fmt::Display| ProbeError::Unusable(error.to_string());
        let key = PrivateKey::generate(KeyKind::EcdsaP256).map_err(|error| unusable(&error))?;
        // istiod takes the identity from the token, not from the request.
        let csr = meshroot_pki::CertificateRequest::create(&key, &DistinguishedName::empty(), &[])
            .map_err(|error| unusable(&error))?;
        // Zero asks for istiod's own default lifetime, which is what workloads get.
        let mut request = tonic::Request::new(CertificateRequestMessage {
            csr: csr.to_pem(),
            validity_duration: 0,
        });
        let bearer = format!("Bearer {token}")
            .parse()
            .map_err(|_| ProbeError::Unusable("the token is no header value".into()))?;
        request.metadata_mut().insert("authorization", bearer);
        let mut client = Grpc::new(channel);
        client.ready().await?;
        let codec: ProstCodec<CertificateRequestMessage, CertificateResponseMessage> =
            ProstCodec::default();
        let answer = client
            .unary(request, PathAndQuery::from_static(METHOD), codec)
            .await
            .map_err(Box::new)?;
        parse_chain(&answer.into_inner().cert_chain)
    }

    async fn channel(
        &self,
        place: &ControlPlane,
        trusted: &[Certificate],
    ) -> Result<Channel, ProbeError> {
        let tls = ClientTlsConfig::new()
            .domain_name(format!("{}.{}.svc", place.deployment, place.namespace))
            .ca_certificates(
                trusted
                    .iter()
                    .map(|certificate| TrustedCertificate::from_pem(certificate.to_pem())),
            );
        let address = self.address(place).map_or_else(
            || format!("{}.{}.svc:15012", place.deployment, place.namespace),
            |address| address.authority.clone(),
        );
        let endpoint = Endpoint::from_shared(format!("https://{address}"))?
            .tls_config(tls)?
            .connect_timeout(LIMIT);
        Ok(endpoint.connect().await?)
    }

    /// A token of the agent's own ServiceAccount, so that the certificate speaks for nobody else.
    async fn token(&self, now: Timestamp) -> Result<String, ProbeError> {
        let mut kept = self.tokens.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| now < token.until) {
            return Ok(token.text.clone());
        }
        let accounts: Api<ServiceAccount> = Api::namespaced(self.local.clone(), &self.namespace);
        let asked = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: Some(vec![AUDIENCE.to_owned()]),
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(names::AGENT_SERVICE_ACCOUNT, &PostParams::default(), &asked)
            .await
            .map_err(Box::new)?;
        let text = answer.status.and_then(|status| status.token).unwrap_or_default();
        *kept = Some(Token {
            text: text.clone(),
            until: now + SignedDuration::from_secs(TOKEN_SECONDS / 2),
        });
        Ok(text)
    }

    /// Whether the CA that istiod made for itself was never used: this process made it, and has given no certificate.
    pub(super) async fn gave_nothing(&self, place: &ControlPlane, holding: &Holding) -> bool {
        let made = holding
            .self_signed
            .as_ref()
            .and_then(|secret| secret.metadata.creation_timestamp.as_ref().map(|made| made.0));
        let Some(made) = made else { return false };
        let deployment: Api<Deployment> = Api::namespaced(self.local.clone(), &place.namespace);
        let replicas = deployment.get_opt(&place.deployment).await.ok().flatten();
        let replicas = replicas.and_then(|found| found.spec.replicas).unwrap_or(1);
        match limited(self.metrics_text(place)).await {
            Ok(text) => replicas == 1 && is_unused(&text, made),
            Err(error) => {
                tracing::debug!(mesh = place.mesh, %error, "no metrics from istiod");
                false
            }
        }
    }

    async fn metric(&self, place: &ControlPlane) -> Result<i64, ProbeError> {
        let text = self.metrics_text(place).await?;
        metric_value(&text).ok_or_else(|| {
            ProbeError::Unusable(format!("{EXPIRY_METRIC} is absent: istiod runs self-signed"))
        })
    }

    async fn metrics_text(&self, place: &ControlPlane) -> Result<String, ProbeError> {
        let unusable = |error: &dyn std::fmt::Display| ProbeError::Unusable(error.to_string());
        let host = match self.address(place) {
            None => format!("{}.{}.svc:15014", place.deployment, place.namespace),
            Some(address) => address
                .metrics
                .clone()
                .ok_or_else(|| unusable(&"no address for metrics was given"))?,
        };
        let uri: http::Uri =
            format!("http://{host}/metrics").parse().map_err(|error| unusable(&error))?;
        let client: HttpClient<_, Empty<&[u8]>> =
            HttpClient::builder(TokioExecutor::new()).build_http();
        let answer = client.get(uri).await.map_err(|error| unusable(&error))?;
        let body = Limited::new(answer.into_body(), MOST_METRICS_BYTES)
            .collect()
            .await
            .map_err(|error| unusable(&error))?;
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    }

    async fn published_anchors(&self, place: &ControlPlane) -> Option<Vec<Certificate>> {
        let api: Api<ConfigMap> = Api::namespaced(self.local.clone(), &place.namespace);
        let map = api.get_opt(PUBLISHED_ANCHORS).await.ok()??;
        parse_bundle(map.data?.get(ROOTS)?.as_bytes()).ok()
    }

    fn address(&self, place: &ControlPlane) -> Option<&crate::options::IstiodAddress> {
        self.addresses.iter().find(|address| address.mesh == place.mesh)
    }
}

async fn limited<T>(work: impl Future<Output = Result<T, ProbeError>>) -> Result<T, ProbeError> {
    tokio::time::timeout(LIMIT, work).await.map_err(|_| ProbeError::Late)?
}

/// Leaf, then each certificate of cert-chain.pem; the last element is the whole of root-cert.pem.
fn parse_chain(parts: &[String]) -> Result<Vec<Certificate>, ProbeError> {
    let mut chain = Vec::new();
    for part in parts {
        chain.extend(
            parse_bundle(part.as_bytes())
                .map_err(|error| ProbeError::Unusable(format!("its chain: {error}")))?,
        );
    }
    if chain.is_empty() {
        return Err(ProbeError::Unusable("its chain is empty".to_owned()));
    }
    Ok(chain)
}

/// Whether the process that says this was there when the CA was made, and has signed for nobody.
fn is_unused(text: &str, made: Timestamp) -> bool {
    let value = |name: &str| -> Option<f64> {
        let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name))?;
        line.split_whitespace().last()?.parse().ok()
    };
    #[allow(clippy::cast_precision_loss)] // seconds since the epoch
    let made = made.as_second() as f64;
    // Absent as long as it is zero.
    let given = value(GIVEN_METRIC).unwrap_or(0.0);
    given == 0.0 && value(STARTED_METRIC).is_some_and(|started| started <= made + 1.0)
}

/// A float with an exponent: `1.80413978e+09`.
fn metric_value(text: &str) -> Option<i64> {
    let line = text.lines().find(|line| line.starts_with(EXPIRY_METRIC))?;
    let value: f64 = line.split_whitespace().last()?.parse().ok()?;
    #[allow(clippy::cast_possible_truncation)] // seconds since the epoch
    (value.is_finite() && value > 0.0).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_metric_is_a_float_with_an_exponent() {
        let text = "# HELP citadel_server_cert_chain_expiry_timestamp x\n# TYPE y gauge\nciteria 1\ncitadel_server_cert_chain_expiry_timestamp 1.80413978e+09\n";
        assert_eq!(metric_value(text), Some(1_804_139_780));
        assert_eq!(metric_value("citadel_server_root_cert_expiry_timestamp 1\n"), None);
    }
}
