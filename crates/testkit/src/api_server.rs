//! A real kube-apiserver: one Kubernetes cluster without nodes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use crate::process::{self, Failure, Process, with_free_ports};
use crate::{Directory, Etcd, etcd, kubeconfig, ports, signing_key, tools, wait};

/// The issuer in every service-account token.
pub const TOKEN_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A running kube-apiserver with RBAC, its own part of an etcd, and an administrator's token.
///
/// There are no controllers beside it: nobody creates the `default` service account of a
/// namespace, collects garbage or finishes a namespace's deletion.
#[derive(Debug)]
pub struct ApiServer {
    name: String,
    process: Process,
    port: u16,
    settings: Settings,
    ca_pem: String,
    kubeconfig: PathBuf,
}

/// The API server of this process, started (with [`etcd::shared`]) when first asked for; it lives
/// until the process ends. Tests that share it keep apart by namespace.
pub async fn shared() -> Result<&'static ApiServer> {
    static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
    let start = async || ApiServer::start(etcd::shared().await?, "shared").await;
    SHARED.get_or_try_init(start).await
}

/// A cluster of its own on the etcd that the tests of this process share.
pub async fn cluster(name: &str) -> Result<ApiServer> {
    ApiServer::start(etcd::shared().await?, name).await
}

impl ApiServer {
    /// Starts a new, empty cluster on `etcd` and returns when it is ready. Two clusters of the
    /// same name share nothing.
    pub async fn start(etcd: &Etcd, name: &str) -> Result<Self> {
        crate::install_crypto_provider();
        with_free_ports(async || {
            let settings = Settings::create(etcd, name)?;
            Self::start_once(name, settings, ports::free()?).await
        })
        .await
    }

    /// Ends the server; what it stored stays in etcd for [`ApiServer::restart`].
    pub fn stop(&self) {
        self.process.stop();
    }

    /// Ends the server, if it runs, and starts it again: same address, CA, tokens and objects.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop();
        let process = spawn(&self.name, &self.settings, self.port)?;
        let ready = ready(&process, &self.settings, self.port, &self.name).await;
        ready.map_err(anyhow::Error::from)?;
        self.process = process;
        Ok(())
    }

    /// The name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// The certificates to verify the server with, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A member of `system:masters`.
    pub fn admin_token(&self) -> &str {
        &self.settings.admin_token
    }

    /// A kubeconfig file for the administrator.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// The text of a kubeconfig for another token.
    pub fn kubeconfig(&self, token: &str, context: &str) -> String {
        kubeconfig::render(&self.url(), &self.ca_pem, token, context)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The child process: its log, and signals that make it hang.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A new client with the administrator's rights. It belongs to the calling runtime: do not
    /// keep it in a static.
    pub async fn admin_client(&self) -> Result<Client> {
        self.client_for_token(self.admin_token()).await
    }

    /// A new client that authenticates with `token`.
    pub async fn client_for_token(&self, token: &str) -> Result<Client> {
        client(&self.kubeconfig(token, &self.name)).await
    }

    /// Creates a namespace unless it exists.
    pub async fn create_namespace(&self, name: &str) -> Result<()> {
        let api: Api<Namespace> = Api::all(self.admin_client().await?);
        create(&api, &named(name)).await
    }

    /// Creates a service account, and its namespace, unless they exist.
    pub async fn create_service_account(&self, namespace: &str, name: &str) -> Result<()> {
        self.create_namespace(namespace).await?;
        let client = self.admin_client().await?;
        let api: Api<ServiceAccount> = Api::namespaced(client, namespace);
        create(&api, &named(name)).await
    }

    /// A token of a service account, which is created unless it exists. An empty `audience`
    /// means the API server itself.
    pub async fn service_account_token(&self, namespace: &str, name: &str, audience: &str) -> Result<String> {
        self.create_service_account(namespace, name).await?;
        let client = self.admin_client().await?;
        let api: Api<ServiceAccount> = Api::namespaced(client, namespace);
        let audience = Some(audience).filter(|audience| !audience.is_empty());
        let request = token_request(audience.unwrap_or(TOKEN_ISSUER));
        let parameters = PostParams::default();
        let answer = api.create_token_request(name, &parameters, &request).await?;
        let token = answer.status.and_then(|status| status.token);
        token.context("the TokenRequest came back without a token")
    }

    async fn start_once(name: &str, settings: Settings, port: u16) -> Result<Self, Failure> {
        let process = spawn(name, &settings, port)?;
        let ca_pem = ready(&process, &settings, port, name).await?;
        let text = kubeconfig::render(&url(port), &ca_pem, &settings.admin_token, name);
        let kubeconfig = settings.directory.write("kubeconfig", text)?;
        Ok(Self { name: name.to_owned(), process, port, settings, ca_pem, kubeconfig })
    }
}

/// What stays the same when a server is restarted.
#[derive(Debug)]
struct Settings {
    directory: Directory,
    etcd_url: String,
    etcd_prefix: String,
    admin_token: String,
}

impl Settings {
    fn create(etcd: &Etcd, name: &str) -> Result<Self> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory = Directory::create(&format!("apiserver-{name}"))?;
        let (private, public) = signing_key::generate()?;
        directory.write("service-accounts.key", private)?;
        directory.write("service-accounts.pub", public)?;
        let admin_token = signing_key::random_token()?;
        directory.write("tokens.csv", format!("{admin_token},admin,admin,system:masters\n"))?;
        Ok(Self { directory, etcd_url: etcd.url().to_owned(), etcd_prefix: format!("/{name}-{number}"), admin_token })
    }

    fn command(&self, port: u16) -> Result<Command> {
        let file = |flag: &str, name: &str| format!("{flag}={}", self.directory.join(name).display());
        let mut command = process::command(tools::path("kube-apiserver")?);
        command
            .arg(format!("--etcd-servers={}", self.etcd_url))
            .arg(format!("--etcd-prefix={}", self.etcd_prefix))
            .arg(file("--cert-dir", "pki"))
            .arg(format!("--secure-port={port}"))
            .arg("--bind-address=127.0.0.1")
            // Otherwise the server looks for a default route, which a closed network has not.
            .arg("--advertise-address=127.0.0.1")
            .arg("--endpoint-reconciler-type=none")
            .arg("--service-cluster-ip-range=10.0.0.0/24")
            .arg(file("--service-account-key-file", "service-accounts.pub"))
            .arg(file("--service-account-signing-key-file", "service-accounts.key"))
            .arg(format!("--service-account-issuer={TOKEN_ISSUER}"))
            .arg(file("--token-auth-file", "tokens.csv"))
            .arg("--authorization-mode=RBAC")
            .arg("--disable-admission-plugins=ServiceAccount");
        Ok(command)
    }
}

fn url(port: u16) -> String {
    format!("https://127.0.0.1:{port}")
}

fn spawn(name: &str, settings: &Settings, port: u16) -> Result<Process> {
    let log = settings.directory.join("kube-apiserver.log");
    let name = format!("kube-apiserver {name}");
    let process = Process::spawn(&name, settings.command(port)?, log)?;
    // What it acknowledged is in etcd already, and its graceful end takes a second or more.
    Ok(process.with_grace(Duration::ZERO))
}

/// Waits until `/readyz` is `ok`, judged with the server's own CA, and returns that CA.
async fn ready(process: &Process, settings: &Settings, port: u16, name: &str) -> Result<String, Failure> {
    let certificate = settings.directory.join("pki/apiserver.crt");
    let probe = async || {
        let ca_pem = std::fs::read_to_string(&certificate)
            .with_context(|| format!("{} is not there yet", certificate.display()))?;
        let config = kubeconfig::render(&url(port), &ca_pem, &settings.admin_token, name);
        let request = http::Request::get("/readyz").body(Vec::new())?;
        let answer = client(&config).await?.request_text(request).await?;
        if answer != "ok" {
            bail!("/readyz answers {answer:?}");
        }
        Ok(ca_pem)
    };
    process.ready(wait::LIMIT, probe).await
}

async fn client(kubeconfig: &str) -> Result<Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig)?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    Ok(Client::try_from(config)?)
}

fn token_request(audience: &str) -> TokenRequest {
    TokenRequest {
        spec: Some(TokenRequestSpec {
            audiences: Some(vec![audience.to_owned()]),
            expiration_seconds: Some(3600),
            ..TokenRequestSpec::default()
        }),
        ..TokenRequest::default()
    }
}

fn named<K: Resource + Default>(name: &str) -> K {
    let mut object = K::default();
    *object.meta_mut() = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    object
}

async fn create<K>(api: &Api<K>, object: &K) -> Result<()>
where
    K: Resource + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    match api.create(&PostParams::default(), object).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(error) => Err(error.into()),
    }
}
