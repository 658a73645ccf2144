//! A running `meshroot serve`, and somebody who writes into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use meshroot_testkit::process::{self, Process};
use meshroot_testkit::{Directory, install_crypto_provider, wait};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// With the hub. Nobody needs its own port, and after a kill its lease is waited for.
pub(crate) const WHOLE: &[&str] = &["--metrics", "127.0.0.1:0", "--lease-duration", "6"];
pub(crate) const API_ONLY: &[&str] = &["--api-only"];
/// Longer than the server takes to say farewell to its clients.
const GRACE: Duration = Duration::from_secs(20);

pub(crate) struct Served {
    pub(crate) process: Process,
    pub(crate) data: PathBuf,
    _log: Directory,
}

impl Served {
    /// On an address that the kernel chooses; returns when the API answers and, where it runs, the hub leads.
    pub(crate) async fn start(data: &Path, what: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", data, what).await
    }

    pub(crate) async fn start_on(address: &str, data: &Path, what: &[&str]) -> Self {
        install_crypto_provider();
        let mut command = process::command(env!("CARGO_BIN_EXE_meshroot"));
        command
            .args(["serve", "--listen", address, "--data"])
            .arg(data)
            .args(what)
            .env_remove("MESHROOT_LOG");
        // Each start has a log of its own: what an earlier one said proves nothing.
        let log = Directory::create("serve-log").unwrap();
        let process =
            Process::spawn("meshroot serve", command, log.join("log")).unwrap().with_grace(GRACE);
        let served = Self { process, data: data.to_owned(), _log: log };
        let ready = async || {
            let request = http::Request::get("/readyz").body(Vec::new())?;
            let answer = client(&Kubeconfig::read_from(served.kubeconfig())?)
                .await?
                .request_text(request)
                .await?;
            let leads = what != WHOLE || served.process.log().contains("this process leads");
            anyhow::ensure!(answer == "ok" && leads, "{answer:?}");
            Ok(())
        };
        served.process.ready(wait::LIMIT, ready).await.unwrap();
        served
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.data.join("admin.kubeconfig")
    }

    /// Of the administrator.
    pub(crate) async fn client(&self) -> Client {
        client(&Kubeconfig::read_from(self.kubeconfig()).unwrap()).await.unwrap()
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.cluster()["server"].as_str().unwrap().trim_start_matches("https://").to_owned()
    }

    /// A kubeconfig for another token or context.
    pub(crate) fn kubeconfig_for(&self, token: &str, context: &str) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{ "name": context, "cluster": self.cluster() }],
            "users": [{ "name": context, "user": { "token": token } }],
            "contexts": [{ "name": context, "context": { "cluster": context, "user": context } }],
            "current-context": context,
        })
        .to_string()
    }

    pub(crate) fn admin_token(&self) -> String {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let user = serde_json::to_value(&kubeconfig.auth_infos[0].auth_info).unwrap();
        user["token"].as_str().unwrap().to_owned()
    }

    fn cluster(&self) -> Value {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        serde_json::to_value(&kubeconfig.clusters[0].cluster).unwrap()
    }
}

pub(crate) async fn client(kubeconfig: &Kubeconfig) -> anyhow::Result<Client> {
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig.clone(), &KubeConfigOptions::default()).await?;
    // A server that is gone is an answer.
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}

/// A token of a ServiceAccount that is there.
pub(crate) async fn token(admin: &Client, namespace: &str, account: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), namespace);
    let spec = TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer =
        accounts.create_token_request(account, &PostParams::default(), &request).await.unwrap();
    answer.status.unwrap().token.unwrap()
}

/// Writes ConfigMaps, one after the other, until it is told to stop or the server is gone.
pub(crate) struct Writer {
    acknowledged: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(client: Client) -> Self {
        let (acknowledged, stop) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stopped) = (acknowledged.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let maps: Api<ConfigMap> = Api::namespaced(client, "default");
            for number in 0.. {
                let map = json!({ "metadata": { "name": name(number) }, "data": { "text": "x".repeat(2000) } });
                let map = serde_json::from_value(map).unwrap();
                if stopped.load(Ordering::SeqCst)
                    || maps.create(&PostParams::default(), &map).await.is_err()
                {
                    return;
                }
                count.store(number + 1, Ordering::SeqCst);
            }
        });
        Self { acknowledged, stop, task }
    }

    /// How many are acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits until at least so many are acknowledged.
    pub(crate) async fn reaches(&self, count: usize) {
        let reached = async || {
            anyhow::ensure!(self.acknowledged() >= count, "{} of {count}", self.acknowledged());
            Ok(())
        };
        wait::until("the writer gets on", wait::LIMIT, reached).await.unwrap();
    }

    /// Ends it; how many were acknowledged in all.
    pub(crate) async fn end(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
        self.acknowledged.load(Ordering::SeqCst)
    }
}

/// How many of the writer's objects are there. Asserts that no earlier one is missing.
pub(crate) async fn written(client: &Client) -> usize {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    let all = maps.list(&ListParams::default()).await.unwrap().items;
    let mut names: Vec<String> = all.into_iter().map(|map| map.metadata.name.unwrap()).collect();
    names.retain(|name| name.starts_with("written-"));
    names.sort();
    let expected: Vec<String> = (0..names.len()).map(name).collect();
    assert_eq!(names, expected);
    names.len()
}

fn name(number: usize) -> String {
    format!("written-{number:06}")
}
