//! Clients for a Kubernetes API.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

mod answer;
mod foreign;
mod proxy;
mod token;

pub use foreign::connect_with_kubeconfig;
pub use token::{SharedToken, connect_with_token};

use answer::AnswerWithin;

/// Which API to talk to.
///
/// With neither field set: the kubeconfig of `KUBECONFIG` or `~/.kube/config` where there is one, else the cluster
/// that this process runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// A kubeconfig file, instead of the usual ones.
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig, instead of its current one.
    pub context: Option<String>,
}

/// No client could be made. Nothing has been sent yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read or makes no sense.
    #[error("kubeconfig {file}: {source}")]
    Kubeconfig {
        /// Where it was read from.
        file: String,
        /// What is wrong.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// The kubeconfig has no such context.
    #[error("kubeconfig {file} has no context {context:?}; it has: {}", listed(.contexts))]
    ContextUnknown {
        /// Where it was read from.
        file: String,
        /// The context that was asked for, or that the file names as its current one.
        context: String,
        /// The contexts that it has.
        contexts: Vec<String>,
    },
    /// The kubeconfig names no current context and none was asked for.
    #[error("kubeconfig {file} has no current context, name one; it has: {}", listed(.contexts))]
    ContextUnset {
        /// Where it was read from.
        file: String,
        /// The contexts that it has.
        contexts: Vec<String>,
    },
    /// A context was asked for, but there is no kubeconfig to find it in.
    #[error(
        "context {context:?} was asked for, but neither KUBECONFIG nor ~/.kube/config names a kubeconfig"
    )]
    ContextWithoutKubeconfig {
        /// The context that was asked for.
        context: String,
    },
    /// There is no kubeconfig, and this process does not run in a cluster.
    #[error("no kubeconfig (KUBECONFIG, ~/.kube/config) and not in a cluster: {source}")]
    InCluster {
        /// What is missing.
        #[source]
        source: Box<kube::config::InClusterError>,
    },
    /// A kubeconfig from elsewhere reaches for this machine: a command to run, a file to read.
    #[error(
        "kubeconfig {file}: {field} is not accepted in a kubeconfig from elsewhere, put the data into it"
    )]
    ReachesOut {
        /// Where it came from.
        file: String,
        /// The field that was refused.
        field: String,
    },
    /// The proxy of the environment is not an address.
    #[error("the proxy {value:?} in {variable} is not a URL")]
    Proxy {
        /// The environment variable.
        variable: &'static str,
        /// Its value, without credentials.
        value: String,
    },
    /// The address is not that of an API server.
    #[error("{url:?} is not the URL of an API server, https://host:port is expected")]
    Url {
        /// The address that was given.
        url: String,
    },
    /// No CA certificate to verify the server with.
    #[error("the CA bundle for {url} {problem}")]
    CaBundle {
        /// The server.
        url: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The product name cannot stand in an HTTP header.
    #[error("the user agent {user_agent:?} cannot stand in an HTTP header")]
    UserAgent {
        /// As it was given.
        user_agent: String,
    },
    /// TLS or credentials could not be set up.
    #[error("cannot set up a client for {url}: {source}")]
    Client {
        /// The server.
        url: String,
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
}

/// Makes a client for `target` that calls itself `user_agent` (`meshroot-hub/1.2.3`).
pub async fn connect(target: &Target, user_agent: &str) -> Result<Client, ConnectError> {
    let config = config_for(target).await?;
    connect_with(config, user_agent)
}

/// Makes a client for a configuration that is at hand.
///
/// - HTTP/1.1, with as many connections as there are calls at a time: an open watch or a slow call holds up no other
///   (one HTTP/2 connection would, at the server's limit of streams).
/// - A call that is not answered within 60 s fails, so that a connection which died in silence holds nobody.
/// - No retries inside of the client: it would repeat writes, and hold a call for minutes.
///   [`classify`](crate::kube::write::classify) says what to do, and the caller's queue waits.
pub fn connect_with(config: Config, user_agent: &str) -> Result<Client, ConnectError> {
    let builder = builder(config, user_agent)?;
    Ok(builder.with_layer(&AnswerWithin(LONGEST_ANSWER)).build())
}

/// Makes aws-lc-rs the process's crypto provider. Harmless when repeated.
pub fn install_crypto_provider() {
    // Refused when one is installed already, by us or by the binary: the dependencies hold no other than this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn builder(
    mut config: Config,
    user_agent: &str,
) -> Result<ClientBuilder<answer::Inner>, ConnectError> {
    install_crypto_provider();
    let agent = HeaderValue::from_str(user_agent)
        .map_err(|_| ConnectError::UserAgent { user_agent: user_agent.to_owned() })?;
    config.headers.retain(|(name, _)| name != USER_AGENT);
    config.headers.push((USER_AGENT, agent));
    config.connect_timeout = Some(LONGEST_CONNECT);
    config.read_timeout = Some(LONGEST_SILENCE);
    config.write_timeout = Some(LONGEST_ANSWER);
    // Counted from when a call is sent, not from when its connection fell idle.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let url = config.cluster_url.to_string();
    ClientBuilder::try_from(config)
        .map_err(|source| ConnectError::Client { url, source: Box::new(source) })
}

async fn config_for(target: &Target) -> Result<Config, ConnectError> {
    match find_kubeconfig(target)? {
        Some((file, kubeconfig)) => {
            from_kubeconfig(&file, kubeconfig, target.context.as_deref()).await
        }
        None => match &target.context {
            Some(context) => {
                Err(ConnectError::ContextWithoutKubeconfig { context: context.clone() })
            }
            None => Config::incluster()
                .map_err(|source| ConnectError::InCluster { source: Box::new(source) }),
        },
    }
}

/// The kubeconfig that `target` means, and the name of its file for messages.
fn find_kubeconfig(target: &Target) -> Result<Option<(String, Kubeconfig)>, ConnectError> {
    if let Some(path) = &target.kubeconfig {
        return read_file(path).map(Some);
    }
    let variable = std::env::var_os("KUBECONFIG").map(|paths| paths.to_string_lossy().into_owned());
    if let Some(paths) = variable.filter(|paths| !paths.trim_matches(':').is_empty()) {
        let file = format!("{paths} (KUBECONFIG)");
        let read = Kubeconfig::from_env().map_err(|source| kubeconfig_error(&file, source))?;
        return Ok(read.map(|kubeconfig| (file, kubeconfig)));
    }
    let usual = std::env::home_dir().map(|home| home.join(".kube").join("config"));
    usual.filter(|path| path.exists()).map(|path| read_file(&path)).transpose()
}

fn read_file(path: &Path) -> Result<(String, Kubeconfig), ConnectError> {
    let file = path.display().to_string();
    let kubeconfig =
        Kubeconfig::read_from(path).map_err(|source| kubeconfig_error(&file, source))?;
    Ok((file, kubeconfig))
}

async fn from_kubeconfig(
    file: &str,
    kubeconfig: Kubeconfig,
    asked: Option<&str>,
) -> Result<Config, ConnectError> {
    let context = choose_context(file, &kubeconfig, asked)?;
    let own_proxy = proxy::of_context(&kubeconfig, &context);
    let options = KubeConfigOptions { context: Some(context), ..Default::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|source| kubeconfig_error(file, source))?;
    if own_proxy.is_none() {
        config.proxy_url = proxy::from_environment(&config.cluster_url)?;
    }
    Ok(config)
}

fn choose_context(
    file: &str,
    kubeconfig: &Kubeconfig,
    asked: Option<&str>,
) -> Result<String, ConnectError> {
    let contexts =
        || kubeconfig.contexts.iter().map(|named| named.name.clone()).collect::<Vec<_>>();
    let current = || kubeconfig.current_context.as_deref().filter(|context| !context.is_empty());
    let file = file.to_owned();
    let Some(context) = asked.or_else(current) else {
        return Err(ConnectError::ContextUnset { file, contexts: contexts() });
    };
    if !kubeconfig.contexts.iter().any(|named| named.name == context) {
        return Err(ConnectError::ContextUnknown {
            file,
            context: context.to_owned(),
            contexts: contexts(),
        });
    }
    Ok(context.to_owned())
}

fn kubeconfig_error(file: &str, source: KubeconfigError) -> ConnectError {
    ConnectError::Kubeconfig { file: file.to_owned(), source: Box::new(source) }
}

fn listed(contexts: &[String]) -> String {
    if contexts.is_empty() { "none".to_owned() } else { contexts.join(", ") }
}

fn server_url(url: &str) -> Result<Uri, ConnectError> {
    let parsed = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    parsed
        .filter(|uri| matches!(uri.scheme_str(), Some("https")))
        .ok_or_else(|| ConnectError::Url { url: url.to_owned() })
}

/// For name resolution, TCP and TLS together.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// For the head of an answer; kube-apiserver ends calls (not watches) after 60 s itself (`--request-timeout`).
const LONGEST_ANSWER: Duration = Duration::from_mins(1);
/// For silence in the middle of an answer: a watch without bookmarks may say nothing until it ends, after 290 s.
const LONGEST_SILENCE: Duration = Duration::from_secs(320);

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
