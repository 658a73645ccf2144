//! The alerts: when each fires, and what it says. What to do is in `docs/operations.md`, under the alert's name.

use meshroot_api::Reason;
use meshroot_api::metrics::{
    AGENT_HEARD, BUILD, CERTIFICATE_LATE, CERTIFICATE_NOT_AFTER, CONTROLLER_FAILURES, EXPOSED_KEYS,
    INTERMEDIATE_LIFETIME, LEADER, PICKUP, REQUEST_DECISIONS, ROOT_ROTATIONS, SIGNING_NOT_AFTER,
    SIGNING_NOT_BEFORE, VIRTUAL_MESH_MEMBERS, VIRTUAL_MESH_READY, component, label, state,
};
use meshroot_api::shared::State;
use meshroot_api::trust::Pickup;

use super::query::{led, of_component, select};

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// With which others it is loaded.
    pub group: Group,
    /// How much it matters.
    pub severity: Severity,
    /// PromQL: what it is true of.
    pub expr: String,
    /// How long it must be true before it fires, where that is not at once.
    pub lasts: Option<&'static str>,
    /// One line, with the object.
    pub summary: &'static str,
    /// What it means, and the next step.
    pub description: &'static str,
}

impl Alert {
    /// Where in the documentation is what to do.
    pub fn runbook(&self) -> String {
        format!("docs/operations.md#{}", self.name.to_lowercase())
    }
}

/// Alerts that need metrics of the same processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Of the hub. One says that there is none: not for a Prometheus that scrapes none.
    Hub,
    /// Of agents.
    Agent,
    /// Of both.
    Both,
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 3] = [Self::Hub, Self::Agent, Self::Both];

    /// Its name in Prometheus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => component::HUB,
            Self::Agent => component::AGENT,
            Self::Both => "meshroot",
        }
    }
}

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Now: something does not work, or is about to stop.
    Critical,
    /// Today: somebody must act, and there is time.
    Warning,
}

impl Severity {
    /// The value of the label `severity`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

/// All alerts, by group.
pub fn alerts() -> Vec<Alert> {
    [processes_of_hub(), roots(), members(), requests(), agents(), both()].concat()
}

fn processes_of_hub() -> Vec<Alert> {
    vec![
        Alert {
            name: "MeshrootHubAbsent",
            group: Group::Hub,
            severity: Severity::Critical,
            expr: format!("absent({})", select(&BUILD, &[(label::COMPONENT, component::HUB)])),
            lasts: Some("5m"),
            summary: "No Meshroot hub is scraped",
            description: "Nothing is issued, renewed or delivered while the hub is away; what is in use stays in use \
                          until it ends. See whether its pods run: kubectl -n meshroot-system get pods",
        },
        Alert {
            name: "MeshrootHubWithoutLeader",
            group: Group::Hub,
            severity: Severity::Critical,
            expr: format!("sum({}) == 0", of_component(&LEADER.series(), component::HUB)),
            lasts: Some("5m"),
            summary: "The Meshroot hub runs and no replica of it leads",
            description: "Nothing is issued, renewed or delivered. See who holds the Lease, and the hub's log: \
                          kubectl -n meshroot-system get lease meshroot-hub",
        },
    ]
}

fn roots() -> Vec<Alert> {
    vec![
        Alert {
            name: "MeshrootRootEnds",
            group: Group::Hub,
            severity: Severity::Warning,
            expr: root_ends(2, 10),
            lasts: None,
            summary: "What signs for virtual mesh {{ $labels.virtual_mesh }} ends in {{ $value | humanizeDuration }}",
            description: "Nothing can be issued after that, and what is issued before ends with it. Replace the root: \
                          meshroot rotate root {{ $labels.virtual_mesh }} --plan",
        },
        Alert {
            name: "MeshrootRootEndsVerySoon",
            group: Group::Hub,
            severity: Severity::Critical,
            expr: root_ends(1, 50),
            lasts: None,
            summary: "What signs for virtual mesh {{ $labels.virtual_mesh }} ends in {{ $value | humanizeDuration }}",
            description: "Certificates of members end with it, whatever the policy says. Replace the root now: \
                          meshroot rotate root {{ $labels.virtual_mesh }} --plan",
        },
        Alert {
            name: "MeshrootRotationStalled",
            group: Group::Hub,
            severity: Severity::Warning,
            expr: led(&format!(
                "{} == 1",
                select(&ROOT_ROTATIONS, &[(label::STATE, state::STALLED)])
            )),
            lasts: Some("10m"),
            summary: "The root of virtual mesh {{ $labels.virtual_mesh }} is being replaced, and that does not go on",
            description: "Somebody must change something. What: meshroot rotate root {{ $labels.virtual_mesh }} --plan",
        },
        Alert {
            name: "MeshrootKeyExposed",
            group: Group::Hub,
            severity: Severity::Critical,
            expr: led(&format!("{} > 0", EXPOSED_KEYS.series())),
            lasts: None,
            summary: "Workloads of virtual mesh {{ $labels.virtual_mesh }} believe {{ $value }} certificates whose keys were reported stolen",
            description: "Whoever has such a key can be any workload to them until it ends, or its root is replaced: \
                          meshroot rotate root {{ $labels.virtual_mesh }} --plan",
        },
    ]
}

/// What signs ends within so many lifetimes of what it signs (from one on, that ends with it), or has less than a
/// fraction of its own life left: people need time also where members' certificates live for minutes.
fn root_ends(lifetimes: u32, fraction: u32) -> String {
    let [begin, end, lifetime] =
        [SIGNING_NOT_BEFORE, SIGNING_NOT_AFTER, INTERMEDIATE_LIFETIME].map(|one| one.series());
    let left = format!("{end} - time()");
    let within = |limit: String| led(&format!("{left} < {limit}"));
    let of_members = within(format!("{lifetimes} * {lifetime}"));
    let of_its_life = within(format!("({end} - {begin}) / {fraction}"));
    format!("{of_members} or {of_its_life}")
}

fn members() -> Vec<Alert> {
    vec![
        Alert {
            name: "MeshrootMembersLate",
            group: Group::Hub,
            severity: Severity::Warning,
            expr: led(&format!(
                "{} > 0",
                select(&VIRTUAL_MESH_MEMBERS, &[(label::STATE, state::LATE)])
            )),
            lasts: None,
            summary: "{{ $value }} members of virtual mesh {{ $labels.virtual_mesh }} do not have what was issued for them",
            description: "Their agents have not installed it for more than five minutes. Which, and why: \
                          meshroot describe vm {{ $labels.virtual_mesh }}",
        },
        Alert {
            name: "MeshrootVirtualMeshNotReady",
            group: Group::Hub,
            severity: Severity::Warning,
            expr: led(&format!("{} == 0", VIRTUAL_MESH_READY.series())),
            lasts: Some("1h"),
            summary: "Virtual mesh {{ $labels.virtual_mesh }} is not ready",
            description: "For an hour, a member had no certificate or was not seen to use it. What it waits for: \
                          meshroot describe vm {{ $labels.virtual_mesh }}",
        },
        Alert {
            name: "MeshrootAgentSilent",
            group: Group::Hub,
            severity: Severity::Warning,
            expr: format!(
                "time() - max by ({}) ({}) > 300",
                label::WORKLOAD_CLUSTER,
                AGENT_HEARD.series()
            ),
            lasts: None,
            summary: "The agent of cluster {{ $labels.workload_cluster }} was last heard {{ $value | humanizeDuration }} ago",
            description: "None of its meshes is renewed. See whether it runs and reaches the hub: kubectl --context \
                          {{ $labels.workload_cluster }} -n meshroot-agent logs deploy/meshroot-agent",
        },
    ]
}

fn requests() -> Vec<Alert> {
    let refusals: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| is_refusal(**reason))
        .map(|reason| reason.word())
        .collect();
    let decisions = REQUEST_DECISIONS.series();
    let reason = label::REASON;
    vec![
        Alert {
            name: "MeshrootRequestsRefused",
            group: Group::Hub,
            severity: Severity::Warning,
            expr: format!(
                r#"sum by ({reason}) (increase({decisions}{{{reason}=~"{}"}}[1h])) > 0"#,
                refusals.join("|")
            ),
            lasts: None,
            summary: "The Meshroot hub refused requests within the last hour: {{ $labels.reason }}",
            description: "A mesh asks for what it may not have, or somebody in its place. Which: meshroot get vmcsr -A",
        },
        Alert {
            name: "MeshrootLedgerCut",
            group: Group::Hub,
            severity: Severity::Critical,
            expr: format!(
                "sum(increase({}[1h])) > 0",
                select(&REQUEST_DECISIONS, &[(reason, Reason::LedgerCut.word())])
            ),
            lasts: None,
            summary: "Entries were taken away from the Meshroot ledger",
            description: "The ledger had come further than its entries show: what was issued is no longer known in full. \
                          Which cluster, and from where on: the hub's log and its events say LedgerCut",
        },
    ]
}

/// Neither a person's word (`Denied`), nor what was issued and taken back, nor what the next request puts right.
fn is_refusal(reason: Reason) -> bool {
    reason.state() == State::Invalid && !matches!(reason, Reason::Denied | Reason::Revoked)
}

fn agents() -> Vec<Alert> {
    let [end, late] = [CERTIFICATE_NOT_AFTER, CERTIFICATE_LATE].map(|one| one.series());
    let restart = [(label::PICKUP, Pickup::RestartNeeded.word())];
    vec![
        Alert {
            name: "MeshrootRenewalLate",
            group: Group::Agent,
            severity: Severity::Warning,
            expr: led(&format!("time() - {late} > 0")),
            lasts: None,
            summary: "The renewal of the certificate of mesh {{ $labels.mesh }} is late by {{ $value | humanizeDuration }}",
            description: "Half of the time that is left for a renewal has gone by without one. What it waits for: \
                          meshroot describe mesh {{ $labels.mesh }}",
        },
        Alert {
            name: "MeshrootCertificateEnds",
            group: Group::Agent,
            severity: Severity::Critical,
            expr: led(&format!("{end} - time() < ({end} - {late}) / 2")),
            lasts: None,
            summary: "The certificate of mesh {{ $labels.mesh }} ends in {{ $value | humanizeDuration }} and is not renewed",
            description: "When it has ended, the mesh's workloads refuse each other. What it waits for: \
                          meshroot describe mesh {{ $labels.mesh }}",
        },
        Alert {
            name: "MeshrootRestartNeeded",
            group: Group::Agent,
            severity: Severity::Warning,
            expr: led(&format!("{} == 1", select(&PICKUP, &restart))),
            lasts: Some("1h"),
            summary: "The control plane of mesh {{ $labels.mesh }} must be restarted to load its certificate",
            description: "The certificate is written and the control plane still uses the one before. Restart it, or let \
                          the agent do it (--restart); which it is: meshroot describe mesh {{ $labels.mesh }}",
        },
    ]
}

fn both() -> Vec<Alert> {
    let controller = label::CONTROLLER;
    vec![Alert {
        name: "MeshrootControllerFailing",
        group: Group::Both,
        severity: Severity::Warning,
        expr: format!(
            "sum by (job, instance, {controller}) (increase({}[15m])) > 0",
            CONTROLLER_FAILURES.series()
        ),
        // What fails is tried again within five minutes: within fifteen it has failed again.
        lasts: Some("30m"),
        summary: "Controller {{ $labels.controller }} of {{ $labels.instance }} fails again and again",
        description: "It tries again by itself, and has not succeeded for half an hour: so a certificate is not written, \
                      for example. Its log names the object and the reason, in lines with \"will try again\"",
    }]
}
