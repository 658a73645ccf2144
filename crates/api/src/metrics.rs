//! Metrics of the services: name, meaning and labels of each, for those who count, for the alerts and the dashboard that
//! `meshroot-manifests` makes, and for the reference.

/// What a metric counts or shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts what was seen, by size.
    Histogram,
    /// Always 1; its labels tell.
    Info,
}

/// Which process has a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The hub.
    Hub,
    /// The agent.
    Agent,
    /// Each of them.
    Both,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// As it is registered. Prometheus keeps it as [`series`](Self::series).
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// What it counts or shows.
    pub kind: Kind,
    /// Whose it is.
    pub of: Of,
    /// Its labels.
    pub labels: &'static [&'static str],
}

impl Metric {
    /// The name by which samples are found: OpenMetrics wants a suffix at those of counters, infos and histograms.
    pub fn series(&self) -> String {
        let suffix = match self.kind {
            Kind::Counter => "_total",
            Kind::Gauge => "",
            Kind::Histogram => "_bucket",
            Kind::Info => "_info",
        };
        format!("{}{suffix}", self.name)
    }
}

/// Names of labels.
pub mod label {
    /// Program.
    pub const COMPONENT: &str = "component";
    /// Controller within a program.
    pub const CONTROLLER: &str = "controller";
    /// Kind of Kubernetes objects.
    pub const KIND: &str = "kind";
    /// Mesh, by its name in its cluster's namespace.
    pub const MESH: &str = "mesh";
    /// Whether a control plane uses its certificate: the words of `MeshTrust.status.pickup`.
    pub const PICKUP: &str = "pickup";
    /// One of [`crate::Reason`].
    pub const REASON: &str = "reason";
    /// Fingerprint of a root.
    pub const ROOT: &str = "root";
    /// One of [`super::state`].
    pub const STATE: &str = "state";
    /// Version of Meshroot.
    pub const VERSION: &str = "version";
    /// Virtual mesh, as `namespace/name`.
    pub const VIRTUAL_MESH: &str = "virtual_mesh";
    /// Workload cluster. Not `cluster`, which many give to everything that they scrape.
    pub const WORKLOAD_CLUSTER: &str = "workload_cluster";
}

/// Values of the label [`label::COMPONENT`].
pub mod component {
    /// The hub.
    pub const HUB: &str = "meshroot-hub";
    /// The agent.
    pub const AGENT: &str = "meshroot-agent";
}

/// Values of the label [`label::STATE`].
pub mod state {
    /// All members of a virtual mesh.
    pub const MEMBER: &str = "member";
    /// Those that were given a certificate.
    pub const ISSUED: &str = "issued";
    /// Those that were seen to use it.
    pub const LOADED: &str = "loaded";
    /// Those that are without it minutes after it was issued.
    pub const LATE: &str = "late";
    /// A rotation that goes on by itself.
    pub const RUNNING: &str = "running";
    /// A rotation for which somebody must change something.
    pub const STALLED: &str = "stalled";
}

macro_rules! metrics {
    ($($constant:ident: $of:ident $kind:ident $name:literal [$($label:ident),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric {
                name: $name,
                help: $help,
                kind: Kind::$kind,
                of: Of::$of,
                labels: &[$(label::$label),*],
            };
        )+

        /// Every metric.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

metrics! {
    CERTIFICATES_ISSUED: Hub Counter "meshroot_certificates_issued" [VIRTUAL_MESH]
        "Certificates signed";
    REQUEST_DECISIONS: Hub Counter "meshroot_request_decisions" [REASON]
        "What requests were told, each time that it changed";
    VIRTUAL_MESH_READY: Hub Gauge "meshroot_virtual_mesh_ready" [VIRTUAL_MESH]
        "1 while every member has its certificate and uses it, else 0";
    VIRTUAL_MESH_MEMBERS: Hub Gauge "meshroot_virtual_mesh_members" [VIRTUAL_MESH, STATE]
        "Members, by how far they are: member (all), issued, loaded, late (without a certificate minutes after it was issued)";
    INTERMEDIATE_LIFETIME: Hub Gauge "meshroot_intermediate_lifetime_seconds" [VIRTUAL_MESH]
        "Lifetime of a member's certificate, as the policy says";
    SIGNING_NOT_BEFORE: Hub Gauge "meshroot_signing_not_before_timestamp_seconds" [VIRTUAL_MESH]
        "Start of what meshroot_signing_not_after_timestamp_seconds is the end of";
    SIGNING_NOT_AFTER: Hub Gauge "meshroot_signing_not_after_timestamp_seconds" [VIRTUAL_MESH]
        "End of the certificate that signs, or of one above it up to the root where that ends first";
    ROOT_NOT_AFTER: Hub Gauge "meshroot_root_not_after_timestamp_seconds" [VIRTUAL_MESH, ROOT]
        "End of each root that members trust or will trust";
    ROOT_ROTATIONS: Hub Gauge "meshroot_root_rotations" [VIRTUAL_MESH, STATE]
        "1 while the root is being replaced: running (goes on by itself) or stalled (somebody must change something)";
    EXPOSED_KEYS: Hub Gauge "meshroot_exposed_keys" [VIRTUAL_MESH]
        "Revoked certificates that workloads still believe";
    AGENT_HEARD: Hub Gauge "meshroot_agent_heard_timestamp_seconds" [WORKLOAD_CLUSTER]
        "When the agent of a cluster last renewed its Lease, by the agent's clock";
    SIGNING_DURATION: Hub Histogram "meshroot_signing_duration_seconds" []
        "Time to sign and check one certificate";
    CERTIFICATE_NOT_AFTER: Agent Gauge "meshroot_certificate_not_after_seconds" [MESH]
        "End of the certificate that is written for the mesh";
    CERTIFICATE_LATE: Agent Gauge "meshroot_certificate_late_timestamp_seconds" [MESH]
        "When the renewal of that certificate is late: half of what was left when it was due is over";
    PICKUP: Agent Gauge "meshroot_pickup" [MESH, PICKUP]
        "1 for the state of the mesh's pickup, 0 for the others";
    KEYS_MADE: Agent Counter "meshroot_keys_made" []
        "Private keys made";
    CERTIFICATES_INSTALLED: Agent Counter "meshroot_certificates_installed" []
        "Certificates written for a mesh";
    LEADER: Both Gauge "meshroot_leader" []
        "1 while this process leads";
    CONTROLLER_FAILURES: Both Counter "meshroot_controller_failures" [CONTROLLER]
        "Reconciliations that failed and are tried again";
    WRITE_CONFLICTS: Both Counter "meshroot_write_conflicts" [CONTROLLER]
        "Reconciliations that found the object newer than the local copy; after three in a row for one object all copies are read anew";
    WATCH_RELISTS: Both Counter "meshroot_watch_relists" [KIND]
        "Times that all objects of a kind were read again, after a watch that ended or was doubted";
    BUILD: Both Info "meshroot_build" [COMPONENT, VERSION]
        "What is running";
    PROCESS_CPU: Both Counter "process_cpu_seconds" []
        "User and system CPU time spent, in seconds";
    PROCESS_MEMORY: Both Gauge "process_resident_memory_bytes" []
        "Resident memory size, in bytes";
}
