//! What runs in this process besides the API servers: the hub, an agent and a stand-in for istiod in each cluster.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use meshroot_agent::Options as AgentOptions;
use meshroot_api::metrics::component;
use meshroot_api::names::{
    self, AGENT_NAMESPACE, AGENT_SERVICE_ACCOUNT, HUB_SERVICE_ACCOUNT, SYSTEM_NAMESPACE,
};
use meshroot_api::shared::MeshType;
use meshroot_manifests::DEFAULT_MESH_NAMESPACE;
use meshroot_runtime::kube::connect::SharedToken;
use meshroot_runtime::process::options::ProcessOptions;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::clusters::RunningApi;
use super::control_plane::ControlPlane;
use super::home::Scraped;
use super::install;
use crate::{DemoError, VERSION};

/// The hub and all agents of the demo.
pub(super) struct Processes {
    hub: Part,
    agents: Part,
    control_planes: Vec<ControlPlane>,
    scraped: Vec<Scraped>,
    problem: watch::Sender<Option<String>>,
}

/// Tasks that end together.
struct Part {
    tasks: JoinSet<()>,
    shutdown: Shutdown,
}

impl Part {
    fn new() -> Self {
        Self { tasks: JoinSet::new(), shutdown: Shutdown::manual() }
    }

    /// Gives the tasks time to release their leases, then ends them.
    async fn stop(&mut self) {
        self.shutdown.trigger();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LONGEST_END, ended).await.is_err() {
            self.tasks.shutdown().await;
        }
    }
}

impl Processes {
    pub(super) fn new() -> Self {
        Self {
            hub: Part::new(),
            agents: Part::new(),
            control_planes: Vec::new(),
            scraped: Vec::new(),
            problem: watch::Sender::new(None),
        }
    }

    /// Returns what went wrong when one of them ended by itself; not before.
    pub(super) fn problem(&self) -> impl Future<Output = String> + use<> {
        let mut problem = self.problem.subscribe();
        async move {
            let known =
                problem.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
            match known {
                Some(problem) => problem,
                None => std::future::pending().await,
            }
        }
    }

    /// Where the metrics of all that was started are served.
    pub(super) fn scraped(&self) -> &[Scraped] {
        &self.scraped
    }

    /// Starts the hub as its own ServiceAccount.
    pub(super) async fn start_hub(&mut self, api: &RunningApi) -> Result<(), DemoError> {
        let client = fresh_client(
            api,
            (SYSTEM_NAMESPACE, HUB_SERVICE_ACCOUNT),
            "meshroot-hub",
            &mut self.hub,
        )
        .await?;
        let options = meshroot_hub::Options {
            namespace: SYSTEM_NAMESPACE.to_owned(),
            lease_duration: LEASE,
            blocked_keys: None,
            process: ProcessOptions::within(&identity()),
        };
        let (shutdown, problem) = (self.hub.shutdown.clone(), self.problem.clone());
        let telemetry = Telemetry::new(component::HUB, VERSION);
        self.scraped.push(serve(&telemetry, component::HUB, &mut self.hub).await?);
        self.hub.tasks.spawn(async move {
            if let Err(error) = meshroot_hub::work(client, &options, &telemetry, &shutdown).await {
                problem.send_replace(Some(format!("the hub ended: {error:#}")));
            }
        });
        Ok(())
    }

    /// Starts a stand-in for istiod in a cluster, and the cluster's agent as its own ServiceAccount. Where the
    /// control plane serves.
    pub(super) async fn start_cluster(
        &mut self,
        api: &RunningApi,
    ) -> Result<SocketAddr, DemoError> {
        let control_plane = ControlPlane::start(api.admin()?).await?;
        let address = control_plane.address();
        self.control_planes.push(control_plane);
        let local = fresh_client(
            api,
            (AGENT_NAMESPACE, AGENT_SERVICE_ACCOUNT),
            "meshroot-agent",
            &mut self.agents,
        )
        .await?;
        let istiod = meshroot_agent::IstiodAddress {
            mesh: mesh_name(&api.name),
            authority: address.to_string(),
            metrics: None,
        };
        let options = AgentOptions {
            cluster: Some(api.name.clone()),
            namespace: AGENT_NAMESPACE.to_owned(),
            istiod: vec![istiod],
            restart: Vec::new(),
            lease_duration: LEASE,
            process: ProcessOptions::within(&identity()),
        };
        let (shutdown, problem) = (self.agents.shutdown.clone(), self.problem.clone());
        let name = api.name.clone();
        let telemetry = Telemetry::new(component::AGENT, VERSION);
        self.scraped.push(serve(&telemetry, component::AGENT, &mut self.agents).await?);
        self.agents.tasks.spawn(async move {
            if let Err(error) = meshroot_agent::work(local, &options, &telemetry, &shutdown).await {
                problem.send_replace(Some(format!("the agent of {name} ended: {error:#}")));
            }
        });
        Ok(address)
    }

    /// Ends all, agents first, and returns when their leases are released.
    pub(super) async fn stop(&mut self) {
        self.agents.stop().await;
        self.hub.stop().await;
        self.control_planes.clear();
    }
}

/// Serves metrics until the part ends.
async fn serve(
    telemetry: &Telemetry,
    component: &'static str,
    part: &mut Part,
) -> Result<Scraped, DemoError> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let serving = telemetry.serve(listen, part.shutdown.clone()).await;
    let (address, endpoint) = serving.map_err(|source| DemoError::Metrics { component, source })?;
    part.tasks.spawn(async move { drop(endpoint.await) });
    Ok(Scraped { component, address })
}

/// Name of the Mesh that discovery makes of a cluster's istiod.
pub(super) fn mesh_name(cluster: &str) -> String {
    names::mesh(MeshType::Istio, DEFAULT_MESH_NAMESPACE, cluster, None)
}

/// A client as the ServiceAccount of a namespace and name, whose token is replaced long before it ends, as kubelet does it
/// for a pod.
async fn fresh_client(
    api: &RunningApi,
    place: (&'static str, &'static str),
    user_agent: &str,
    part: &mut Part,
) -> Result<kube::Client, DemoError> {
    let admin = api.admin()?;
    let token =
        SharedToken::new(install::token(&admin, place, None, TOKEN_SECONDS).await?.as_str());
    let client = api.client(token.clone(), user_agent)?;
    let shutdown = part.shutdown.clone();
    part.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(TOKEN_AGAIN) => {}
                () = shutdown.wait() => return,
            }
            match install::token(&admin, place, None, TOKEN_SECONDS).await {
                Ok(fresh) => token.set(fresh.as_str()),
                Err(error) => {
                    tracing::warn!(account = place.1, problem = %error, "token not renewed");
                }
            }
        }
    });
    Ok(client)
}

/// Who holds the leases.
pub(super) fn identity() -> String {
    format!("meshroot-demo-{}", std::process::id())
}

/// Short, so that a demo that was killed is gone on from soon.
const LEASE: Duration = Duration::from_secs(6);
const LONGEST_END: Duration = Duration::from_secs(5);
const TOKEN_SECONDS: i64 = 3600;
const TOKEN_AGAIN: Duration = Duration::from_mins(20);
