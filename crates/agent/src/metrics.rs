//! The agent's own metrics. Reasons are the same words as in status and events.

use meshroot_runtime::process::telemetry::Telemetry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

type Labels = Vec<(&'static str, String)>;

/// Counters and gauges of the agent.
#[derive(Clone)]
pub(crate) struct Metrics {
    keys: Counter,
    installed: Counter,
    expiry: Family<Labels, Gauge>,
    pickup: Family<Labels, Gauge>,
}

impl Metrics {
    pub(crate) fn register(telemetry: &Telemetry) -> Self {
        let metrics = Self {
            keys: Counter::default(),
            installed: Counter::default(),
            expiry: Family::default(),
            pickup: Family::default(),
        };
        telemetry.registry(|registry| {
            registry.register("meshroot_keys_made", "Private keys made", metrics.keys.clone());
            registry.register(
                "meshroot_certificates_installed",
                "Certificates written for a mesh",
                metrics.installed.clone(),
            );
            registry.register(
                "meshroot_certificate_not_after_seconds",
                "End of validity of a mesh's certificate, in seconds since the epoch",
                metrics.expiry.clone(),
            );
            registry.register(
                "meshroot_pickup",
                "1 for the state of a mesh's pickup, 0 for the others",
                metrics.pickup.clone(),
            );
        });
        metrics
    }

    pub(crate) fn key_made(&self) {
        self.keys.inc();
    }

    pub(crate) fn installed(&self) {
        self.installed.inc();
    }

    pub(crate) fn in_use(&self, mesh: &str, not_after: i64, pickup: meshroot_api::trust::Pickup) {
        use meshroot_api::trust::Pickup;
        self.expiry.get_or_create(&vec![("mesh", mesh.to_owned())]).set(not_after);
        for state in [Pickup::Unknown, Pickup::Waiting, Pickup::Confirmed, Pickup::RestartNeeded] {
            let labels = vec![("mesh", mesh.to_owned()), ("pickup", state.word().to_owned())];
            self.pickup.get_or_create(&labels).set(i64::from(state == pickup));
        }
    }
}
