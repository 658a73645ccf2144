//! Clients for a Kubernetes API.

use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderValue, Uri};
use kube::client::ClientBuilder;
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

mod call;
mod error;
mod foreign;
mod kubeconfig;
mod proxy;
mod token;
mod trust;

pub use error::ConnectError;
pub use foreign::connect_with_kubeconfig;
pub use kubeconfig::{Target, config_for};
pub use token::SharedToken;

use call::{CallLayer, LONGEST_ANSWER};
use token::TokenFile;

/// Makes a client for `target` that calls itself `user_agent` (`meshroot-hub/1.2.3`).
pub fn connect(target: &Target, user_agent: &str) -> Result<Client, ConnectError> {
    connect_with(config_for(target)?, user_agent)
}

/// Makes a client for a configuration that is at hand.
///
/// - HTTP/1.1, with as many connections as there are calls at a time: an open watch or a slow call holds up no other
///   (one HTTP/2 connection would, at the server's limit of streams).
/// - A call that is not answered within 60 s fails, so that a connection which died in silence holds nobody.
/// - No retries inside of the client: it would repeat writes, and hold a call for minutes.
///   [`classify`](crate::kube::write::classify) says what to do, and the caller's queue waits.
pub fn connect_with(mut config: Config, user_agent: &str) -> Result<Client, ConnectError> {
    // kube sends what is in the file as it is, and a line break at its end is none of the token.
    let layer = match config.auth_info.token_file.take() {
        Some(path) => CallLayer::with_token_file(TokenFile::new(path)),
        None => CallLayer::default(),
    };
    Ok(builder(config, user_agent)?.with_layer(&layer).build())
}

/// Makes a client for the API at `url` (`https://…`) that trusts only the CA certificates in `ca_pem` and sends the
/// token that `token` holds at each call.
pub fn connect_with_token(
    url: &str,
    ca_pem: &[u8],
    token: SharedToken,
    user_agent: &str,
) -> Result<Client, ConnectError> {
    let mut config = Config::new(server_url(url)?);
    config.root_cert = Some(ca_certificates(url, ca_pem)?);
    config.proxy_url = proxy::from_environment(&config.cluster_url)?;
    Ok(builder(config, user_agent)?.with_layer(&CallLayer::with_token(token)).build())
}

/// Makes aws-lc-rs the process's crypto provider. Harmless when repeated.
pub fn install_crypto_provider() {
    // Refused when one is installed already, by us or by the binary: the dependencies hold no other than this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn builder(
    mut config: Config,
    user_agent: &str,
) -> Result<ClientBuilder<call::Inner>, ConnectError> {
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
    let plugin = config.auth_info.exec.as_ref().and_then(|plugin| plugin.command.clone());
    ClientBuilder::try_from(config).map_err(|source| ConnectError::Client {
        url,
        plugin,
        source: Box::new(source),
    })
}

fn server_url(url: &str) -> Result<Uri, ConnectError> {
    let parsed = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    parsed
        .filter(|uri| matches!(uri.scheme_str(), Some("https")))
        .ok_or_else(|| ConnectError::Url { url: url.to_owned() })
}

fn ca_certificates(url: &str, pem: &[u8]) -> Result<Vec<Vec<u8>>, ConnectError> {
    let problem = |problem: String| ConnectError::CaBundle { url: url.to_owned(), problem };
    let certificates = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| problem(format!("is not PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(problem("holds no certificate".to_owned()));
    }
    Ok(certificates)
}

/// For name resolution, TCP and TLS together.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// A watch is resumed at least this often.
pub(super) const LONGEST_WATCH: Duration = Duration::from_mins(2);
/// For silence in the middle of an answer: a watch of objects that do not change says nothing until it ends (the first
/// bookmark of kube-apiserver 1.37 comes after two minutes, the others each minute). A connection that is dead without a
/// word is found so late.
const LONGEST_SILENCE: Duration = Duration::from_secs(135);

#[cfg(test)]
mod tests;
