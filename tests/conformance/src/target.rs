//! A server under test.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use meshroot_testkit::process::{self, Process};
use meshroot_testkit::{ApiServer, Binary, Directory, Etcd, kubeconfig, wait};

/// The program that serves the embedded API: `serve ADDRESS KUBECONFIG DATA`.
const EMBEDDED: &str = "examples/serve";

/// A server: its address, how to verify it, and an administrator of group `system:masters`.
#[derive(Debug)]
pub(crate) struct Target {
    /// `kube-apiserver` or `embedded`.
    pub(crate) name: String,
    /// `https://HOST:PORT`.
    pub(crate) url: String,
    /// The certificates to verify it with, PEM.
    pub(crate) ca_pem: String,
    /// The administrator's bearer token.
    pub(crate) admin_token: String,
    /// A kubeconfig of the administrator.
    pub(crate) kubeconfig: PathBuf,
    /// What must live as long as the target, ended in this order.
    held: Vec<Box<dyn Any + Send + Sync>>,
}

impl Target {
    /// Starts etcd and the real kube-apiserver.
    pub(crate) async fn real() -> Result<Self> {
        let etcd = Etcd::start().await?;
        let api = ApiServer::start(&etcd, "conformance").await?;
        Ok(Self {
            name: "kube-apiserver".to_owned(),
            url: api.url(),
            ca_pem: api.ca_pem().to_owned(),
            admin_token: api.admin_token().to_owned(),
            kubeconfig: api.kubeconfig_path().to_owned(),
            held: vec![Box::new(api), Box::new(etcd)],
        })
    }

    /// Starts the embedded server as a child process on an empty data directory. `cargo xtask
    /// conformance` builds its program.
    pub(crate) async fn embedded() -> Result<Self> {
        let directory = Directory::create("conformance-embedded")?;
        let kubeconfig = directory.join("kubeconfig");
        let mut command = process::command(Binary::path(EMBEDDED)?);
        command.arg("127.0.0.1:0").arg(&kubeconfig).arg(directory.join("data"));
        let process = Process::spawn("embedded server", command, directory.join("log"))?
            .with_grace(Duration::ZERO);
        let probe = async || {
            let target = Self::running("embedded", None, &kubeconfig)?;
            let request = http::Request::get("/readyz").body(Vec::new())?;
            target.client(&target.admin_token).await?.request_text(request).await?;
            Ok(target)
        };
        let mut target = process.ready(wait::LIMIT, probe).await.map_err(anyhow::Error::from)?;
        target
            .held
            .splice(0..0, [Box::new(process) as Box<dyn Any + Send + Sync>, Box::new(directory)]);
        Ok(target)
    }

    /// A server that runs already. `url` replaces the one in the kubeconfig, whose current context
    /// must have a CA and a bearer token of an administrator.
    pub(crate) fn running(name: &str, url: Option<&str>, file: &Path) -> Result<Self> {
        let config = Kubeconfig::read_from(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let context =
            config.current_context.clone().context("the kubeconfig has no current-context")?;
        let names = config
            .contexts
            .iter()
            .find(|named| named.name == context)
            .and_then(|named| named.context.as_ref());
        let names = names.with_context(|| format!("the kubeconfig has no context {context:?}"))?;
        let cluster = config.clusters.iter().find(|named| named.name == names.cluster);
        let cluster = cluster
            .and_then(|named| named.cluster.as_ref())
            .context("the context has no cluster")?;
        let user = config.auth_infos.iter().find(|named| Some(&named.name) == names.user.as_ref());
        let user =
            user.and_then(|named| named.auth_info.as_ref()).context("the context has no user")?;
        let url = url
            .map(str::to_owned)
            .or_else(|| cluster.server.clone())
            .context("the cluster has no server")?;
        let ca = cluster
            .certificate_authority_data
            .as_ref()
            .context("the cluster has no certificate-authority-data")?;
        let ca_pem = String::from_utf8(base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            ca,
        )?)?;
        Self::elsewhere(name, url, ca_pem, token(user)?)
    }

    fn elsewhere(name: &str, url: String, ca_pem: String, admin_token: String) -> Result<Self> {
        let directory = Directory::create("conformance")?;
        let text = kubeconfig::render(&url, &ca_pem, &admin_token, "conformance");
        let kubeconfig = directory.write("kubeconfig", text)?;
        let name = name.to_owned();
        Ok(Self { name, url, ca_pem, admin_token, kubeconfig, held: vec![Box::new(directory)] })
    }

    /// A client that sends no credentials of its own.
    pub(crate) async fn bare_client(&self) -> Result<Client> {
        let mut config = self.config(&self.admin_token).await?;
        config.auth_info = AuthInfo::default();
        // What a server answers first is what counts.
        config.default_retry = false;
        Ok(Client::try_from(config)?)
    }

    /// A client with this token.
    pub(crate) async fn client(&self, token: &str) -> Result<Client> {
        Ok(Client::try_from(self.config(token).await?)?)
    }

    async fn config(&self, token: &str) -> Result<Config> {
        let text = kubeconfig::render(&self.url, &self.ca_pem, token, "conformance");
        let options = KubeConfigOptions::default();
        Ok(Config::from_custom_kubeconfig(Kubeconfig::from_yaml(&text)?, &options).await?)
    }
}

fn token(user: &AuthInfo) -> Result<String> {
    // The secret's type comes from a crate of kube's own: its serialized form is the token.
    let user = serde_json::to_value(user)?;
    let token = user.get("token").and_then(|token| token.as_str());
    Ok(token.context("the user has no token")?.to_owned())
}
