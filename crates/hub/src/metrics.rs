//! The hub's own metrics. Reasons are the same words as in status and events.

use meshroot_api::policy::{RootPhase, RootStatus};
use meshroot_core::rotation::Summary;
use meshroot_runtime::process::telemetry::Telemetry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

type Labels = Vec<(&'static str, String)>;

/// Counters and gauges of the hub.
#[derive(Clone)]
pub(crate) struct Metrics {
    issued: Family<Labels, Counter>,
    decisions: Family<Labels, Counter>,
    members: Family<Labels, Gauge>,
    root_ends: Family<Labels, Gauge>,
    rotations: Family<Labels, Gauge>,
    signing: Histogram,
}

impl Metrics {
    pub(crate) fn register(telemetry: &Telemetry) -> Self {
        let metrics = Self {
            issued: Family::default(),
            decisions: Family::default(),
            members: Family::default(),
            root_ends: Family::default(),
            rotations: Family::default(),
            signing: Histogram::new(exponential_buckets(0.000_05, 2.0, 14)),
        };
        telemetry.registry(|registry| {
            registry.register(
                "meshroot_certificates_issued",
                "Certificates issued",
                metrics.issued.clone(),
            );
            registry.register(
                "meshroot_request_decisions",
                "Decisions on requests, by reason",
                metrics.decisions.clone(),
            );
            registry.register(
                "meshroot_virtual_mesh_members",
                "Members of a virtual mesh, by how far they are; late: without a certificate minutes after it was issued",
                metrics.members.clone(),
            );
            registry.register(
                "meshroot_root_not_after_timestamp_seconds",
                "End of each root of a virtual mesh, in seconds since the epoch",
                metrics.root_ends.clone(),
            );
            registry.register(
                "meshroot_root_rotations",
                "Replacements of a virtual mesh's root that are not at their end; stalled: somebody must change something",
                metrics.rotations.clone(),
            );
            registry.register(
                "meshroot_signing_duration_seconds",
                "Time to sign and check one certificate",
                metrics.signing.clone(),
            );
        });
        metrics
    }

    pub(crate) fn issued(&self, virtual_mesh: &str, seconds: f64) {
        self.issued.get_or_create(&vec![("virtual_mesh", virtual_mesh.to_owned())]).inc();
        self.signing.observe(seconds);
    }

    pub(crate) fn decided(&self, reason: meshroot_api::Reason) {
        self.decisions.get_or_create(&vec![("reason", reason.word().to_owned())]).inc();
    }

    pub(crate) fn roots(&self, virtual_mesh: &str, roots: &[RootStatus]) {
        for root in roots {
            let labels =
                vec![("virtual_mesh", virtual_mesh.to_owned()), ("root", root.fingerprint.clone())];
            match &root.not_after {
                Some(end) if root.phase != RootPhase::Removed => {
                    self.root_ends.get_or_create(&labels).set(end.0.as_second());
                }
                _ => {
                    self.root_ends.remove(&labels);
                }
            }
        }
    }

    /// How the newest rotation of a virtual mesh stands; `None` where there is none.
    pub(crate) fn rotation(&self, virtual_mesh: &str, summary: Option<&Summary>) {
        let pending = summary.filter(|summary| !summary.step.is_final());
        for (state, stalled) in [("running", false), ("stalled", true)] {
            let labels =
                vec![("virtual_mesh", virtual_mesh.to_owned()), ("state", state.to_owned())];
            let is_so = pending.is_some_and(|summary| summary.is_stalled() == stalled);
            self.rotations.get_or_create(&labels).set(i64::from(is_so));
        }
    }

    pub(crate) fn members(&self, virtual_mesh: &str, progress: &meshroot_core::progress::Progress) {
        for (state, count) in [
            ("member", progress.members),
            ("issued", progress.issued),
            ("loaded", progress.loaded),
            ("late", progress.late),
        ] {
            let labels =
                vec![("virtual_mesh", virtual_mesh.to_owned()), ("state", state.to_owned())];
            self.members.get_or_create(&labels).set(i64::from(count));
        }
    }
}
