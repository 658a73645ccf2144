//! What the outside sees of the process: log lines, metrics, health.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meshroot_api::metrics::{self, label};
use prometheus_client::collector::Collector;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};
use tokio::task::JoinHandle;

mod endpoint;
mod health;
mod logging;
mod process;

pub use health::{Heartbeat, ReadyFlag};
pub use logging::{AUDIT_TARGET, LogFormat, LoggingError, init};

use crate::process::shutdown::Shutdown;
use health::Checks;

/// Metrics and health of one process. Clones share them.
#[derive(Clone)]
pub struct Telemetry {
    registry: Arc<Mutex<Registry>>,
    checks: Arc<Checks>,
}

impl Telemetry {
    /// Metrics and health of `component` (`meshroot-hub`) in `version`: `meshroot_build_info` and the process's own
    /// CPU time and memory are registered, nothing stands in the way of readiness yet.
    #[must_use]
    pub fn new(component: &str, version: &str) -> Self {
        let mut registry = Registry::default();
        let labels =
            vec![(label::COMPONENT, component.to_owned()), (label::VERSION, version.to_owned())];
        registry.register(metrics::BUILD.name, metrics::BUILD.help, Info::new(labels));
        registry.register_collector(Box::new(process::ProcessCollector));
        Self { registry: Arc::new(Mutex::new(registry)), checks: Arc::default() }
    }

    /// Shows `metric` as `definition` says.
    pub fn register(&self, definition: &metrics::Metric, metric: impl Metric) {
        self.registry().register(definition.name, definition.help, metric);
    }

    /// Shows what `collector` says at each scrape.
    pub fn collect(&self, collector: impl Collector) {
        self.registry().register_collector(Box::new(collector));
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A named condition for readiness, not met until it is set.
    #[must_use]
    pub fn readiness(&self, name: &str) -> ReadyFlag {
        self.checks.readiness(name)
    }

    /// A named part of the process that must show a sign of life at least every `limit`; without one the process
    /// counts as dead and Kubernetes restarts it.
    #[must_use]
    pub fn heartbeat(&self, name: &str, limit: Duration) -> Heartbeat {
        self.checks.heartbeat(name, limit)
    }

    /// Whether every condition for readiness is met.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.checks.ready().passed
    }

    /// Serves `/healthz`, `/readyz` and `/metrics` (OpenMetrics) until `shutdown`; returns the address.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(
        &self,
        listen: SocketAddr,
        shutdown: Shutdown,
    ) -> std::io::Result<(SocketAddr, JoinHandle<()>)> {
        endpoint::serve(self.clone(), listen, shutdown).await
    }

    fn metrics(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry())?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests;
