//! The scene: a hub, eight clusters that the benchmark speaks for, and one with a real agent.

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::Client;
use kube::api::PostParams;
use meshroot_testkit::fleet::{SYSTEM_NAMESPACE, cluster_namespace};
use meshroot_testkit::{Fleet, etcd, tools};
use tokio::task::JoinSet;

use crate::account::Watched;
use crate::objects::Member;

/// Clusters that the benchmark speaks for.
pub(crate) const CLUSTERS: usize = 8;
/// Requests that one cluster has under way at a time.
const DEPTH: usize = 2;
/// The cluster of the real agent.
pub(crate) const WORKLOAD: &str = "workload";

/// An example of what a cluster that joins has on the hub.
pub(crate) const AGENT_ON_HUB: &str = "deploy/rbac/agent-on-hub.yaml";

/// Everything that runs, and a client for each who writes.
pub(crate) struct Scene {
    pub(crate) fleet: Fleet,
    pub(crate) admin: Client,
    /// With the rights of the hub: for the writes without a hub.
    pub(crate) hub: Client,
    /// Namespace and client of each cluster, with the rights of its agent.
    pub(crate) agents: Vec<(String, Client)>,
}

impl Scene {
    /// Real servers, the hub's objects as `meshroot install` writes them, and the clusters' accounts. No hub yet.
    pub(crate) async fn prepare() -> Result<Self> {
        let fleet = Fleet::prepare(&[WORKLOAD]).await?;
        let admin = fleet.hub.admin_client().await?;
        let token = fleet.hub.service_account_token(SYSTEM_NAMESPACE, "meshroot-hub", "").await?;
        let hub = fleet.hub.client_for_token(&token).await?;
        let mut scene = Self { fleet, admin, hub, agents: Vec::new() };
        for number in 0..CLUSTERS {
            scene.join(&format!("bench-{number}")).await?;
        }
        Ok(scene)
    }

    async fn join(&mut self, cluster: &str) -> Result<()> {
        let example =
            std::fs::read_to_string(tools::workspace().join(AGENT_ON_HUB)).context(AGENT_ON_HUB)?;
        // Whole words: the manifest speaks of "least" too.
        let manifest = example
            .replace("-east", &format!("-{cluster}"))
            .replace(": east", &format!(": {cluster}"));
        self.fleet.kubectl("hub", &["apply", "-f", "-"], Some(&manifest))?;
        let namespace = cluster_namespace(cluster);
        let token = self.fleet.hub.service_account_token(&namespace, "meshroot-agent", "").await?;
        self.agents.push((namespace, self.fleet.hub.client_for_token(&token).await?));
        Ok(())
    }

    /// So many meshes, spread evenly over the clusters, made on the hub.
    pub(crate) async fn make_meshes(&self, count: usize) -> Result<Vec<Member>> {
        let member = |number: usize| {
            let (namespace, installation) =
                (&self.agents[number % CLUSTERS].0, format!("mesh-{number:04}"));
            let cluster = namespace.trim_start_matches("meshroot-cluster-");
            Member {
                namespace: namespace.clone(),
                name: format!("istio-{installation}-{cluster}"),
                installation,
            }
        };
        let members: Vec<Member> = (0..count).map(member).collect();
        create_meshes(&self.admin, &members).await?;
        Ok(members)
    }

    /// The processes whose CPU is accounted for; the hub once it runs.
    pub(crate) async fn processes(&self) -> Result<Vec<Watched>> {
        let mut all = vec![
            Watched { name: "kube-apiserver", pid: self.fleet.hub.pid() },
            Watched { name: "etcd", pid: etcd::shared().await?.process().pid() },
            Watched { name: "client", pid: std::process::id() },
        ];
        all.extend(
            self.fleet.hub_process.iter().map(|hub| Watched { name: "hub", pid: hub.pid() }),
        );
        all.extend(
            self.fleet
                .cluster(WORKLOAD)?
                .agent
                .iter()
                .map(|agent| Watched { name: "agent", pid: agent.pid() }),
        );
        Ok(all)
    }

    /// Runs `each` for every item, clusters beside each other, [`DEPTH`] at a time in each.
    pub(crate) async fn spread<T, R, F, W>(
        &self,
        items: Vec<(String, T)>,
        each: W,
    ) -> Result<Vec<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<R>> + Send + 'static,
        W: Fn(Client, String, T) -> F + Clone + Send + Sync + 'static,
    {
        let mut queues: Vec<Vec<T>> = self.agents.iter().map(|_| Vec::new()).collect();
        for (namespace, item) in items {
            let place = self
                .agents
                .iter()
                .position(|(own, _)| *own == namespace)
                .context("an unknown namespace")?;
            queues[place].push(item);
        }
        let mut running = JoinSet::new();
        for ((namespace, client), queue) in self.agents.iter().cloned().zip(queues) {
            let each = each.clone();
            running.spawn(async move {
                let work =
                    stream::iter(queue).map(|item| each(client.clone(), namespace.clone(), item));
                work.buffer_unordered(DEPTH).try_collect::<Vec<R>>().await
            });
        }
        let mut all = Vec::new();
        while let Some(part) = running.join_next().await {
            all.extend(part??);
        }
        Ok(all)
    }
}

/// Creates Mesh objects, sixteen at a time.
pub(crate) async fn create_meshes(admin: &Client, members: &[Member]) -> Result<()> {
    let parameters = PostParams::default();
    let work = stream::iter(members.to_vec()).map(|member| {
        let (admin, parameters) = (admin.clone(), parameters.clone());
        async move {
            crate::objects::MESH
                .api(&admin, &member.namespace)
                .create(&parameters, &member.mesh())
                .await
        }
    });
    work.buffer_unordered(16).try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}
