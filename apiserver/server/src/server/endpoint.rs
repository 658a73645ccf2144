//! Where a server listens.

use std::net::SocketAddr;

use apiserver_access::{self as access, Credential, Kubeconfig};

/// An address with what a client needs to trust it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The address, with the port that the system chose where 0 was asked for.
    pub address: SocketAddr,
    host: String,
    ca_pem: String,
}

impl Endpoint {
    /// `host` is what clients call the server, where it was given a name.
    pub(super) fn new(address: SocketAddr, host: Option<&str>, ca_pem: String) -> Self {
        let port = address.port();
        let host = match (address.ip().is_unspecified(), host) {
            (false, _) => address.to_string(),
            (true, Some(host)) if host.contains(':') => format!("[{host}]:{port}"),
            (true, host) => format!("{}:{port}", host.unwrap_or("127.0.0.1")),
        };
        Self { address, host, ca_pem }
    }

    /// `https://HOST:PORT` as clients reach it: the address, but where that is every address of the machine
    /// (`0.0.0.0`) the first of [`Options::hosts`](crate::Options::hosts), or this machine. The certificate names it.
    pub fn url(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The certificate to verify the server with, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The text of a kubeconfig file for a bearer token.
    pub fn kubeconfig(&self, context: &str, user: &str, token: &str) -> String {
        access::kubeconfig(&Kubeconfig {
            name: context,
            server: &self.url(),
            ca_pem: &self.ca_pem,
            user,
            namespace: None,
            credential: Credential::Token(token),
        })
    }
}
