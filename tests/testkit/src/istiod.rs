//! A real istiod, which judges what was written for it by loading it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Secret;

use crate::process::{self, Failure, Process, with_free_ports};
use crate::projected_secret::Follower;
use crate::{ApiServer, Directory, ProjectedSecret, http_text, ports, tools, wait};

/// The Secret that istiod's pod mounts.
pub const CA_SECRET: &str = "cacerts";

/// What differs between the istiods of a test.
#[derive(Debug, Clone)]
pub struct IstiodOptions {
    /// Where it runs; created unless it exists.
    pub namespace: String,
    /// Istio's name of the cluster.
    pub cluster_id: String,
    /// `ISTIO_MULTIROOT_MESH`: whether it follows changes of root-cert.pem.
    pub multi_root: bool,
    /// How long workloads' certificates live, at most and where nothing is asked; istiod's own default where absent.
    pub leaf_lifetime: Option<Duration>,
    /// `REVISION`, for more than one istiod in a cluster.
    pub revision: Option<String>,
}

impl Default for IstiodOptions {
    /// As Istio's own chart has it.
    fn default() -> Self {
        Self {
            namespace: "istio-system".to_owned(),
            cluster_id: "Kubernetes".to_owned(),
            multi_root: false,
            leaf_lifetime: None,
            revision: None,
        }
    }
}

/// A running istiod whose `ROOT_CA_DIR` shows the Secret `cacerts` of its namespace.
///
/// The Secret is shown before the start, as kubelet would: without one, istiod signs by itself
/// for good. Afterwards each change is shown at once. Belongs to the runtime that started it.
pub struct Istiod {
    process: Process,
    ports: Ports,
    options: IstiodOptions,
    cacerts: ProjectedSecret,
    kubeconfig: PathBuf,
    client: kube::Client,
    _follower: Follower,
    directory: Directory,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    http: u16,
    secure_grpc: u16,
    monitoring: u16,
}

impl Istiod {
    /// Starts istiod against a cluster and returns when it is ready.
    pub async fn start(api: &ApiServer, options: IstiodOptions) -> Result<Self> {
        api.create_namespace(&options.namespace).await?;
        with_free_ports(async || Self::start_once(api, options.clone()).await).await
    }

    /// Where workloads ask for certificates: `127.0.0.1:PORT`. The name to verify is
    /// [`Istiod::server_name`].
    pub fn ca_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.secure_grpc)
    }

    /// The DNS name in istiod's own certificate.
    pub fn server_name(&self) -> String {
        format!("istiod.{}.svc", self.options.namespace)
    }

    /// Its own namespace.
    pub fn namespace(&self) -> &str {
        &self.options.namespace
    }

    /// Istio's name of its cluster.
    pub fn cluster_id(&self) -> &str {
        &self.options.cluster_id
    }

    /// The directory that it loads its CA from.
    pub fn cacerts(&self) -> &ProjectedSecret {
        &self.cacerts
    }

    /// Prometheus text.
    pub async fn metrics(&self) -> Result<String> {
        http_text::fetch(self.ports.monitoring, "/metrics").await
    }

    /// Where [`Istiod::metrics`] comes from.
    pub fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.metrics_address())
    }

    /// Host and port of that.
    pub fn metrics_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.monitoring)
    }

    /// All that it has logged since the first start.
    pub fn logs(&self) -> String {
        self.process.log()
    }

    /// Waits until it has logged `text`.
    pub async fn wait_for_log(&self, text: &str, limit: Duration) -> Result<()> {
        self.process.wait_for_log(text, limit).await
    }

    /// Whether it follows changes of root-cert.pem from its next start on.
    pub fn set_multi_root(&mut self, multi_root: bool) {
        self.options.multi_root = multi_root;
    }

    /// The process id: a swap of the CA must not change it.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The child process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it gently and returns when it is gone.
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Ends it, if it runs, and starts it again at the same addresses, as a new pod would.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop();
        let namespace = &self.options.namespace;
        self.cacerts.sync_from::<Secret>(&self.client, namespace, CA_SECRET).await?;
        let command = command(&self.options, self.ports, &self.cacerts, &self.kubeconfig)?;
        self.process = spawn(&self.directory, command)?;
        let ready = ready(&self.process, self.ports).await;
        ready.map_err(anyhow::Error::from)
    }

    async fn start_once(api: &ApiServer, options: IstiodOptions) -> Result<Self, Failure> {
        let client = api.admin_client().await?;
        let directory = Directory::create("istiod")?;
        let cacerts = ProjectedSecret::create(directory.join(CA_SECRET))?;
        cacerts.sync_from::<Secret>(&client, &options.namespace, CA_SECRET).await?;
        let ports = Ports::free()?;
        let kubeconfig = api.kubeconfig_path().to_path_buf();
        let process = spawn(&directory, command(&options, ports, &cacerts, &kubeconfig)?)?;
        ready(&process, ports).await?;
        Ok(Self {
            _follower: cacerts.follow::<Secret>(client.clone(), &options.namespace, CA_SECRET),
            process,
            ports,
            options,
            cacerts,
            kubeconfig,
            client,
            directory,
        })
    }
}

impl Ports {
    fn free() -> Result<Self> {
        Ok(Self { http: ports::free()?, secure_grpc: ports::free()?, monitoring: ports::free()? })
    }
}

fn command(
    options: &IstiodOptions,
    ports: Ports,
    cacerts: &ProjectedSecret,
    kubeconfig: &PathBuf,
) -> Result<Command> {
    let address = |port: u16| format!("127.0.0.1:{port}");
    let mut command = process::command(tools::path("pilot-discovery")?);
    command
        .env_clear()
        .env("ROOT_CA_DIR", cacerts.path())
        .env("POD_NAMESPACE", &options.namespace)
        .env("ISTIO_MULTIROOT_MESH", options.multi_root.to_string())
        .envs(options.revision.as_ref().map(|revision| ("REVISION", revision)))
        .envs(lifetimes(options.leaf_lifetime))
        .arg("discovery")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(["--clusterID", &options.cluster_id])
        .args(["--httpsAddr", "", "--grpcAddr", "", "--ctrlz_port", "0"])
        .args(["--httpAddr", &address(ports.http)])
        .args(["--secureGRPCAddr", &address(ports.secure_grpc)])
        .args(["--monitoringAddr", &address(ports.monitoring)]);
    Ok(command)
}

fn lifetimes(leaf: Option<Duration>) -> Vec<(&'static str, String)> {
    let text = leaf.map(|leaf| format!("{}s", leaf.as_secs()));
    let names = ["DEFAULT_WORKLOAD_CERT_TTL", "MAX_WORKLOAD_CERT_TTL"];
    text.into_iter().flat_map(|text| names.map(|name| (name, text.clone()))).collect()
}

fn spawn(directory: &Directory, mut command: Command) -> Result<Process> {
    command.current_dir(directory.path());
    Process::spawn("istiod", command, directory.join("istiod.log"))
}

async fn ready(process: &Process, ports: Ports) -> Result<(), Failure> {
    let probe = async || {
        let ready = http_text::fetch(ports.http, "/ready").await;
        ready.map(drop).context("istiod is not ready")
    };
    process.ready(wait::LIMIT, probe).await
}
