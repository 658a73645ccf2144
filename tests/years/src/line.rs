//! What is between a client and an API server of this process: calls fail on it, and it can be cut.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use apiserver::{InProcess, Server, User};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tower::Service;

use crate::chance::{mixed, number_of};
use crate::time::Activity;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// An API server that may be away, and be another one when it is back.
#[derive(Default)]
pub(crate) struct Site(Mutex<Option<Arc<Server>>>);

impl Site {
    pub(crate) fn put(&self, server: Option<Arc<Server>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    fn way(&self, user: &User) -> Option<InProcess> {
        let server = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(server.as_ref()?.in_process_as(user.clone()))
    }
}

/// Which calls fail, by the seed.
pub(crate) struct Faults {
    seed: u64,
    percent: u64,
    moment: AtomicU64,
    is_on: AtomicBool,
    /// How often each call was made at this moment: a repetition has a fate of its own.
    made: Mutex<HashMap<u64, u64>>,
    pub(crate) calls: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) unheard: AtomicU64,
    pub(crate) cut: AtomicU64,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Good,
    /// It does not reach the server.
    Lost,
    /// The server is overloaded.
    Refused(StatusCode),
    /// It is done, and nobody hears of it.
    Unheard,
    /// A watch that ends in an error after a few events.
    Cut(u64),
}

impl Faults {
    pub(crate) fn new(seed: u64, percent: u64) -> Self {
        Self {
            seed,
            percent,
            moment: AtomicU64::new(0),
            is_on: AtomicBool::new(false),
            made: Mutex::default(),
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unheard: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        }
    }

    pub(crate) fn begin(&self) {
        self.is_on.store(true, Ordering::Relaxed);
    }

    /// Time has passed.
    pub(crate) fn next_moment(&self) {
        self.moment.fetch_add(1, Ordering::Relaxed);
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn of(&self, who: &str, method: &Method, path: &str, is_watch: bool) -> Fate {
        // An agent that has no token for istiod goes by the roots that are published, of which the stand-in has one more.
        if !self.is_on.load(Ordering::Relaxed) || path.ends_with("/token") {
            return Fate::Good;
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let watch = if is_watch { "watch" } else { "" };
        let call = number_of(&[who, method.as_str(), path, watch]);
        let times = {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            let times = made.entry(call).or_default();
            *times += 1;
            *times
        };
        let moment = self.moment.load(Ordering::Relaxed);
        let drawn = mixed(self.seed ^ mixed(call ^ mixed(moment ^ mixed(times))));
        if drawn % 100 >= self.percent {
            return Fate::Good;
        }
        let fate = match (drawn / 100 % 4, is_watch) {
            (0, _) => Fate::Lost,
            (1, _) => Fate::Refused(StatusCode::INTERNAL_SERVER_ERROR),
            (2, _) => Fate::Refused(StatusCode::SERVICE_UNAVAILABLE),
            (_, true) => Fate::Cut(drawn / 400 % 4),
            (_, false) => Fate::Unheard,
        };
        let counter = match fate {
            Fate::Unheard => &self.unheard,
            Fate::Cut(_) => &self.cut,
            _ => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        fate
    }
}

/// One client's way to a server.
#[derive(Clone)]
pub(crate) struct Line(Arc<Shared>);

struct Shared {
    name: String,
    user: User,
    site: Arc<Site>,
    faults: Arc<Faults>,
    activity: Arc<Activity>,
    /// Is told of each write.
    written: Heard,
}

type Heard = Box<dyn Fn(&Method, &str) + Send + Sync>;

impl Line {
    /// A client by the name `name` that is `user` to the server.
    pub(crate) fn client(
        (name, user): (String, User),
        site: &Arc<Site>,
        faults: &Arc<Faults>,
        activity: &Arc<Activity>,
        written: impl Fn(&Method, &str) + Send + Sync + 'static,
    ) -> Client {
        let (site, faults, activity) = (Arc::clone(site), Arc::clone(faults), Arc::clone(activity));
        let shared = Shared { name, user, site, faults, activity, written: Box::new(written) };
        Client::new(Self(Arc::new(shared)), "default")
    }
}

impl Service<Request<Body>> for Line {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.call(request).await })
    }
}

impl Shared {
    async fn call(&self, request: Request<Body>) -> Result<Answer, BoxError> {
        let _pending = self.activity.request();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        let is_read = method == Method::GET;
        let mut way = self.site.way(&self.user).ok_or_else(|| broken("nobody is there"))?;
        let fate = match self.faults.of(&self.name, &method, &path, is_watch) {
            // What was read and lost is what was not asked.
            Fate::Unheard if is_read => Fate::Lost,
            fate => fate,
        };
        match fate {
            Fate::Lost => return Err(broken("the connection was reset")),
            Fate::Refused(code) => return Ok(refusal(code)),
            Fate::Good | Fate::Unheard | Fate::Cut(_) => {}
        }
        let answer = way.call(request).await.unwrap_or_else(never);
        if !is_read {
            (self.written)(&method, &path);
        }
        match fate {
            Fate::Unheard => Err(broken("the connection was reset before the answer")),
            Fate::Cut(left) => Ok(answer.map(|body| {
                Cut { body: body.map_err(Into::into).boxed_unsync(), left }.boxed_unsync()
            })),
            _ => Ok(answer.map(|body| body.map_err(Into::into).boxed_unsync())),
        }
    }
}

fn never<T>(error: Infallible) -> T {
    match error {}
}

fn broken(what: &'static str) -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, what).into()
}

fn refusal(code: StatusCode) -> Answer {
    let reason = if code == StatusCode::SERVICE_UNAVAILABLE {
        "ServiceUnavailable"
    } else {
        "InternalError"
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "etcdserver: request timed out", "reason": reason, "code": code.as_u16(),
    });
    let body = Full::new(Bytes::from(status.to_string())).map_err(never);
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = code;
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, json);
    answer
}

/// A body that breaks off.
struct Cut {
    body: UnsyncBoxBody<Bytes, BoxError>,
    left: u64,
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.left == 0 {
            return Poll::Ready(Some(Err(broken("the connection was reset"))));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_ready() {
            self.left -= 1;
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
