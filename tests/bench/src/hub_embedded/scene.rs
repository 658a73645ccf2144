//! `meshroot serve`, and eight clusters that the benchmark speaks for.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use meshroot_testkit::fleet::{SYSTEM_NAMESPACE, cluster_namespace};
use meshroot_testkit::{tools, wait};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::clusters::{AGENT_ON_HUB, CLUSTERS};
use crate::connection::{Call, Connection, Endpoint, once};
use crate::embedded_process::{EmbeddedProcess, Serves};
use crate::objects::{MESH, Member, VIRTUAL_MESH};

/// Connections over which one agent writes.
const WRITERS: usize = 2;

/// The process, and who asks it.
pub(crate) struct Scene {
    process: EmbeddedProcess,
    /// Namespace and account of each cluster.
    pub(crate) agents: Vec<(String, Endpoint)>,
}

impl Scene {
    /// The hub leads, and the clusters have joined. They have more meshes than a cluster may have.
    pub(super) async fn prepare() -> Result<Self> {
        let mut scene = Self::start().await?;
        for number in 0..CLUSTERS {
            scene.join(&format!("bench-{number}")).await?;
        }
        for (namespace, _) in &scene.agents {
            let quota = format!("/api/v1/namespaces/{namespace}/resourcequotas/meshroot-agent");
            once(scene.admin(), Call::delete(quota)).await?;
        }
        Ok(scene)
    }

    /// The hub leads, and no cluster has joined.
    pub(crate) async fn start() -> Result<Self> {
        let process = EmbeddedProcess::start(Serves::ApiAndHub).await?;
        process.process().wait_for_log(" leads fence=", wait::LIMIT).await?;
        Ok(Self { process, agents: Vec::new() })
    }

    pub(crate) fn admin(&self) -> &Endpoint {
        &self.process.endpoint
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.process().pid()
    }

    /// Warnings and errors that it has logged.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let log = self.process.process().log();
        log.lines()
            .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
            .map(str::to_owned)
            .collect()
    }

    /// So many meshes, spread evenly over the clusters.
    pub(super) async fn make_meshes(&self, count: usize) -> Result<Vec<Member>> {
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
        let mut calls = vec![Vec::new(); CLUSTERS];
        for (number, member) in members.iter().enumerate() {
            let body = serde_json::to_vec(&member.mesh())?;
            calls[number % CLUSTERS].push(Call::post(MESH.path(&member.namespace), body));
        }
        let sending = stream::iter(calls)
            .map(|calls| async { send(self.admin().connect().await?, calls).await });
        sending.buffer_unordered(CLUSTERS).try_collect::<Vec<()>>().await?;
        Ok(members)
    }

    /// Sends what each cluster has to say, clusters beside each other, over connections that are open before.
    pub(super) async fn connections(&self) -> Result<Vec<(String, Vec<Connection>)>> {
        let mut all = Vec::new();
        for (namespace, endpoint) in &self.agents {
            let mut connections = Vec::new();
            for _ in 0..WRITERS {
                connections.push(endpoint.connect().await?);
            }
            all.push((namespace.clone(), connections));
        }
        Ok(all)
    }

    /// The newest revision of the store, which counts its writes.
    pub(super) async fn revision(&self) -> Result<u64> {
        let list = once(
            self.admin(),
            Call::get(format!("{}?limit=1", VIRTUAL_MESH.path(SYSTEM_NAMESPACE))),
        )
        .await?;
        let revision =
            list["metadata"]["resourceVersion"].as_str().context("the list has no revision")?;
        Ok(revision.parse()?)
    }

    /// Joins a cluster, with the rights and the quota that it gets.
    pub(crate) async fn join(&mut self, cluster: &str) -> Result<()> {
        let example =
            std::fs::read_to_string(tools::workspace().join(AGENT_ON_HUB)).context(AGENT_ON_HUB)?;
        // Whole words: the manifest speaks of "least" too.
        let manifest = example
            .replace("-east", &format!("-{cluster}"))
            .replace(": east", &format!(": {cluster}"));
        self.apply(&manifest)?;
        let namespace = cluster_namespace(cluster);
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/meshroot-agent/token");
        let asked = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": { "audiences": [], "expirationSeconds": 3600 },
        });
        let answer: Value = once(self.admin(), Call::post(path, asked.to_string())).await?;
        let token = answer["status"]["token"]
            .as_str()
            .context("the TokenRequest came back without a token")?;
        self.agents.push((namespace, self.admin().with_token(token)?));
        Ok(())
    }

    fn apply(&self, manifest: &str) -> Result<()> {
        use std::io::Write as _;
        let mut command = Command::new(tools::path("kubectl")?);
        command.arg("--kubeconfig").arg(self.process.kubeconfig()).args(["apply", "-f", "-"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        child.stdin.take().context("kubectl has no input")?.write_all(manifest.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "kubectl apply: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }
}

/// Sends one after the other.
pub(super) async fn send(mut connection: Connection, calls: Vec<Call>) -> Result<()> {
    for call in calls {
        connection.discard(call).await?;
    }
    Ok(())
}

/// Sends the calls of each namespace over its connections, all connections beside each other.
pub(super) async fn spread(
    connections: Vec<(String, Vec<Connection>)>,
    calls: Vec<(String, Call)>,
) -> Result<()> {
    let mut running = JoinSet::new();
    for (namespace, connections) in connections {
        let own: Vec<&Call> =
            calls.iter().filter(|(place, _)| *place == namespace).map(|(_, call)| call).collect();
        let writers = connections.len();
        for (number, connection) in connections.into_iter().enumerate() {
            let share =
                own.iter().skip(number).step_by(writers).map(|call| (*call).clone()).collect();
            running.spawn(send(connection, share));
        }
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}
