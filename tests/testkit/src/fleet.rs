//! A hub and workload clusters, put together as a user does it: `meshroot install`, `meshroot cluster join`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{ApiServer, Binary, Directory, Istiod, IstiodOptions, api_server, tools, wait};

/// Namespace of the hub, and of each agent in its cluster.
pub const SYSTEM_NAMESPACE: &str = "meshroot-system";
/// Where agents and their keys are, in each cluster.
pub const AGENT_NAMESPACE: &str = "meshroot-agent";
/// Namespace of the control planes.
pub const MESH_NAMESPACE: &str = "istio-system";

/// What serves the hub's API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HubApi {
    /// The real kube-apiserver.
    #[default]
    KubeApiserver,
    /// The embedded API server.
    Embedded,
}

impl HubApi {
    async fn start(self) -> Result<ApiServer> {
        match self {
            Self::KubeApiserver => api_server::audited_cluster("hub").await,
            Self::Embedded => ApiServer::embedded("hub").await,
        }
    }
}

/// A hub and its workload clusters. The hub and the agents run as their own ServiceAccounts.
pub struct Fleet {
    /// The hub's API.
    pub hub: ApiServer,
    /// The hub's process, where it runs.
    pub hub_process: Option<Binary>,
    /// The workload clusters.
    pub clusters: Vec<Cluster>,
    directory: Directory,
}

/// One workload cluster.
pub struct Cluster {
    /// Its name on the hub.
    pub name: String,
    /// Its API.
    pub api: ApiServer,
    /// Its control plane, where one runs.
    pub istiod: Option<Istiod>,
    /// `HOST:PORT` of what stands in for one.
    pub stand_in: Option<String>,
    /// Its agent's process, where it runs.
    pub agent: Option<Binary>,
}

impl Fleet {
    /// Starts the API servers (one for the hub, one for each cluster), installs the hub's objects, and joins the
    /// clusters. Neither the hub nor an agent nor an istiod runs yet.
    pub async fn prepare(clusters: &[&str]) -> Result<Self> {
        let hub = api_server::cluster("hub").await?;
        Self::assemble(hub, clusters, api_server::cluster).await
    }

    /// The same, with a choice for the hub, and each kube-apiserver writes down what ServiceAccounts do. The clusters are
    /// real: an istiod needs them so.
    pub async fn prepare_audited(hub: HubApi, clusters: &[&str]) -> Result<Self> {
        let hub = hub.start().await?;
        Self::assemble(hub, clusters, api_server::audited_cluster).await
    }

    async fn assemble(
        hub: ApiServer,
        clusters: &[&str],
        start: impl AsyncFn(&str) -> Result<ApiServer>,
    ) -> Result<Self> {
        let mut fleet = Self {
            hub,
            hub_process: None,
            clusters: Vec::new(),
            directory: Directory::create("fleet")?,
        };
        for name in clusters {
            let api = start(name).await?;
            fleet.clusters.push(Cluster {
                name: (*name).to_owned(),
                api,
                istiod: None,
                stand_in: None,
                agent: None,
            });
        }
        fleet.install()?;
        for name in clusters {
            fleet.join(name)?;
        }
        Ok(fleet)
    }

    /// `meshroot install | kubectl apply -f -`, and until the API serves the new kinds.
    fn install(&self) -> Result<()> {
        let manifests = self.meshroot(&["install", "--image", "meshroot:test"])?;
        self.kubectl("hub", &["apply", "-f", "-"], Some(&manifests))?;
        self.kubectl(
            "hub",
            &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"],
            None,
        )?;
        Ok(())
    }

    /// An istiod Deployment that discovery finds, then `meshroot cluster join`.
    fn join(&self, name: &str) -> Result<()> {
        self.kubectl(name, &["create", "namespace", MESH_NAMESPACE], None)?;
        self.kubectl(name, &["apply", "-f", "-"], Some(ISTIOD_DEPLOYMENT))?;
        self.meshroot(&[
            "cluster",
            "join",
            name,
            "--hub-context",
            "hub",
            "--context",
            name,
            "--image",
            "meshroot:test",
            "--restart",
            "istiod",
        ])?;
        Ok(())
    }

    /// Starts the hub as its own ServiceAccount, and waits until it leads. More environment may be given.
    pub async fn start_hub(&mut self, environment: &[(&str, &str)]) -> Result<()> {
        let hub = self.another_hub("meshroot-hub-0", environment).await?;
        self.hub_process = Some(hub);
        Ok(())
    }

    /// Starts one more hub under an identity of its own.
    pub async fn another_hub(
        &self,
        identity: &str,
        environment: &[(&str, &str)],
    ) -> Result<Binary> {
        let token = self.hub.service_account_token(SYSTEM_NAMESPACE, "meshroot-hub", "").await?;
        let kubeconfig = self
            .directory
            .write(format!("{identity}.kubeconfig").as_str(), self.hub.kubeconfig(&token, "hub"))?;
        let kubeconfig = kubeconfig.to_string_lossy().into_owned();
        let arguments = [
            "--kubeconfig",
            &kubeconfig,
            "--listen",
            "127.0.0.1:0",
            "--identity",
            identity,
            "--lease-duration",
            "6",
        ];
        Binary::start("meshroot-hub", &arguments, environment)
    }

    /// Starts the agent of a cluster as its own ServiceAccount.
    pub async fn start_agent(&mut self, name: &str, environment: &[(&str, &str)]) -> Result<()> {
        let place = self.place(name)?;
        let cluster = &self.clusters[place];
        let token =
            cluster.api.service_account_token(AGENT_NAMESPACE, "meshroot-agent", "").await?;
        let file = format!("agent-{name}.kubeconfig");
        let kubeconfig =
            self.directory.write(file.as_str(), cluster.api.kubeconfig(&token, name))?;
        let kubeconfig = kubeconfig.to_string_lossy().into_owned();
        let mut arguments: Vec<String> = [
            "--kubeconfig",
            &kubeconfig,
            "--cluster",
            name,
            "--listen",
            "127.0.0.1:0",
            "--lease-duration",
            "6",
            "--restart",
            "istiod",
        ]
        .map(str::to_owned)
        .into();
        let address = cluster.istiod.as_ref();
        let address =
            address.map(|istiod| format!("{},{}", istiod.ca_address(), istiod.metrics_address()));
        if let Some(address) = address.or_else(|| cluster.stand_in.clone()) {
            arguments.extend(["--istiod".to_owned(), format!("{}={address}", mesh_name(name))]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.clusters[place].agent =
            Some(Binary::start("meshroot-agent", &arguments, environment)?);
        Ok(())
    }

    /// Starts an istiod in a cluster.
    pub async fn start_istiod(&mut self, name: &str) -> Result<()> {
        let options = IstiodOptions { cluster_id: name.to_owned(), ..IstiodOptions::default() };
        self.start_istiod_with(name, options).await
    }

    /// The same for one that is set up otherwise.
    pub async fn start_istiod_with(&mut self, name: &str, options: IstiodOptions) -> Result<()> {
        let place = self.place(name)?;
        let istiod = Istiod::start(&self.clusters[place].api, options).await?;
        self.clusters[place].istiod = Some(istiod);
        Ok(())
    }

    /// A cluster by name.
    pub fn cluster(&self, name: &str) -> Result<&Cluster> {
        Ok(&self.clusters[self.place(name)?])
    }

    /// A cluster by name, to change it.
    pub fn cluster_mut(&mut self, name: &str) -> Result<&mut Cluster> {
        let place = self.place(name)?;
        Ok(&mut self.clusters[place])
    }

    /// Runs the `meshroot` command against the hub; its standard output.
    pub fn meshroot(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(Binary::path("meshroot")?);
        command.args(arguments);
        self.run(command, None)
    }

    /// Runs `kubectl --context CONTEXT`; its standard output.
    pub fn kubectl(
        &self,
        context: &str,
        arguments: &[&str],
        input: Option<&str>,
    ) -> Result<String> {
        let mut command = Command::new(tools::path("kubectl")?);
        command.args(["--context", context]).args(arguments);
        self.run(command, input)
    }

    /// An object of the hub as JSON; an error where it does not exist.
    pub fn object(&self, namespace: &str, kind: &str, name: &str) -> Result<Value> {
        self.object_in("hub", namespace, kind, name)
    }

    /// An object of a cluster as JSON.
    pub fn object_in(
        &self,
        context: &str,
        namespace: &str,
        kind: &str,
        name: &str,
    ) -> Result<Value> {
        let text =
            self.kubectl(context, &["-n", namespace, "get", kind, name, "-o", "json"], None)?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Waits until `test` accepts an object of the hub, and returns it.
    pub async fn until(
        &self,
        what: &str,
        (namespace, kind, name): (&str, &str, &str),
        test: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let attempt = async || {
            let object = self.object(namespace, kind, name)?;
            ensure!(test(&object), "it is not so yet: {}", object["status"]);
            Ok(object)
        };
        wait::until(what, Duration::from_secs(90), attempt).await
    }

    fn run(&self, mut command: Command, input: Option<&str>) -> Result<String> {
        let name = format!("{command:?}");
        command.env("KUBECONFIG", self.kubeconfigs()?).env("HOME", self.directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.unwrap_or_default().as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!(
                "{name} ended with {}:\n{}",
                output.status,
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// One kubeconfig a cluster, as KUBECONFIG takes them.
    pub fn kubeconfigs(&self) -> Result<std::ffi::OsString> {
        let all =
            std::iter::once(&self.hub).chain(self.clusters.iter().map(|cluster| &cluster.api));
        let files = all.map(|api| api.kubeconfig_path().to_path_buf()).collect::<Vec<PathBuf>>();
        Ok(std::env::join_paths(files)?)
    }

    fn place(&self, name: &str) -> Result<usize> {
        self.clusters
            .iter()
            .position(|cluster| cluster.name == name)
            .with_context(|| format!("there is no cluster {name}"))
    }
}

/// Name of the Mesh that discovery makes of a cluster's istiod.
pub fn mesh_name(cluster: &str) -> String {
    format!("istio-{MESH_NAMESPACE}-{cluster}")
}

/// The cluster's namespace on the hub.
pub fn cluster_namespace(cluster: &str) -> String {
    format!("meshroot-cluster-{cluster}")
}

/// What an Istio installation leaves in the API; no pod comes of it here.
const ISTIOD_DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: istiod
  namespace: istio-system
  labels: {app: istiod, istio.io/rev: default}
spec:
  selector: {matchLabels: {app: istiod}}
  template:
    metadata: {labels: {app: istiod}}
    spec:
      serviceAccountName: istiod
      containers:
      - {name: discovery, image: "istio/pilot:1.31.0"}
"#;
