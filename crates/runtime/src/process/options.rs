//! The command line that every long-running program of this project has.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::kube::connect::Target;
use crate::kube::lease::LeaseSettings;
use crate::process::telemetry::LogFormat;

/// The command line that hub and agent share.
#[derive(Clone, Debug, Args)]
pub struct ProcessOptions {
    /// Address for /healthz, /readyz and /metrics.
    #[arg(long, env = "MESHROOT_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Kubeconfig file, instead of KUBECONFIG or ~/.kube/config; where there is none, the ServiceAccount of the pod is
    /// used.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long)]
    pub context: Option<String>,
    /// Seconds, about, after which everything is looked at again, whatever was heard of it.
    #[arg(long, value_name = "SECONDS", value_parser = resync_seconds, default_value = "600")]
    pub resync_period: Duration,
    /// Format of the log on standard error.
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: Format,
    /// What is logged, such as `info` or `meshroot_hub=debug`.
    #[arg(long, env = "MESHROOT_LOG")]
    pub log_filter: Option<String>,
    /// Name of this process in its Lease; the pod's name where it is set.
    #[arg(long, env = "POD_NAME")]
    pub identity: Option<String>,
}

/// Format of the log.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

impl ProcessOptions {
    /// For one that works within another program, which has its own logging and endpoint: nothing listens by these.
    #[must_use]
    pub fn within(identity: &str) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            kubeconfig: None,
            context: None,
            resync_period: RESYNC_PERIOD,
            log_format: Format::Text,
            log_filter: None,
            identity: Some(identity.to_owned()),
        }
    }

    /// The cluster that the program works in.
    #[must_use]
    pub fn target(&self) -> Target {
        Target { kubeconfig: self.kubeconfig.clone(), context: self.context.clone() }
    }

    /// Who this process is: its identity, else `component` and its process id.
    #[must_use]
    pub fn holder(&self, component: &str) -> String {
        self.identity.clone().unwrap_or_else(|| format!("{component}-{}", std::process::id()))
    }

    /// The Lease `name`, held by this process for `duration` and renewed three times as often.
    #[must_use]
    pub fn lease(&self, namespace: &str, name: &str, duration: Duration) -> LeaseSettings {
        let mut settings = LeaseSettings::new(namespace, name, self.holder(name));
        settings.duration = duration;
        settings.retry = duration / 3;
        settings
    }
}

/// Reads the duration of a Lease: whole seconds from 3 to 600.
///
/// # Errors
/// The text is anything else.
pub fn lease_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 3..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds from 3 to 600".to_owned()),
    }
}

/// Reads how long after one look at everything the next one follows: whole seconds from 1 to 86400.
///
/// # Errors
/// The text is anything else.
pub fn resync_seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u64>() {
        Ok(seconds @ 1..=86400) => Ok(Duration::from_secs(seconds)),
        _ => Err("give whole seconds from 1 to 86400".to_owned()),
    }
}

/// What `--resync-period` is where nobody says.
pub const RESYNC_PERIOD: Duration = Duration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_looked_at_again_within_a_day() {
        assert_eq!(resync_seconds("1"), Ok(Duration::from_secs(1)));
        assert_eq!(resync_seconds("86400"), Ok(Duration::from_hours(24)));
        for refused in ["0", "86401", "1.5", "-1", "10m", ""] {
            assert!(resync_seconds(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_lease_lasts_whole_seconds_within_bounds() {
        assert_eq!(lease_seconds("3"), Ok(Duration::from_secs(3)));
        assert_eq!(lease_seconds("600"), Ok(Duration::from_mins(10)));
        for refused in ["2", "601", "1.5", "-1", "15s", ""] {
            assert!(lease_seconds(refused).is_err(), "{refused}");
        }
    }
}
