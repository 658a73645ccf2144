//! What is done around each call: the token goes with it, and its answer must begin in time.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response};
use kube::client::{Body, DynBody};
use tokio::time::timeout;
use tower::util::BoxService;
use tower::{BoxError, Layer, Service};

use super::token::{SharedToken, TokenFile};

/// The service that kube's client builder makes.
pub(super) type Inner = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

/// Puts [`Call`] around a service.
#[derive(Default)]
pub(super) struct CallLayer {
    /// `None` where kube itself authenticates.
    token: Option<Token>,
}

#[derive(Clone)]
enum Token {
    Shared(SharedToken),
    File(Arc<TokenFile>),
}

impl CallLayer {
    pub(super) fn with_token(token: SharedToken) -> Self {
        Self { token: Some(Token::Shared(token)) }
    }

    pub(super) fn with_token_file(file: TokenFile) -> Self {
        Self { token: Some(Token::File(Arc::new(file))) }
    }
}

impl Token {
    fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::Shared(token) => token.header(),
            Self::File(file) => file.header(),
        }
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Call<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Call { inner, token: self.token.clone() }
    }
}

pub(super) struct Call<S> {
    inner: S,
    token: Option<Token>,
}

#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("there is no token to authenticate with")]
    NoToken,
    #[error("no answer within {} s", LONGEST_ANSWER.as_secs())]
    NoAnswer,
}

impl<S, B> Service<Request<B>> for Call<S>
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
        if let Some(token) = &self.token {
            let Some(header) = token.header() else {
                return Box::pin(async { Err(CallError::NoToken.into()) });
            };
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        let answer = timeout(LONGEST_ANSWER, self.inner.call(request));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(CallError::NoAnswer.into())) })
    }
}

/// For the head of an answer; kube-apiserver ends calls (not watches) after 60 s itself (`--request-timeout`).
pub(super) const LONGEST_ANSWER: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_fails_the_call_in_time() {
        let silent =
            tower::service_fn(|_: Request<()>| std::future::pending::<Result<(), BoxError>>());
        let begun = tokio::time::Instant::now();
        let mut service = CallLayer::default().layer(silent);
        let error = service.call(Request::new(())).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::from_mins(1));
        assert_eq!(error.to_string(), "no answer within 60 s");
    }

    fn echo(token: &SharedToken) -> impl Service<Request<()>, Response = String, Error = BoxError> {
        let server = tower::service_fn(|request: Request<()>| async move {
            let header = request.headers().get(AUTHORIZATION).expect("a token");
            assert!(header.is_sensitive());
            Ok::<_, BoxError>(header.to_str().unwrap().to_owned())
        });
        CallLayer::with_token(token.clone()).layer(server)
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
}
