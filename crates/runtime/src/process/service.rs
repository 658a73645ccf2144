//! What every long-running program does around its own work: it starts, leads, and stops.
//!
//! A program is three calls: [`Service::start`], [`Controllers::lead`] and [`Service::stop`]. What it follows, what it
//! works on and what it says of it are its own; `tests/service` is a whole one.

use std::net::SocketAddr;

use kube::Client;
use tokio::task::{JoinError, JoinHandle};

mod controllers;
mod election;

pub use controllers::{ControllerError, Controllers};
pub use election::Election;

use crate::kube::connect::{ConnectError, connect, install_crypto_provider};
use crate::process::options::ProcessOptions;
use crate::process::shutdown::Shutdown;
use crate::process::telemetry::{self, LoggingError, Telemetry};

/// A program that has started: it logs, obeys signals, serves health and metrics, and has a client.
pub struct Service {
    /// For the cluster that the program works in. Nothing has been sent yet.
    pub client: Client,
    /// Where health and metrics are served.
    pub address: SocketAddr,
    /// Health and metrics.
    pub telemetry: Telemetry,
    /// Triggered by SIGTERM and SIGINT.
    pub shutdown: Shutdown,
    endpoint: JoinHandle<()>,
}

/// A program could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log cannot be written as asked.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The operating system refused a signal handler.
    #[error(transparent)]
    Signals(std::io::Error),
    /// The address for health and metrics is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why it cannot be listened on.
        source: std::io::Error,
    },
    /// No client for the cluster could be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl Service {
    /// Starts `component` (`meshroot-hub`) in `version`, as the command line asks.
    pub async fn start(
        component: &str,
        version: &str,
        options: &ProcessOptions,
    ) -> Result<Self, StartError> {
        install_crypto_provider();
        telemetry::init(options.log_format.into(), options.log_filter.as_deref())?;
        let shutdown = Shutdown::on_signals().map_err(StartError::Signals)?;
        let telemetry = Telemetry::new(component, version);
        let listening = telemetry.serve(options.listen, shutdown.clone()).await;
        let (address, endpoint) =
            listening.map_err(|source| StartError::Listen { address: options.listen, source })?;
        let client = connect(&options.target(), component)?;
        Ok(Self { client, address, telemetry, shutdown, endpoint })
    }

    /// Returns once nothing listens any more: after the shutdown.
    ///
    /// # Errors
    /// The endpoint panicked.
    pub async fn stop(self) -> Result<(), JoinError> {
        self.endpoint.await
    }
}
