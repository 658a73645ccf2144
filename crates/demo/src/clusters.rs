//! The API servers of the demo: one for the hub, one for each workload cluster.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use apiserver::{Options, Server, ServerError};
use futures::future::{join_all, try_join_all};
use kube::Client;
use meshroot_runtime::kube::connect::{SharedToken, connect_with_token};

use crate::DemoError;
use crate::USER_AGENT;

/// Context of the hub in the kubeconfig.
pub const HUB: &str = "hub";
/// Names that workload clusters get, in this order.
pub const NAMES: [&str; 5] = ["east", "west", "north", "south", "central"];

/// An API server that runs, and how its administrator reaches it.
#[derive(Clone)]
pub struct RunningApi {
    /// `hub`, or the name of the workload cluster.
    pub name: String,
    /// `https://127.0.0.1:PORT`.
    pub url: String,
    /// The certificates that it is verified with, PEM.
    pub ca_pem: String,
    /// Token of a member of `system:masters`.
    pub admin_token: String,
}

impl std::fmt::Debug for RunningApi {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RunningApi")
            .field("name", &self.name)
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl RunningApi {
    /// A client with the administrator's rights.
    pub fn admin(&self) -> Result<Client, DemoError> {
        self.client(SharedToken::new(&self.admin_token), USER_AGENT)
    }

    /// A client that sends `token`.
    pub fn client(&self, token: SharedToken, user_agent: &str) -> Result<Client, DemoError> {
        Ok(connect_with_token(&self.url, self.ca_pem.as_bytes(), token, user_agent)?)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("https://").unwrap_or(&self.url)
    }
}

/// API servers of this process.
pub struct Servers {
    apis: Vec<RunningApi>,
    servers: Vec<Server>,
}

impl Servers {
    /// Starts the hub's server and one for each of `clusters`. With `data` each keeps its objects in a directory there
    /// and goes on from what is in it; without, in memory.
    pub async fn start(clusters: &[&str], data: Option<&Path>) -> Result<Self, DemoError> {
        let names = std::iter::once(&HUB).chain(clusters);
        let started = try_join_all(names.map(|name| start(name, data))).await?;
        let (apis, servers) = started.into_iter().unzip();
        Ok(Self { apis, servers })
    }

    /// Where they are, the hub first.
    pub fn apis(&self) -> &[RunningApi] {
        &self.apis
    }

    /// Ends them and returns when nothing listens any more and everything is stored.
    pub async fn stop(self) {
        let ended = join_all(self.servers.into_iter().map(Server::shutdown));
        // What was acknowledged is stored; only a connection that does not end can take this long.
        let _ = tokio::time::timeout(LONGEST_END, ended).await;
    }
}

async fn start(name: &str, data: Option<&Path>) -> Result<(RunningApi, Server), DemoError> {
    let failed = |source: ServerError| DemoError::Server { name: name.to_owned(), source };
    // Nobody keeps the token of an earlier run.
    let options =
        Options { data: data.map(|data| data.join(name)), new_admin: true, ..Options::default() };
    let server = Server::open(options).await.map_err(failed)?;
    let endpoint = server.listen((Ipv4Addr::LOCALHOST, 0).into()).await.map_err(failed)?;
    let api = RunningApi {
        name: name.to_owned(),
        url: endpoint.url(),
        ca_pem: endpoint.ca_pem().to_owned(),
        admin_token: server.admin_token().unwrap_or_default().to_owned(),
    };
    Ok((api, server))
}

const LONGEST_END: Duration = Duration::from_secs(5);
