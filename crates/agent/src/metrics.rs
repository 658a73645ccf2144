//! The agent's own metrics. Reasons are the same words as in status and events.

use jiff::Timestamp;
use meshroot_api::metrics::{self, label};
use meshroot_api::trust::Pickup;
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
    ends: Family<Labels, Gauge>,
    late: Family<Labels, Gauge>,
    pickup: Family<Labels, Gauge>,
}

impl Metrics {
    pub(crate) fn register(telemetry: &Telemetry) -> Self {
        let metrics = Self {
            keys: Counter::default(),
            installed: Counter::default(),
            ends: Family::default(),
            late: Family::default(),
            pickup: Family::default(),
        };
        telemetry.register(&metrics::KEYS_MADE, metrics.keys.clone());
        telemetry.register(&metrics::CERTIFICATES_INSTALLED, metrics.installed.clone());
        telemetry.register(&metrics::CERTIFICATE_NOT_AFTER, metrics.ends.clone());
        telemetry.register(&metrics::CERTIFICATE_LATE, metrics.late.clone());
        telemetry.register(&metrics::PICKUP, metrics.pickup.clone());
        metrics
    }

    pub(crate) fn key_made(&self) {
        self.keys.inc();
    }

    pub(crate) fn installed(&self) {
        self.installed.inc();
    }

    pub(crate) fn in_use(&self, mesh: &str, not_after: Timestamp, late: Timestamp, pickup: Pickup) {
        self.ends.get_or_create(&of(mesh)).set(not_after.as_second());
        self.late.get_or_create(&of(mesh)).set(late.as_second());
        for state in PICKUPS {
            self.pickup.get_or_create(&in_state(mesh, state)).set(i64::from(state == pickup));
        }
    }

    /// The mesh is gone: nothing of it may be told, or be an alert, for as long as this process lives.
    pub(crate) fn forget(&self, mesh: &str) {
        self.ends.remove(&of(mesh));
        self.late.remove(&of(mesh));
        for state in PICKUPS {
            self.pickup.remove(&in_state(mesh, state));
        }
    }
}

const PICKUPS: [Pickup; 4] =
    [Pickup::Unknown, Pickup::Waiting, Pickup::Confirmed, Pickup::RestartNeeded];

fn of(mesh: &str) -> Labels {
    vec![(label::MESH, mesh.to_owned())]
}

fn in_state(mesh: &str, state: Pickup) -> Labels {
    vec![(label::MESH, mesh.to_owned()), (label::PICKUP, state.word().to_owned())]
}
