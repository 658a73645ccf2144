//! What one context of a kubeconfig says: server, trust and credentials.

use std::collections::HashMap;
use std::path::{MAIN_SEPARATOR, Path};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Uri};
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecConfig};

use super::entry::Entry;
use super::file::Kubeconfig;
use crate::kube::connect::error::ConnectError;
use crate::kube::connect::{proxy, trust};

const CA: &str = "certificate-authority";
const CERTIFICATE: &str = "client-certificate";
const KEY: &str = "client-key";
const NO_KEY: &str = "holds no private key in PEM; decrypt an encrypted one first (openssl pkey -in FILE -out key.pem)";

impl Kubeconfig {
    /// What a client for the context `asked` (`None`: the current one) needs.
    pub(in crate::kube::connect) fn config(
        &self,
        asked: Option<&str>,
    ) -> Result<Config, ConnectError> {
        let context = self.context(asked)?;
        let cluster = self.cluster_of(context)?;
        let user = context.text("user")?;
        // client-go asks without credentials where there is no such user: there are servers that want none.
        let user = self.users.iter().find(|known| Some(&known.name) == user.as_ref());
        let mut config = Config::new(server(cluster, user)?);
        config.default_namespace =
            context.text("namespace")?.unwrap_or_else(|| "default".to_owned());
        config.tls_server_name = cluster.text("tls-server-name")?;
        config.disable_compression = cluster.flag("disable-compression")?;
        config.accept_invalid_certs = cluster.flag("insecure-skip-tls-verify")?;
        config.root_cert = authorities(cluster)?;
        if config.accept_invalid_certs && config.root_cert.is_some() {
            let problem = "cannot stand beside certificate-authority: remove one of them";
            return Err(cluster.refused("insecure-skip-tls-verify", problem));
        }
        config.proxy_url = match own_proxy(cluster)? {
            None => proxy::from_environment(&config.cluster_url)?,
            own => own,
        };
        config.auth_info =
            user.map(|user| credentials(user, cluster)).transpose()?.unwrap_or_default();
        Ok(config)
    }

    fn context(&self, asked: Option<&str>) -> Result<&Entry, ConnectError> {
        let file = self.title.clone();
        let Some(context) = asked.or(self.current_context.as_deref()) else {
            return Err(ConnectError::ContextUnset { file, contexts: names(&self.contexts) });
        };
        self.contexts.iter().find(|known| known.name == context).ok_or_else(|| {
            let (context, contexts) = (context.to_owned(), names(&self.contexts));
            ConnectError::ContextUnknown { file, context, contexts }
        })
    }

    fn cluster_of(&self, context: &Entry) -> Result<&Entry, ConnectError> {
        let Some(name) = context.text("cluster")? else {
            return Err(context.refused("cluster", "is not set"));
        };
        self.clusters.iter().find(|known| known.name == name).ok_or_else(|| {
            let known = names(&self.clusters).join(", ");
            let known = if known.is_empty() { "none" } else { &known };
            context.refused(
                "cluster",
                format!("is {name:?}, and there is no such cluster; there is: {known}"),
            )
        })
    }
}

fn names(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| entry.name.clone()).collect()
}

/// As client-go does, without a scheme `https` is meant where anything is said of TLS.
fn server(cluster: &Entry, user: Option<&Entry>) -> Result<Uri, ConnectError> {
    let Some(server) = cluster.text("server")? else {
        return Err(cluster.refused("server", "is not set; https://HOST:PORT is expected"));
    };
    let server = server.trim();
    let speaks_tls = [CA, "certificate-authority-data", "insecure-skip-tls-verify"]
        .iter()
        .any(|field| cluster.has(field))
        || [CERTIFICATE, "client-certificate-data"]
            .iter()
            .any(|field| user.is_some_and(|user| user.has(field)));
    let url = match (server.contains("://"), speaks_tls) {
        (true, _) => server.to_owned(),
        (false, true) => format!("https://{server}"),
        (false, false) => format!("http://{server}"),
    };
    let parsed =
        url.parse::<Uri>().ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    parsed.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https"))).ok_or_else(|| {
        cluster.refused("server", "is not the URL of an API server; https://HOST:PORT is expected")
    })
}

fn authorities(cluster: &Entry) -> Result<Option<Vec<Vec<u8>>>, ConnectError> {
    let Some(pem) = cluster.data(CA)? else { return Ok(None) };
    let anchors = trust::anchors(&pem);
    if anchors.is_empty() {
        return Err(cluster.refused_data(CA, "holds no certificate in PEM"));
    }
    Ok(Some(anchors))
}

/// The proxy that the cluster itself names: it is used whatever `NO_PROXY` says.
fn own_proxy(cluster: &Entry) -> Result<Option<Uri>, ConnectError> {
    let Some(url) = cluster.text("proxy-url")? else { return Ok(None) };
    let parsed = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    match parsed.as_ref().and_then(Uri::scheme_str) {
        Some("http") => Ok(parsed),
        Some(scheme @ ("https" | "socks5")) => {
            let problem = format!("has the scheme {scheme:?}, which is not supported; http is");
            Err(cluster.refused("proxy-url", problem))
        }
        _ => Err(cluster.refused("proxy-url", "is not a URL such as http://HOST:PORT")),
    }
}

/// Who is asked to be. A token comes before a plugin, and so does a certificate.
fn credentials(user: &Entry, cluster: &Entry) -> Result<AuthInfo, ConnectError> {
    let mut credentials = AuthInfo {
        username: user.text("username")?,
        password: user.text("password")?.map(Into::into),
        impersonate: user.text("as")?,
        impersonate_uid: user.text("as-uid")?,
        impersonate_groups: user.object("as-groups")?,
        impersonate_user_extra: user.object::<HashMap<_, _>>("as-user-extra")?,
        auth_provider: user.object("auth-provider")?,
        ..AuthInfo::default()
    };
    let token = token(user, &mut credentials)?;
    let certificate = certificate(user, &mut credentials)?;
    if token && (credentials.username.is_some() || credentials.password.is_some()) {
        return Err(user.refused("username", "stands beside a token; remove one of them"));
    }
    if !token && !certificate && credentials.username.is_none() {
        credentials.exec = plugin(user, cluster)?;
    }
    Ok(credentials)
}

/// A file of a token wins, for it is renewed; where it cannot be read the token itself counts.
fn token(user: &Entry, credentials: &mut AuthInfo) -> Result<bool, ConnectError> {
    let token = user.text("token")?;
    if let Some(path) = user.path("tokenFile")? {
        match read_token(&path) {
            Ok(_) => {
                credentials.token_file = Some(path.display().to_string());
                return Ok(true);
            }
            Err(problem) if token.is_none() => return Err(user.refused("tokenFile", problem)),
            Err(_) => {}
        }
    }
    let Some(token) = token else { return Ok(false) };
    let token = token.trim();
    if token.is_empty() || HeaderValue::try_from(token).is_err() {
        return Err(user.refused("token", "cannot be sent: it is blank or has line breaks inside"));
    }
    credentials.token = Some(token.to_owned().into());
    Ok(true)
}

fn read_token(path: &Path) -> Result<String, String> {
    let problem = |problem: &str| format!("names {}, which {problem}", path.display());
    let token = std::fs::read_to_string(path)
        .map_err(|error| problem(&format!("cannot be read: {error}")))?;
    match HeaderValue::try_from(token.trim()) {
        Ok(header) if !header.is_empty() => Ok(token),
        _ => Err(problem("does not hold a token: it is empty or has line breaks inside")),
    }
}

fn certificate(user: &Entry, credentials: &mut AuthInfo) -> Result<bool, ConnectError> {
    match (user.data(CERTIFICATE)?, user.data(KEY)?) {
        (None, None) => Ok(false),
        (Some(_), None) => Err(user.refused(KEY, "is not set beside client-certificate")),
        (None, Some(_)) => Err(user.refused(CERTIFICATE, "is not set beside client-key")),
        (Some(certificate), Some(key)) => {
            if trust::certificates(&certificate).is_empty() {
                return Err(user.refused_data(CERTIFICATE, "holds no certificate in PEM"));
            }
            if !trust::holds_key(&key) {
                return Err(user.refused_data(KEY, NO_KEY));
            }
            credentials.client_certificate_data = Some(STANDARD.encode(certificate));
            credentials.client_key_data = Some(STANDARD.encode(key).into());
            Ok(true)
        }
    }
}

fn plugin(user: &Entry, cluster: &Entry) -> Result<Option<ExecConfig>, ConnectError> {
    let Some(mut plugin) = user.object::<ExecConfig>("exec")? else { return Ok(None) };
    let Some(command) = plugin.command.take().filter(|command| !command.is_empty()) else {
        return Err(user.refused("exec.command", "is not set"));
    };
    // A bare name is looked for in PATH.
    plugin.command = Some(if command.contains(MAIN_SEPARATOR) {
        user.beside(&command).display().to_string()
    } else {
        command
    });
    if plugin.provide_cluster_info {
        let mut told: Cluster = cluster.whole()?;
        told.certificate_authority_data = cluster.data(CA)?.map(|pem| STANDARD.encode(pem));
        let told = (&told).try_into().map_err(|_| cluster.refused(CA, "cannot be read"))?;
        plugin.cluster = Some(told);
    }
    Ok(Some(plugin))
}
