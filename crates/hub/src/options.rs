//! The hub's command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use meshroot_cluster::telemetry::LogFormat;

/// The certificate authority of every virtual mesh: validates, asks for approval, records, signs, distributes.
///
/// Runs in the management cluster (`meshroot install` deploys it). Several may run; the holder of the Lease
/// works, the others take over.
#[derive(Clone, Debug, Parser)]
#[command(name = "meshroot-hub", version)]
pub struct Options {
    /// Namespace of the hub: its Lease, and the Secrets of builtin roots.
    #[arg(long, env = "MESHROOT_NAMESPACE", default_value = meshroot_api::names::SYSTEM_NAMESPACE)]
    pub namespace: String,
    /// Address for /healthz, /readyz and /metrics.
    #[arg(long, env = "MESHROOT_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Kubeconfig file; inside a cluster the ServiceAccount of the pod is used.
    #[arg(long, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long)]
    pub context: Option<String>,
    /// Format of the log on standard error.
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: Format,
    /// What is logged, such as `info` or `meshroot_hub=debug`.
    #[arg(long, env = "MESHROOT_LOG")]
    pub log_filter: Option<String>,
    /// Name of this process in the Lease; the pod's name where it is set.
    #[arg(long, env = "POD_NAME")]
    pub identity: Option<String>,
    /// Seconds without renewal after which another hub takes over.
    #[arg(long, value_parser = seconds, default_value = "15")]
    pub lease_duration: Duration,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Options {
    pub(crate) fn log_format(&self) -> LogFormat {
        match self.log_format {
            Format::Text => LogFormat::Text,
            Format::Json => LogFormat::Json,
        }
    }

    pub(crate) fn holder(&self) -> String {
        self.identity.clone().unwrap_or_else(|| format!("meshroot-hub-{}", std::process::id()))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 3..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds from 3 to 600".to_owned()),
    }
}
