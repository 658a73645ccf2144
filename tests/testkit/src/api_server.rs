//! A Kubernetes API server as a process of its own: one cluster without nodes.

mod embedded;
mod kube_apiserver;

use std::fmt;
use std::path::{Path, PathBuf};

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

use self::embedded::Embedded;
use self::kube_apiserver::KubeApiserver;
use crate::process::{Failure, Process, with_free_ports};
use crate::{Directory, Etcd, etcd, kubeconfig, ports};

/// The issuer in every service-account token.
pub const TOKEN_ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// A running API server with RBAC and an administrator's token: kube-apiserver, or the embedded one.
///
/// There are no controllers beside kube-apiserver: nobody creates the `default` service account of a
/// namespace, collects garbage or finishes a namespace's deletion.
#[derive(Debug)]
pub struct ApiServer {
    name: String,
    engine: Engine,
    run: Run,
    kubeconfig: PathBuf,
}

/// The API server of this process, started (with [`etcd::shared`]) when first asked for; it lives
/// until the process ends. Tests that share it keep apart by namespace.
pub async fn shared() -> Result<&'static ApiServer> {
    static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
    let start = async || ApiServer::start(etcd::shared().await?, "shared").await;
    SHARED.get_or_try_init(start).await
}

/// A cluster that writes down what ServiceAccounts do: [`ApiServer::audit_log`].
pub async fn audited_cluster(name: &str) -> Result<ApiServer> {
    ApiServer::create(etcd::shared().await?, name, true).await
}

/// A cluster of its own on the etcd that the tests of this process share.
pub async fn cluster(name: &str) -> Result<ApiServer> {
    ApiServer::start(etcd::shared().await?, name).await
}

impl ApiServer {
    /// Starts a new, empty cluster on `etcd` and returns when it is ready. Two clusters of the
    /// same name share nothing.
    pub async fn start(etcd: &Etcd, name: &str) -> Result<Self> {
        Self::create(etcd, name, false).await
    }

    async fn create(etcd: &Etcd, name: &str, audited: bool) -> Result<Self> {
        crate::install_crypto_provider();
        with_free_ports(async || {
            let engine = Engine::KubeApiserver(KubeApiserver::create(etcd, name, audited)?);
            Self::start_once(name, engine, ports::free()?).await
        })
        .await
    }

    /// Starts an embedded API server (`meshroot serve --api-only`) on a new, empty directory, and returns when it is
    /// ready.
    pub async fn embedded(name: &str) -> Result<Self> {
        crate::install_crypto_provider();
        let engine = Engine::Embedded(Embedded::create(name)?);
        Ok(Self::start_once(name, engine, 0).await?)
    }

    /// What ServiceAccounts did: a line of JSON (`audit.k8s.io/v1` Event) for each request. `None` where the server does
    /// not write that down.
    pub fn audit_log(&self) -> Option<String> {
        std::fs::read_to_string(self.engine.directory().join(kube_apiserver::AUDIT_LOG)).ok()
    }

    /// Ends the server, without a warning; what it stored stays for [`ApiServer::restart`].
    pub fn stop(&self) {
        self.run.process.stop();
    }

    /// Ends the server, if it runs, and starts it again: same address, CA, tokens and objects.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop();
        self.run = self.engine.run(&self.name, self.run.access.port).await?;
        Ok(())
    }

    /// The name given at the start.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.run.access.url()
    }

    /// The certificates to verify the server with, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.run.access.ca_pem
    }

    /// A member of `system:masters`.
    pub fn admin_token(&self) -> &str {
        &self.run.access.admin_token
    }

    /// A kubeconfig file for the administrator.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig
    }

    /// The text of a kubeconfig for another token.
    pub fn kubeconfig(&self, token: &str, context: &str) -> String {
        kubeconfig::render(&self.url(), self.ca_pem(), token, context)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.run.process.pid()
    }

    /// The child process: its log, and signals that make it hang.
    pub fn process(&self) -> &Process {
        &self.run.process
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
    pub async fn service_account_token(
        &self,
        namespace: &str,
        name: &str,
        audience: &str,
    ) -> Result<String> {
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

    async fn start_once(name: &str, engine: Engine, port: u16) -> Result<Self, Failure> {
        let run = engine.run(name, port).await?;
        let kubeconfig = engine.directory().write("kubeconfig", run.access.kubeconfig(name))?;
        Ok(Self { name: name.to_owned(), engine, run, kubeconfig })
    }
}

/// The program, and what of it stays the same when it is restarted.
#[derive(Debug)]
enum Engine {
    KubeApiserver(KubeApiserver),
    Embedded(Embedded),
}

impl Engine {
    fn directory(&self) -> &Directory {
        match self {
            Self::KubeApiserver(engine) => &engine.directory,
            Self::Embedded(engine) => &engine.directory,
        }
    }

    /// Starts the program and waits until it is ready.
    async fn run(&self, name: &str, port: u16) -> Result<Run, Failure> {
        match self {
            Self::KubeApiserver(engine) => engine.run(name, port).await,
            Self::Embedded(engine) => engine.run(name, port).await,
        }
    }
}

/// A program that is ready.
#[derive(Debug)]
struct Run {
    process: Process,
    access: Access,
}

/// What an administrator needs.
struct Access {
    port: u16,
    ca_pem: String,
    admin_token: String,
}

impl Access {
    fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    fn kubeconfig(&self, context: &str) -> String {
        kubeconfig::render(&self.url(), &self.ca_pem, &self.admin_token, context)
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Access").field("port", &self.port).finish_non_exhaustive()
    }
}

/// Whether `/readyz` is `ok`, judged with the server's own CA.
async fn is_ready(access: &Access) -> Result<()> {
    let request = http::Request::get("/readyz").body(Vec::new())?;
    let answer = client(&access.kubeconfig("ready")).await?.request_text(request).await?;
    if answer != "ok" {
        bail!("/readyz answers {answer:?}");
    }
    Ok(())
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
