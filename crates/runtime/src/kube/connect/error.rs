//! Why no client could be made.

use kube::client::AuthError;

/// No client could be made. Nothing has been sent yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read.
    #[error("kubeconfig {file} cannot be read: {source}")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The kubeconfig is not one.
    #[error("kubeconfig {file} {problem}")]
    Unreadable {
        /// Where it was read from.
        file: String,
        /// What is wrong; never content.
        problem: String,
    },
    /// A field of the kubeconfig cannot be used.
    #[error("kubeconfig {file}: {field} {problem}")]
    Field {
        /// Where it was read from.
        file: String,
        /// The field, such as `users[admin].tokenFile`.
        field: String,
        /// What is wrong; never a secret.
        problem: String,
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
    #[error("context {context:?} was asked for, but there is no kubeconfig: {looked}")]
    ContextWithoutKubeconfig {
        /// The context that was asked for.
        context: String,
        /// Where a kubeconfig was looked for.
        looked: String,
    },
    /// There is no kubeconfig, and this process does not run in a cluster.
    #[error("there is no kubeconfig ({looked}), and this process does not run in a pod: {source}")]
    InCluster {
        /// Where a kubeconfig was looked for.
        looked: String,
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
    #[error("cannot set up a client for {url}: {}", set_up(.plugin.as_deref(), .source))]
    Client {
        /// The server.
        url: String,
        /// The command of the kubeconfig that gives credentials, if there is one.
        plugin: Option<String>,
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
}

fn listed(contexts: &[String]) -> String {
    if contexts.is_empty() { "none".to_owned() } else { contexts.join(", ") }
}

/// What a plugin wrote to standard output, and its arguments, may be credentials.
fn set_up(plugin: Option<&str>, error: &kube::Error) -> String {
    let plugin = plugin.unwrap_or_default();
    match error {
        kube::Error::Auth(AuthError::AuthExecStart(error)) => {
            format!("the credential plugin {plugin} (users[].exec) does not start: {error}")
        }
        kube::Error::Auth(AuthError::AuthExecRun { out, .. }) => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.trim().lines().last().unwrap_or_default();
            format!(
                "the credential plugin {plugin} (users[].exec) failed with {}: {said}",
                out.status
            )
        }
        kube::Error::Auth(AuthError::AuthExecParse(_)) => {
            format!("the credential plugin {plugin} (users[].exec) did not write an ExecCredential")
        }
        other => other.to_string(),
    }
}
