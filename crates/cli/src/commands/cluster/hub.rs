//! The hub, as agents of other clusters see it.

use std::path::PathBuf;

use kube::Config;
use meshroot_pki::{Certificate, to_bundle};
use meshroot_runtime::kube::connect::ConnectError;

use crate::commands::verify::read_bundle;
use crate::failure::Failure;

/// Where the hub is and how its server is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) server: String,
    pub(super) ca_pem: String,
}

/// Reads address and CA from what a kubeconfig says of the hub; `server` and `ca` win over it.
pub(super) fn address(
    config: &Config,
    server: Option<&str>,
    ca: Option<&PathBuf>,
) -> Result<Address, Failure> {
    let server = match server {
        Some(server) => server.to_owned(),
        None => config.cluster_url.to_string(),
    };
    check_server(&server)?;
    let ca_pem = match ca {
        Some(file) => to_bundle(&read_bundle(file)?),
        None => ca_of_config(config)?,
    };
    Ok(Address { server: server.trim_end_matches('/').to_owned(), ca_pem })
}

/// Whether an agent elsewhere cannot mean the same machine by this address.
pub(super) fn is_loopback(server: &str) -> bool {
    let rest = server.strip_prefix("https://").unwrap_or(server);
    ["localhost", "127.", "[::1]", "0.0.0.0"].iter().any(|local| rest.starts_with(local))
}

/// The hub's side of a failure to connect.
pub(super) fn unreachable(error: &ConnectError) -> Failure {
    Failure::unreachable(format!("the hub: {error}"))
        .fix("check --hub-kubeconfig and --hub-context")
        .caused_by(error)
}

fn check_server(server: &str) -> Result<(), Failure> {
    let host = server
        .strip_prefix("https://")
        .map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if host.is_some_and(|host| !host.is_empty() && !host.contains('@')) {
        return Ok(());
    }
    // It may hold a password: not repeated.
    Err(Failure::usage("the address of the hub is not of the form https://HOST:PORT")
        .fix("give --hub-server https://HOST:PORT, as the agent reaches it"))
}

fn ca_of_config(config: &Config) -> Result<String, Failure> {
    let fix = "give --hub-ca FILE with the certificates that the hub's server is verified with";
    let Some(certificates) = config.root_cert.as_ref().filter(|all| !all.is_empty()) else {
        return Err(Failure::no(
            "the hub's kubeconfig names no CA (certificate-authority-data); the agent trusts no server without one",
        )
        .fix(fix));
    };
    let read: Result<Vec<_>, _> =
        certificates.iter().map(|der| Certificate::from_der(der)).collect();
    let read = read.map_err(|error| {
        Failure::no(format!("the CA in the hub's kubeconfig: {error}")).fix(fix)
    })?;
    Ok(to_bundle(&read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_with_a_host_is_an_address() {
        for good in
            ["https://hub.example.com:6443", "https://10.0.0.1/", "https://hub/k8s/clusters/c1"]
        {
            check_server(good).unwrap();
        }
        for wrong in
            ["", "hub:6443", "http://hub", "https://", "https:///x", "https://user:secret@hub"]
        {
            assert!(check_server(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_of_this_machine_is_no_address_for_others() {
        assert!(is_loopback("https://127.0.0.1:6443"));
        assert!(is_loopback("https://localhost:6443"));
        assert!(!is_loopback("https://10.0.0.1:6443"));
    }
}
