//! A client whose bearer token can be replaced while it is in use.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tower::{BoxError, Layer, Service};

use super::{ConnectError, LONGEST_ANSWER, answer::AnswerWithin, builder, server_url};

/// A bearer token in memory. Clones share it; replacing it counts from the next call on.
#[derive(Clone, Default)]
pub struct SharedToken(Arc<RwLock<Option<HeaderValue>>>);

impl SharedToken {
    /// A token to begin with.
    #[must_use]
    pub fn new(token: impl AsRef<str>) -> Self {
        let shared = Self::default();
        shared.set(token);
        shared
    }

    /// Replaces the token; white space around it is cut off. One that is empty or cannot stand in an HTTP header
    /// leaves none, and calls fail until the next one is set.
    pub fn set(&self, token: impl AsRef<str>) {
        let header = header(token.as_ref().trim());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = header;
    }

    /// Whether there is a token to send.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.header().is_some()
    }

    fn header(&self) -> Option<HeaderValue> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for SharedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_set() { "SharedToken(set)" } else { "SharedToken(unset)" })
    }
}

fn header(token: &str) -> Option<HeaderValue> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| !token.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

/// Makes a client for the API at `url` (`https://…`) that trusts only the CA certificates in `ca_pem` and sends the
/// token that `token` holds at each call.
pub fn connect_with_token(
    url: &str,
    ca_pem: &[u8],
    token: SharedToken,
    user_agent: &str,
) -> Result<Client, ConnectError> {
    let mut config = Config::new(server_url(url)?);
    config.root_cert = Some(ca_certificates(url, ca_pem)?);
    config.proxy_url = super::proxy::from_environment(&config.cluster_url)?;
    let builder = builder(config, user_agent)?;
    Ok(builder.with_layer(&BearerLayer(token)).with_layer(&AnswerWithin(LONGEST_ANSWER)).build())
}

fn ca_certificates(url: &str, pem: &[u8]) -> Result<Vec<Vec<u8>>, ConnectError> {
    let problem = |problem: String| ConnectError::CaBundle { url: url.to_owned(), problem };
    let certificates = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| problem(format!("is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(problem("holds no certificate".to_owned()));
    }
    Ok(certificates)
}

struct BearerLayer(SharedToken);

impl<S> Layer<S> for BearerLayer {
    type Service = Bearer<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bearer { inner, token: self.0.clone() }
    }
}

struct Bearer<S> {
    inner: S,
    token: SharedToken,
}

#[derive(Debug, thiserror::Error)]
#[error("there is no token to authenticate with")]
struct NoToken;

impl<S, B> Service<Request<B>> for Bearer<S>
where
    S: Service<Request<B>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Some(header) = self.token.header() else {
            return Box::pin(async { Err(NoToken.into()) });
        };
        request.headers_mut().insert(AUTHORIZATION, header);
        Box::pin(self.inner.call(request))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn echo(token: &SharedToken) -> impl Service<Request<()>, Response = String, Error = BoxError> {
        let server = tower::service_fn(|request: Request<()>| async move {
            let header = request.headers().get(AUTHORIZATION).expect("a token");
            assert!(header.is_sensitive());
            Ok::<_, BoxError>(header.to_str().unwrap().to_owned())
        });
        BearerLayer(token.clone()).layer(server)
    }

    #[tokio::test]
    async fn a_replaced_token_is_sent_from_the_next_call_on() {
        let token = SharedToken::new("first\n");
        let mut service = echo(&token);
        assert_eq!(service.call(Request::new(())).await.unwrap(), "Bearer first");
        token.set("second");
        assert_eq!(service.call(Request::new(())).await.unwrap(), "Bearer second");
    }

    #[tokio::test]
    async fn without_a_usable_token_nothing_is_sent() {
        for unusable in ["", "  \n", "two\nlines"] {
            let token = SharedToken::new(unusable);
            let error = echo(&token).call(Request::new(())).await.unwrap_err();
            assert_eq!(error.to_string(), "there is no token to authenticate with", "{unusable:?}");
        }
    }

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", SharedToken::new("secret")), "SharedToken(set)");
    }

    #[test]
    fn a_ca_bundle_without_certificates_is_refused() {
        let error = connect_with_token("https://hub:6443", b"", SharedToken::new("t"), "test")
            .err()
            .unwrap();
        assert!(
            matches!(&error, ConnectError::CaBundle { url, .. } if url == "https://hub:6443"),
            "{error}"
        );
    }

    #[test]
    fn a_url_without_tls_is_refused() {
        let error = connect_with_token("http://hub:8080", b"", SharedToken::new("t"), "test")
            .err()
            .unwrap();
        assert!(matches!(error, ConnectError::Url { .. }), "{error}");
    }
}
