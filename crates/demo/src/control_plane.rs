//! A stand-in for istiod: the part of it that the agent and workloads talk to, and no more.
//!
//! As istiod whose pod mounts Secret `cacerts`: it starts to serve once the Secret is there, signs workload
//! certificates with the CA in it, follows its changes, and publishes its roots as ConfigMap `istio-ca-root-cert`.
//! Unlike istiod it configures no proxy; it loads a changed root without a restart, as istiod does with
//! `ISTIO_MULTIROOT_MESH`, and gives certificates for seconds.

mod authority;
mod leaf;
mod service;

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt as _;
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret};
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use meshroot_manifests::DEFAULT_MESH_NAMESPACE;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::DemoError;

pub use authority::Authority;
pub(super) use authority::now;
pub use service::{CertificateAnswer, CertificateQuestion, METHOD};

/// Secret with the CA, in the control plane's namespace.
const SECRET: &str = "cacerts";
/// ConfigMap with the roots, in every namespace.
pub(super) const PUBLISHED: &str = "istio-ca-root-cert";
/// Key of the roots in both.
pub(super) const ROOTS: &str = "root-cert.pem";
/// How long a workload's certificate lives: short, so that a root can be replaced while somebody looks on.
pub(super) const LEAF_LIFETIME: SignedDuration = SignedDuration::from_secs(4);
/// The audience of tokens that workloads show.
pub(super) const AUDIENCE: &str = "istio-ca";
/// DNS name in its own certificate.
pub(super) const SERVER_NAME: &str = "istiod.istio-system.svc";

/// What is loaded; `None` until there was a CA.
type Loaded = watch::Sender<Option<Arc<Authority>>>;

/// A control plane that runs until this is dropped.
pub struct ControlPlane {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl ControlPlane {
    /// Starts it in the cluster that `cluster` administers.
    pub async fn start(cluster: Client) -> Result<Self, DemoError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(DemoError::Listen)?;
        let address = listener.local_addr().map_err(DemoError::Listen)?;
        let loaded: Loaded = watch::Sender::new(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(follow(cluster.clone(), loaded.clone()));
        tasks.spawn(service::serve(listener, cluster, loaded));
        Ok(Self { address, _tasks: tasks })
    }

    /// Where workloads ask for certificates.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Loads what the Secret says, each time that it says something else.
async fn follow(cluster: Client, loaded: Loaded) {
    let secrets: Api<Secret> = Api::namespaced(cluster.clone(), DEFAULT_MESH_NAMESPACE);
    let mut changes = pin!(watcher::watch_object(secrets, SECRET).default_backoff());
    while let Some(change) = changes.next().await {
        let Ok(Some(secret)) = change else { continue };
        match Authority::load(&secret) {
            Ok(authority) => {
                let roots = authority.roots_pem();
                loaded.send_replace(Some(Arc::new(authority)));
                publish(&cluster, &roots).await;
            }
            // As istiod: what was loaded stays.
            Err(problem) => {
                tracing::warn!(problem, "the stand-in for istiod does not load this cacerts");
            }
        }
    }
}

async fn publish(cluster: &Client, roots: &str) {
    let namespaces =
        Api::<Namespace>::all(cluster.clone()).list_metadata(&ListParams::default()).await;
    let names = namespaces
        .map(|all| all.items)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|one| one.metadata.name);
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": PUBLISHED }, "data": { ROOTS: roots },
    });
    for namespace in names {
        let maps: Api<ConfigMap> = Api::namespaced(cluster.clone(), &namespace);
        let parameters = PatchParams::apply("istiod-stand-in").force();
        if let Err(error) = maps.patch(PUBLISHED, &parameters, &Patch::Apply(&map)).await {
            tracing::warn!(namespace, %error, "the stand-in for istiod cannot publish its roots");
        }
    }
}
