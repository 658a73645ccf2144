//! The hub's command line.

use std::time::Duration;

use clap::Parser;
use meshroot_runtime::process::options::{ProcessOptions, lease_seconds};

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
    /// Seconds without renewal after which another hub takes over.
    #[arg(long, value_parser = lease_seconds, default_value = "15")]
    pub lease_duration: Duration,
    /// What hub and agent share.
    #[command(flatten)]
    pub process: ProcessOptions,
}
