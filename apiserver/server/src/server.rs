//! A server from its start to its end.

mod certificate;
mod endpoint;
mod first_objects;
mod in_process;
mod keys;
mod listener;
mod options;

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use apiserver_object::User;
use apiserver_store::{self as store, Store};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::Access;
use crate::api::Api;
use crate::clock;
use crate::documents::snapshot;
use crate::lifecycle::Lifecycle;
use crate::limits::Limits;
use crate::server::keys::Keys;
use crate::state::derived::Derived;
use crate::state::objects::Objects;
use crate::state::restore::STATE_FILE;

pub use crate::server::endpoint::Endpoint;
pub use crate::server::in_process::InProcess;
pub use crate::server::options::{Options, ServerError};

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

impl Server {
    /// Opens the file (or memory), stores what a new server begins with, and starts to finish deletions.
    pub async fn open(options: Options) -> Result<Self, ServerError> {
        let store = open_store(&options)?;
        let loaded = Keys::new(&store).load(&options.hosts, options.admin(), clock::now()).await?;
        let objects = Objects::new(store);
        let derived = Arc::new(Derived::new(objects.clone()));
        let stop = CancellationToken::new();
        let access = Arc::new(Access::new(
            loaded.authentication,
            options.longest_token,
            objects.clone(),
            derived.clone(),
        ));
        let ca_pem = loaded.authority.certificate_pem().to_owned();
        let (lifecycle, work) =
            Lifecycle::new(objects.clone(), access.clone(), ca_pem.clone(), stop.clone());
        let api = Arc::new(Api {
            access,
            objects,
            derived,
            lifecycle,
            limits: Limits::new(),
            data: options.data,
            stop,
        });
        first_objects::store(&api).await?;
        let (renewed, tls) = watch::channel(certificate::tls(&loaded.authority, &loaded.serving)?);
        let host = options.hosts.first().cloned();
        let tasks = TaskTracker::new();
        let worker = api.clone();
        tasks.spawn(async move { worker.lifecycle.run(work).await });
        let access = api.clone();
        tasks.spawn(async move { access.access.unsettle_watches(&access.stop).await });
        tasks.spawn(certificate::keep(api.clone(), loaded.authority, options.hosts, renewed));
        Ok(Self { api, ca_pem, host, tls, tasks, admin_token: loaded.admin_token })
    }

    /// Answers on an address, with TLS.
    pub async fn listen(&self, address: SocketAddr) -> Result<Endpoint, ServerError> {
        let failed = |error| ServerError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        self.tasks.spawn(listener::run(self.api.clone(), listener, self.tls.clone()));
        Ok(Endpoint::new(address, self.host.as_deref(), self.ca_pem.clone()))
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
        self.api.objects.store.revision()
    }

    /// Writes a complete copy of the state to a new file while requests go on.
    pub async fn snapshot_to(
        &self,
        path: &Path,
    ) -> Result<store::SnapshotSummary, store::SnapshotError> {
        self.api.objects.store.snapshot_to(path).await
    }

    /// Ends watches, answers what was asked, and closes the file.
    pub async fn shutdown(self) {
        self.api.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.api.objects.store.close().await;
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
