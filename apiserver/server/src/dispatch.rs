//! From a request to its answer.

mod route;
mod verb;

use std::fmt;
use std::sync::Arc;

use apiserver_object::{User, Verb};
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};

use crate::access::authentication::Caller;
use crate::access::standing::Standing;
use crate::answer::{Answer, Body};
use crate::api::Api;
use crate::call::Call;
use crate::documents::{self, snapshot};
use crate::failure::Failure;
use crate::read::watch::Watch;
use crate::request::accept::Accepted;
use crate::request::info::RequestInfo;
use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;

/// Answers one request. `user` is set where the connection itself has shown who asks.
///
/// What may write goes on to its end though the client is gone: a write whose follow-up is left out (the roles, kinds
/// and policies in force) would be there and have no effect.
pub(crate) async fn handle<B>(
    api: Arc<Api>,
    request: Request<B>,
    user: Option<Arc<User>>,
) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: fmt::Display + Send,
{
    let (parts, body) = request.into_parts();
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let answering = async move { answer(&api, &parts, body, user.as_ref()).await };
    let answered = if reads {
        answering.await
    } else {
        let lost = |error| {
            Err(Failure::internal(format!("the request was not answered to its end: {error}")))
        };
        tokio::spawn(answering).await.unwrap_or_else(lost)
    };
    answered.unwrap_or_else(|failure| Answer::failure(&failure)).into_response()
}

/// Finds out who asks for what and whether they may, and answers.
async fn answer<B>(
    api: &Arc<Api>,
    parts: &Parts,
    body: B,
    user: Option<&Arc<User>>,
) -> Result<Answer, Failure>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: fmt::Display,
{
    let parameters = Parameters::read(parts.uri.query().unwrap_or_default())?;
    let info = RequestInfo::read(&parts.method, parts.uri.path(), &parameters);
    let caller = api.access.caller(&parts.headers, user)?;
    let user = caller.user.clone();
    api.access.authorize(&user, &info)?;
    match &info {
        RequestInfo::Resource { verb, path } => {
            let request = Authorized { parts, path, parameters: &parameters, user: &user };
            request.answer(api, *verb, caller, body).await
        }
        RequestInfo::NonResource { verb: "get", path } if path == snapshot::PATH => {
            snapshot::answer(api, &user).await
        }
        RequestInfo::NonResource { path, .. } => documents::answer(api, parts, path),
    }
}

/// A request on resources that its user may make.
struct Authorized<'a> {
    parts: &'a Parts,
    path: &'a ResourcePath,
    parameters: &'a Parameters,
    user: &'a User,
}

impl Authorized<'_> {
    /// Looks up the kind.
    async fn answer<B>(
        &self,
        api: &Arc<Api>,
        verb: Option<Verb>,
        caller: Caller,
        body: B,
    ) -> Result<Answer, Failure>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: fmt::Display,
    {
        let Self { parts, path, parameters, user } = *self;
        let catalog = api.derived.catalog();
        let Some(served) = catalog.find(&path.group, &path.version, &path.resource) else {
            if catalog.has_builtin(&path.group, &path.version) {
                return Err(Failure::no_such_resource());
            }
            return Ok(Answer::page_not_found());
        };
        if route::is_elsewhere(&served.kind, path, verb) {
            return Ok(Answer::page_not_found());
        }
        let (verb, subresource) = route::find(&served.kind, path, verb)?;
        if verb == Verb::Watch {
            let permit = api.limits.watches.permit(&user.name, user.is_master());
            let permit = permit.ok_or_else(Failure::too_many_requests)?;
            let accepted = Accepted::read(&parts.headers)?;
            let standing = Standing::new(&api.access, caller, path.clone())?;
            let stop = api.stop.clone();
            let watch = Watch { served, path, parameters, accepted, permit, standing, stop };
            return watch.answer(&api.objects);
        }
        let accepted = Accepted::read(&parts.headers)?;
        let call = Call { api, parts, path, subresource, parameters, user, served, accepted };
        call.answer(verb, body).await
    }
}
