//! The hub's own metrics. Reasons are the same words as in status and events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use k8s_openapi::api::coordination::v1::Lease;
use meshroot_api::Reason;
use meshroot_api::metrics::{self, Metric, label, state};
use meshroot_api::names::cluster_of_namespace;
use meshroot_api::policy::{RootPhase, RootStatus};
use meshroot_core::progress::Progress;
use meshroot_core::rotation::Summary;
use meshroot_pki::Certificate;
use meshroot_runtime::kube::watch::Watched;
use meshroot_runtime::process::telemetry::Telemetry;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

type Labels = Vec<(&'static str, String)>;
type Gauges = Family<Labels, Gauge>;

/// Counters and gauges of the hub.
#[derive(Clone)]
pub(crate) struct Metrics {
    issued: Family<Labels, Counter>,
    decisions: Family<Labels, Counter>,
    ready: Gauges,
    members: Gauges,
    lifetime: Gauges,
    signing_begins: Gauges,
    signing_ends: Gauges,
    root_ends: Gauges,
    rotations: Gauges,
    exposed: Gauges,
    signing: Histogram,
    /// Fingerprints of the roots that are shown, by virtual mesh.
    shown_roots: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
}

impl Metrics {
    pub(crate) fn register(telemetry: &Telemetry) -> Self {
        let metrics = Self {
            issued: Family::default(),
            decisions: Family::default(),
            ready: Family::default(),
            members: Family::default(),
            lifetime: Family::default(),
            signing_begins: Family::default(),
            signing_ends: Family::default(),
            root_ends: Family::default(),
            rotations: Family::default(),
            exposed: Family::default(),
            signing: Histogram::new(exponential_buckets(0.000_05, 2.0, 14)),
            shown_roots: Arc::default(),
        };
        for (definition, gauges) in [
            (&metrics::VIRTUAL_MESH_READY, &metrics.ready),
            (&metrics::VIRTUAL_MESH_MEMBERS, &metrics.members),
            (&metrics::INTERMEDIATE_LIFETIME, &metrics.lifetime),
            (&metrics::SIGNING_NOT_BEFORE, &metrics.signing_begins),
            (&metrics::SIGNING_NOT_AFTER, &metrics.signing_ends),
            (&metrics::ROOT_NOT_AFTER, &metrics.root_ends),
            (&metrics::ROOT_ROTATIONS, &metrics.rotations),
            (&metrics::EXPOSED_KEYS, &metrics.exposed),
        ] {
            telemetry.register(definition, gauges.clone());
        }
        telemetry.register(&metrics::CERTIFICATES_ISSUED, metrics.issued.clone());
        telemetry.register(&metrics::REQUEST_DECISIONS, metrics.decisions.clone());
        telemetry.register(&metrics::SIGNING_DURATION, metrics.signing.clone());
        // There from the start: what begins with the first refusal is not seen to grow by it.
        for reason in Reason::ALL.iter().filter(|reason| reason.needs_attention()) {
            drop(metrics.decision(*reason));
        }
        metrics
    }

    pub(crate) fn issued(&self, virtual_mesh: &str, seconds: f64) {
        self.issued.get_or_create(&of(virtual_mesh)).inc();
        self.signing.observe(seconds);
    }

    pub(crate) fn decided(&self, reason: Reason) {
        self.decision(reason).inc();
    }

    fn decision(&self, reason: Reason) -> Counter {
        self.decisions.get_or_create(&vec![(label::REASON, reason.word().to_owned())]).clone()
    }

    pub(crate) fn ready(&self, virtual_mesh: &str, is_ready: bool) {
        self.ready.get_or_create(&of(virtual_mesh)).set(i64::from(is_ready));
    }

    /// All roots of a virtual mesh. One that was shown before and is none of them goes.
    pub(crate) fn roots(&self, virtual_mesh: &str, roots: &[RootStatus]) {
        let labels = |root: &str| {
            let mut labels = of(virtual_mesh);
            labels.push((label::ROOT, root.to_owned()));
            labels
        };
        let mut shown = Vec::new();
        for root in roots.iter().filter(|root| root.phase != RootPhase::Removed) {
            if let Some(end) = &root.not_after {
                self.root_ends.get_or_create(&labels(&root.fingerprint)).set(end.0.as_second());
                shown.push(root.fingerprint.clone());
            }
        }
        let mut all = self.shown_roots.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.insert(virtual_mesh.to_owned(), shown.clone()).unwrap_or_default();
        for gone in before.iter().filter(|root| !shown.contains(root)) {
            self.root_ends.remove(&labels(gone));
        }
    }

    /// What bounds the certificates of members: `first`, the first to end of what signs, and how long the policy lets
    /// them live.
    pub(crate) fn signing(&self, virtual_mesh: &str, first: &Certificate, life: SignedDuration) {
        let labels = of(virtual_mesh);
        self.signing_begins.get_or_create(&labels).set(first.not_before().as_second());
        self.signing_ends.get_or_create(&labels).set(first.not_after().as_second());
        self.lifetime.get_or_create(&labels).set(life.as_secs());
    }

    /// How many revoked certificates workloads of a virtual mesh still believe.
    pub(crate) fn exposed(&self, virtual_mesh: &str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.exposed.get_or_create(&of(virtual_mesh)).set(count);
    }

    /// How the newest rotation of a virtual mesh stands; `None` where there is none.
    pub(crate) fn rotation(&self, virtual_mesh: &str, summary: Option<&Summary>) {
        let pending = summary.filter(|summary| !summary.step.is_final());
        for (state, stalled) in ROTATION_STATES {
            let is_so = pending.is_some_and(|summary| summary.is_stalled() == stalled);
            self.rotations.get_or_create(&in_state(virtual_mesh, state)).set(i64::from(is_so));
        }
    }

    pub(crate) fn members(&self, virtual_mesh: &str, progress: &Progress) {
        for (state, count) in MEMBER_STATES.into_iter().zip([
            progress.members,
            progress.issued,
            progress.loaded,
            progress.late,
        ]) {
            self.members.get_or_create(&in_state(virtual_mesh, state)).set(i64::from(count));
        }
    }

    /// The virtual mesh is gone: nothing of it may be told, or be an alert, for as long as this process lives.
    pub(crate) fn forget(&self, virtual_mesh: &str) {
        self.roots(virtual_mesh, &[]);
        let own =
            [&self.ready, &self.lifetime, &self.signing_begins, &self.signing_ends, &self.exposed];
        for gauges in own {
            gauges.remove(&of(virtual_mesh));
        }
        for state in MEMBER_STATES {
            self.members.remove(&in_state(virtual_mesh, state));
        }
        for (state, _) in ROTATION_STATES {
            self.rotations.remove(&in_state(virtual_mesh, state));
        }
    }
}

const MEMBER_STATES: [&str; 4] = [state::MEMBER, state::ISSUED, state::LOADED, state::LATE];
/// With whether somebody must change something.
const ROTATION_STATES: [(&str, bool); 2] = [(state::RUNNING, false), (state::STALLED, true)];

fn of(virtual_mesh: &str) -> Labels {
    vec![(label::VIRTUAL_MESH, virtual_mesh.to_owned())]
}

fn in_state(virtual_mesh: &str, state: &str) -> Labels {
    vec![(label::VIRTUAL_MESH, virtual_mesh.to_owned()), (label::STATE, state.to_owned())]
}

/// When the agents were last heard, by their Leases.
pub(crate) struct Heartbeats(pub(crate) Watched<Lease>);

impl std::fmt::Debug for Heartbeats {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Heartbeats")
    }
}

impl Collector for Heartbeats {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let Metric { name, help, .. } = metrics::AGENT_HEARD;
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for lease in self.0.store().state() {
            let Some((cluster, heard)) = heartbeat(&lease) else { continue };
            let labels = [(label::WORKLOAD_CLUSTER, cluster)];
            ConstGauge::new(heard).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// The cluster, and when its agent was last heard, in seconds since the epoch.
fn heartbeat(lease: &Lease) -> Option<(&str, i64)> {
    let cluster = cluster_of_namespace(lease.metadata.namespace.as_deref()?)?;
    Some((cluster, lease.spec.as_ref()?.renew_time.as_ref()?.0.as_second()))
}
