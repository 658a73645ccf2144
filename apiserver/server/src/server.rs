//! A server from its start to its end.

use std::convert::Infallible;
use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apiserver_access::{self as access, Credential, Issued, Kubeconfig, ServingAuthority};
use apiserver_object::User;
use apiserver_store::{self as store, Store};
use bytes::Bytes;
use http::{Request, Response};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::api::{self, Api};
use crate::body::{self, Body};
use crate::keys::{AdminToken, KeyError, Keys};
use crate::{clock, dispatch, encode, lifecycle, listener, metadata, snapshot};

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Directory of the server's file and keys, made with mode 0700 where it is not there. Without it everything is in
    /// memory and gone with the process.
    pub data: Option<PathBuf>,
    /// Names and addresses that clients connect to, beside `localhost`, the loopback addresses and
    /// `kubernetes.default.svc`; they go into the serving certificate.
    pub hosts: Vec<String>,
    /// Make a new token for the administrator; the one before is refused from then on.
    pub new_admin: bool,
    /// Make one more token for the administrator; those before stay good.
    pub another_admin: bool,
    /// Limits of the store.
    pub store: store::Options,
}

impl Options {
    fn admin(&self) -> AdminToken {
        match (self.new_admin, self.another_admin) {
            (true, _) => AdminToken::Replaced,
            (false, true) => AdminToken::OneMore,
            (false, false) => AdminToken::Kept,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data directory cannot be made, or its file not be opened.
    #[error("opening {path} failed: {error}")]
    Directory {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file cannot be used.
    #[error(transparent)]
    Store(#[from] store::OpenError),
    /// A key or certificate cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// An address cannot be listened on.
    #[error("listening on {address} failed: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The first objects could not be stored.
    #[error("storing {what} failed: {error}")]
    First {
        /// What was to be stored.
        what: String,
        /// What the store said.
        error: store::WriteError,
    },
}

/// A running server. It answers in-process requests from [`Server::open`] on, and others from [`Server::listen`] on.
/// Dropped without [`Server::shutdown`] it stops at once: what was acknowledged is stored.
pub struct Server {
    api: Arc<Api>,
    ca_pem: String,
    /// What clients call it, where it was given a name.
    host: Option<String>,
    tls: watch::Receiver<Arc<ServerConfig>>,
    tasks: TaskTracker,
    /// Known where this process made it: only its digest is kept.
    admin_token: Option<String>,
}

/// Where a server listens.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The address, with the port that the system chose where 0 was asked for.
    pub address: SocketAddr,
    host: String,
    ca_pem: String,
}

impl Endpoint {
    /// `https://HOST:PORT` as clients reach it: the address, but where that is every address of the machine
    /// (`0.0.0.0`) the first of [`Options::hosts`], or this machine. The certificate names it.
    pub fn url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The certificate to verify the server with, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The text of a kubeconfig file for a bearer token.
    pub fn kubeconfig(&self, context: &str, user: &str, token: &str) -> String {
        access::kubeconfig(&Kubeconfig {
            name: context,
            server: &self.url(),
            ca_pem: &self.ca_pem,
            user,
            namespace: None,
            credential: Credential::Token(token),
        })
    }
}

impl Server {
    /// Opens the file (or memory), stores what a new server begins with, and starts to finish deletions.
    pub async fn open(options: Options) -> Result<Self, ServerError> {
        let store = open_store(&options)?;
        let loaded = Keys::new(&store).load(&options.hosts, options.admin(), clock::now()).await?;
        let (work, working) = mpsc::unbounded_channel();
        let api = Arc::new(Api::new(store, loaded.authentication, options.data, work));
        store_first_objects(&api).await?;
        let (renewed, tls) = watch::channel(tls(&loaded.authority, &loaded.serving)?);
        let ca_pem = loaded.authority.certificate_pem().to_owned();
        let host = options.hosts.first().cloned();
        let tasks = TaskTracker::new();
        tasks.spawn(lifecycle::run(api.clone(), working));
        tasks.spawn(keep_certificate(api.clone(), loaded.authority, options.hosts, renewed));
        Ok(Self { api, ca_pem, host, tls, tasks, admin_token: loaded.admin_token })
    }

    /// Answers on an address, with TLS.
    pub async fn listen(&self, address: SocketAddr) -> Result<Endpoint, ServerError> {
        let failed = |error| ServerError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.tasks.spawn(listener::run(self.api.clone(), listener, self.tls.clone()));
        let host = match (address.ip().is_unspecified(), &self.host) {
            (false, _) => address.to_string(),
            (true, Some(host)) if host.contains(':') => format!("[{host}]:{}", address.port()),
            (true, host) => {
                format!("{}:{}", host.as_deref().unwrap_or("127.0.0.1"), address.port())
            }
        };
        Ok(Endpoint { address, host, ca_pem: self.ca_pem.clone() })
    }

    /// The token of the administrator (group `system:masters`), if this process made it: at the first start, or with
    /// [`Options::new_admin`]. It is kept nowhere: write it where the administrator finds it, or lose it.
    pub fn admin_token(&self) -> Option<&str> {
        self.admin_token.as_deref()
    }

    /// A client's way in without a connection, as the administrator: `kube::Client::new(server.in_process(), "default")`.
    pub fn in_process(&self) -> InProcess {
        self.in_process_as(User::authenticated(
            "system:apiserver",
            vec!["system:masters".to_owned()],
        ))
    }

    /// The same as somebody else.
    pub fn in_process_as(&self, user: User) -> InProcess {
        InProcess { api: self.api.clone(), user: Arc::new(user) }
    }

    /// The newest revision that is stored and visible.
    pub fn revision(&self) -> u64 {
        self.api.store.revision()
    }

    /// Writes a complete copy of the state to a new file while requests go on.
    pub async fn snapshot_to(
        &self,
        path: &Path,
    ) -> Result<store::SnapshotSummary, store::SnapshotError> {
        self.api.store.snapshot_to(path).await
    }

    /// Ends watches, answers what was asked, and closes the file.
    pub async fn shutdown(self) {
        self.api.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.api.store.close().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.api.stop.cancel();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("revision", &self.revision()).finish_non_exhaustive()
    }
}

/// The file that holds everything, in the data directory.
pub const STATE_FILE: &str = "state.redb";

fn open_store(options: &Options) -> Result<Store, ServerError> {
    let Some(directory) = &options.data else { return Ok(Store::in_memory(options.store.clone())) };
    let path = directory.join(STATE_FILE);
    let failed = |error| ServerError::Directory { path: path.clone(), error };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    let store = Store::open(&path, options.store.clone())?;
    // Not before the file is ours: another process may be writing a snapshot.
    snapshot::clean_up(directory).map_err(failed)?;
    Ok(store)
}

fn tls(authority: &ServingAuthority, serving: &Issued) -> Result<Arc<ServerConfig>, KeyError> {
    Ok(access::server_config(authority, serving, true)?)
}

const LOOK_AT_CERTIFICATE_EVERY: Duration = Duration::from_hours(12);

/// Replaces the serving certificate long before it ends; connections that are open keep the one they began with.
async fn keep_certificate(
    api: Arc<Api>,
    authority: ServingAuthority,
    hosts: Vec<String>,
    renewed: watch::Sender<Arc<ServerConfig>>,
) {
    while api
        .stop
        .run_until_cancelled(tokio::time::sleep(LOOK_AT_CERTIFICATE_EVERY))
        .await
        .is_some()
    {
        let serving = Keys::new(&api.store).serving(&authority, &hosts, clock::now()).await;
        match serving.and_then(|serving| tls(&authority, &serving)) {
            Ok(tls) => drop(renewed.send(tls)),
            Err(error) => {
                tracing::error!(%error, "the serving certificate could not be looked after")
            }
        }
    }
}

async fn store_first_objects(api: &Arc<Api>) -> Result<(), ServerError> {
    for (collection, mut object) in api::first_objects() {
        let catalog = api.catalog();
        let Some(served) = catalog.stored_in(&collection) else { continue };
        let name = metadata::name(&object).to_owned();
        let namespace = metadata::text(&object, "namespace").to_owned();
        if api.store.read(&collection, &namespace, &name).is_some() {
            continue;
        }
        complete(&mut object);
        crate::decode::defaults(served, &mut object);
        let key = store::Key::new(collection.as_str(), namespace.as_str(), name.as_str());
        let change = store::Change::Put(encode::stored(&object));
        let labels = body::labels(&object).into();
        let write =
            store::Write { key, condition: store::Condition::Absent, change, labels, given: None };
        let failed = |error| ServerError::First { what: format!("{collection} {name}"), error };
        api.write(write).await.map_err(failed)?;
    }
    Ok(())
}

fn complete(object: &mut Value) {
    metadata::set(object, "uid", metadata::new_uid());
    metadata::set(object, "creationTimestamp", clock::now().to_string());
}

/// A server's way in without a connection; clones share it.
#[derive(Clone)]
pub struct InProcess {
    api: Arc<Api>,
    user: Arc<User>,
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

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (api, user) = (self.api.clone(), self.user.clone());
        Box::pin(async move { Ok(dispatch::handle(api, request, Some(user)).await) })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InProcess").field("user", &self.user.name).finish_non_exhaustive()
    }
}
