//! The agent's command line.

use std::time::Duration;

use clap::Parser;
use meshroot_runtime::process::options::{ProcessOptions, lease_seconds};

/// Makes keys and certificate requests for the meshes of one cluster, installs what the hub issues, and reports
/// what each mesh has loaded.
///
/// Runs in the workload cluster (`meshroot cluster join` deploys it) and reads the hub's address and its token
/// from the Secret meshroot-hub-credentials.
#[derive(Clone, Debug, Parser)]
#[command(name = "meshroot-agent", version)]
pub struct Options {
    /// Name of this cluster on the hub; must be the one in the credentials.
    #[arg(long, env = "MESHROOT_CLUSTER")]
    pub cluster: Option<String>,
    /// Namespace of the agent in its cluster: the credentials, and the private keys.
    #[arg(long, env = "MESHROOT_NAMESPACE", default_value = meshroot_api::names::AGENT_NAMESPACE)]
    pub namespace: String,
    /// Where a mesh's CA service and metrics are reached from here, where that is not
    /// `istiod.<namespace>.svc`: MESH=HOST:PORT or MESH=HOST:PORT,METRICS_HOST:PORT. May be repeated.
    #[arg(long = "istiod", value_name = "MESH=ADDRESS")]
    pub istiod: Vec<IstiodAddress>,
    /// A control plane's Deployment that may be restarted where the TrustPolicy says so; the agent's Role must allow it,
    /// as `meshroot cluster join --restart` does. May be repeated.
    #[arg(long, value_name = "DEPLOYMENT")]
    pub restart: Vec<String>,
    /// Seconds without renewal after which another agent of this cluster takes over; a third of it is the heartbeat.
    #[arg(long, value_parser = lease_seconds, default_value = "60")]
    pub lease_duration: Duration,
    /// What hub and agent share.
    #[command(flatten)]
    pub process: ProcessOptions,
}

/// Where one mesh's control plane is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IstiodAddress {
    /// Name of the Mesh.
    pub mesh: String,
    /// Host and port of the CA service.
    pub authority: String,
    /// Host and port of the metrics.
    pub metrics: Option<String>,
}

impl std::str::FromStr for IstiodAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mesh, addresses) = text.split_once('=').ok_or("give MESH=HOST:PORT")?;
        let (authority, metrics) = match addresses.split_once(',') {
            Some((authority, metrics)) => (authority, Some(metrics.to_owned())),
            None => (addresses, None),
        };
        let whole = |address: &str| {
            address
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        if mesh.is_empty()
            || !whole(authority)
            || metrics.as_deref().is_some_and(|address| !whole(address))
        {
            return Err(format!("{text:?} is not MESH=HOST:PORT[,METRICS_HOST:PORT]"));
        }
        Ok(Self { mesh: mesh.to_owned(), authority: authority.to_owned(), metrics })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_mesh_and_may_name_the_metrics() {
        let both: IstiodAddress =
            "istio-istio-system-east=127.0.0.1:15012,127.0.0.1:15014".parse().unwrap();
        assert_eq!(both.mesh, "istio-istio-system-east");
        assert_eq!(both.metrics.as_deref(), Some("127.0.0.1:15014"));
        assert_eq!("m=h:1".parse::<IstiodAddress>().unwrap().metrics, None);
    }

    #[test]
    fn an_address_without_mesh_host_or_port_is_refused() {
        for text in ["h:1", "=h:1", "m=h", "m=:1", "m=h:x", "m=h:1,h"] {
            assert!(text.parse::<IstiodAddress>().is_err(), "{text}");
        }
    }
}
