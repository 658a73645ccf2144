//! A limit on how long a server may take to begin its answer.

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use kube::client::{Body, DynBody};
use tower::util::BoxService;
use tower::{BoxError, Layer, Service};

/// The service that kube's client builder makes.
pub(super) type Inner = BoxService<Request<Body>, Response<Box<DynBody>>, BoxError>;

#[derive(Clone, Copy)]
pub(super) struct AnswerWithin(pub(super) Duration);

impl<S> Layer<S> for AnswerWithin {
    type Service = LimitedAnswer<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LimitedAnswer { inner, limit: self.0 }
    }
}

pub(super) struct LimitedAnswer<S> {
    inner: S,
    limit: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs())]
struct NoAnswer(Duration);

impl<S, B> Service<Request<B>> for LimitedAnswer<S>
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let limit = self.limit;
        let answer = tokio::time::timeout(limit, self.inner.call(request));
        Box::pin(async move { answer.await.unwrap_or_else(|_| Err(NoAnswer(limit).into())) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_fails_the_call_in_time() {
        let silent =
            tower::service_fn(|_: Request<()>| std::future::pending::<Result<(), BoxError>>());
        let begun = tokio::time::Instant::now();
        let mut service = AnswerWithin(Duration::from_mins(1)).layer(silent);
        let error = service.call(Request::new(())).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::from_mins(1));
        assert_eq!(error.to_string(), "no answer within 60 s");
    }
}
