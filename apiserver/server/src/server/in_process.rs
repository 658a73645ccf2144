//! Requests without a connection.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use apiserver_object::User;
use bytes::Bytes;
use http::{Request, Response};
use tower::Service;

use crate::answer::Body;
use crate::api::Api;
use crate::dispatch;
use crate::limits::turns::NoConnection;

/// A server's way in without a connection; clones share it.
#[derive(Clone)]
pub struct InProcess {
    pub(super) api: Arc<Api>,
    pub(super) user: Arc<User>,
}

impl<B> Service<Request<B>> for InProcess
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display + Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        request.extensions_mut().insert(NoConnection);
        let (api, user) = (self.api.clone(), self.user.clone());
        Box::pin(async move { Ok(dispatch::handle(api, request, Some(user)).await) })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InProcess").field("user", &self.user.name).finish_non_exhaustive()
    }
}
