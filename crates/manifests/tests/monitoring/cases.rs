//! What is scraped, and whether an alert fires. Time begins at 0, the epoch, with one sample a minute.

use meshroot_api::Reason;
use meshroot_api::metrics::{
    AGENT_HEARD, BUILD, CERTIFICATE_LATE, CERTIFICATE_NOT_AFTER, CONTROLLER_FAILURES, EXPOSED_KEYS,
    INTERMEDIATE_LIFETIME, LEADER, Metric, PICKUP, REQUEST_DECISIONS, ROOT_ROTATIONS,
    SIGNING_NOT_AFTER, SIGNING_NOT_BEFORE, VIRTUAL_MESH_MEMBERS, VIRTUAL_MESH_READY, component,
    state,
};

/// What one alert does at one moment.
pub(crate) struct Case {
    pub(crate) alert: &'static str,
    pub(crate) about: &'static str,
    pub(crate) series: Vec<Series>,
    pub(crate) at: &'static str,
    /// Its labels, and its value as it is shown; `None` where it is silent.
    pub(crate) fires: Option<(Vec<(&'static str, &'static str)>, &'static str)>,
}

/// A series and its samples, as promtool writes them.
type Series = (String, String);

const VIRTUAL_MESH: &str = "meshroot-system/demo";
const HUB: &str = "hub-0";
const OTHER_HUB: &str = "hub-1";
const AGENT: &str = "agent-0";
/// In seconds.
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A series of a process: all labels of the metric, in their order.
fn of(metric: &Metric, instance: &str, values: &[&str], samples: &str) -> Series {
    assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let labels: Vec<String> = [("job", "meshroot"), ("instance", instance)]
        .into_iter()
        .chain(metric.labels.iter().copied().zip(values.iter().copied()))
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    (format!("{}{{{}}}", metric.series(), labels.join(",")), samples.to_owned())
}

/// The same value for two hours.
fn always(value: i64) -> String {
    format!("{value}+0x120")
}

/// Whether a process of this component leads, always.
fn process(component: &str, instance: &str, leads: bool) -> [Series; 2] {
    [
        of(&BUILD, instance, &[component, "1"], &always(1)),
        of(&LEADER, instance, &[], &always(i64::from(leads))),
    ]
}

fn hub_leads(leads: bool, series: Vec<Series>) -> Vec<Series> {
    process(component::HUB, HUB, leads).into_iter().chain(series).collect()
}

fn agent_leads(leads: bool, series: Vec<Series>) -> Vec<Series> {
    process(component::AGENT, AGENT, leads).into_iter().chain(series).collect()
}

fn of_hub(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&[("job", "meshroot"), ("instance", HUB)], more].concat()
}

fn of_agent(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&[("job", "meshroot"), ("instance", AGENT)], more].concat()
}

pub(crate) fn cases() -> Vec<Case> {
    [hub(), roots(), members(), requests(), agents(), both()].into_iter().flatten().collect()
}

fn hub() -> Vec<Case> {
    let case = |alert, about, series, at, fires| Case { alert, about, series, at, fires };
    let (absent, leaderless) = ("MeshrootHubAbsent", "MeshrootHubWithoutLeader");
    let agent = process(component::AGENT, AGENT, true).to_vec();
    let hubs = |first, second| {
        [
            process(component::HUB, HUB, first),
            process(component::HUB, OTHER_HUB, second),
            process(component::AGENT, AGENT, true),
        ]
        .concat()
    };
    let gone = Some((vec![("component", component::HUB)], ""));
    vec![
        case(absent, "an agent is no hub", agent.clone(), "5m", gone),
        case(absent, "a restart takes minutes", agent.clone(), "4m", None),
        case(absent, "one replica is enough", hub_leads(false, vec![]), "10m", None),
        case(leaderless, "an agent leads no hub", hubs(false, false), "5m", Some((vec![], ""))),
        case(leaderless, "an election takes seconds", hubs(false, false), "4m", None),
        case(leaderless, "one of two leads", hubs(false, true), "10m", None),
        case(leaderless, "no hub is another alert", agent, "10m", None),
    ]
}

/// What signs has lived for `lived` and `left` is left; members' certificates live for `lifetime`. A minute later.
fn signing(lived: i64, left: i64, lifetime: i64) -> Vec<Series> {
    let gauge = |metric, value| of(metric, HUB, &[VIRTUAL_MESH], &always(value));
    vec![
        gauge(&SIGNING_NOT_BEFORE, -lived),
        gauge(&SIGNING_NOT_AFTER, left),
        gauge(&INTERMEDIATE_LIFETIME, lifetime),
    ]
}

fn roots() -> Vec<Case> {
    let (soon, very_soon) = ("MeshrootRootEnds", "MeshrootRootEndsVerySoon");
    let ends = |alert, about, signing, fires: Option<&'static str>| Case {
        alert,
        about,
        series: hub_leads(true, signing),
        at: "1m",
        fires: fires.map(|left| (of_hub(&[("virtual_mesh", VIRTUAL_MESH)]), left)),
    };
    let [ten_years, month, ninety] = [3650 * DAY, 30 * DAY, 90 * DAY];
    let rotation = |state: &str, leads, at, fires| Case {
        alert: "MeshrootRotationStalled",
        about: "somebody must act",
        series: hub_leads(
            leads,
            vec![of(&ROOT_ROTATIONS, HUB, &[VIRTUAL_MESH, state], &always(1))],
        ),
        at,
        fires,
    };
    let stalled = of_hub(&[("virtual_mesh", VIRTUAL_MESH), ("state", state::STALLED)]);
    vec![
        ends(
            soon,
            "two lifetimes of a member's certificate",
            signing(ten_years, 2 * ninety, ninety),
            Some("179d 23h 59m 0s"),
        ),
        ends(soon, "nor is a year near", signing(ten_years, 500 * DAY, ninety), None),
        ends(
            soon,
            "where members' certificates live for an hour, a tenth of its own life",
            signing(27 * DAY, 3 * DAY, HOUR),
            Some("2d 23h 59m 0s"),
        ),
        ends(soon, "nor is a tenth and an hour", signing(month, 4 * DAY, HOUR), None),
        Case {
            series: signing(ten_years, ninety, ninety),
            ..ends(soon, "nobody leads", vec![], None)
        },
        ends(
            very_soon,
            "one lifetime of a member's certificate",
            signing(ten_years, ninety, ninety),
            Some("89d 23h 59m 0s"),
        ),
        ends(very_soon, "it has ended", signing(ten_years, 0, ninety), Some("-1m 0s")),
        ends(very_soon, "two lifetimes are not one", signing(ten_years, 2 * ninety, ninety), None),
        ends(
            very_soon,
            "where members' certificates live for an hour, a fiftieth of its own life",
            signing(49 * DAY, DAY, HOUR),
            Some("23h 59m 0s"),
        ),
        ends(very_soon, "a tenth is not a fiftieth", signing(27 * DAY, 3 * DAY, HOUR), None),
        rotation(state::STALLED, true, "10m", Some((stalled, ""))),
        rotation(state::STALLED, true, "9m", None),
        rotation(state::STALLED, false, "20m", None),
        rotation(state::RUNNING, true, "20m", None),
        exposed("a stolen key", 2, true, Some((of_hub(&[("virtual_mesh", VIRTUAL_MESH)]), "2"))),
        exposed("none", 0, true, None),
        exposed("another hub leads", 2, false, None),
    ]
}

fn exposed(
    about: &'static str,
    keys: i64,
    leads: bool,
    fires: Option<(Vec<(&'static str, &'static str)>, &'static str)>,
) -> Case {
    let series = vec![of(&EXPOSED_KEYS, HUB, &[VIRTUAL_MESH], &always(keys))];
    Case { alert: "MeshrootKeyExposed", about, series: hub_leads(leads, series), at: "1m", fires }
}

fn members() -> Vec<Case> {
    let late = |late, leads, fires| Case {
        alert: "MeshrootMembersLate",
        about: "a member is late",
        series: hub_leads(
            leads,
            vec![of(&VIRTUAL_MESH_MEMBERS, HUB, &[VIRTUAL_MESH, state::LATE], &always(late))],
        ),
        at: "1m",
        fires,
    };
    let is_late = of_hub(&[("virtual_mesh", VIRTUAL_MESH), ("state", state::LATE)]);
    let ready = |ready, at, fires| Case {
        alert: "MeshrootVirtualMeshNotReady",
        about: "it waits for something",
        series: hub_leads(
            true,
            vec![of(&VIRTUAL_MESH_READY, HUB, &[VIRTUAL_MESH], &always(ready))],
        ),
        at,
        fires,
    };
    let heard = |at, heard: &str, other: &str, fires| Case {
        alert: "MeshrootAgentSilent",
        about: "either replica may have heard it",
        series: vec![
            of(&AGENT_HEARD, HUB, &["east"], heard),
            of(&AGENT_HEARD, OTHER_HUB, &["east"], other),
        ],
        at,
        fires,
    };
    vec![
        late(2, true, Some((is_late, "2"))),
        late(0, true, None),
        late(2, false, None),
        ready(0, "60m", Some((of_hub(&[("virtual_mesh", VIRTUAL_MESH)]), ""))),
        ready(0, "59m", None),
        ready(1, "60m", None),
        heard("6m", "0+0x60", "0+0x60", Some((vec![("workload_cluster", "east")], "6m 0s"))),
        heard("5m", "0+0x60", "0+0x60", None),
        heard("30m", "0+0x60", "0+60x60", None),
    ]
}

/// One decision of this kind after five minutes.
fn decision(reason: Reason) -> Vec<Series> {
    vec![of(&REQUEST_DECISIONS, HUB, &[reason.word()], "0+0x4 1+0x115")]
}

fn requests() -> Vec<Case> {
    let refused = |about, reason, fires| Case {
        alert: "MeshrootRequestsRefused",
        about,
        series: decision(reason),
        at: "10m",
        fires,
    };
    let weak = Some((vec![("reason", Reason::WeakKey.word())], ""));
    let cut = |reason, at, fires| Case {
        alert: "MeshrootLedgerCut",
        about: "within an hour",
        series: decision(reason),
        at,
        fires,
    };
    vec![
        refused("one is enough", Reason::WeakKey, weak),
        refused("a person's word", Reason::Denied, None),
        refused("what was taken back", Reason::Revoked, None),
        refused("the next request is there", Reason::Superseded, None),
        refused("all is well", Reason::Issued, None),
        Case { at: "90m", ..refused("it is told for an hour", Reason::WeakKey, None) },
        cut(Reason::LedgerCut, "10m", Some((vec![], ""))),
        cut(Reason::Issued, "10m", None),
        cut(Reason::LedgerCut, "90m", None),
    ]
}

fn agents() -> Vec<Case> {
    let mesh = "istio-istio-system-east";
    let certificate = |alert, about, leads, at, fires: Option<&'static str>| Case {
        alert,
        about,
        series: agent_leads(
            leads,
            vec![
                of(&CERTIFICATE_NOT_AFTER, AGENT, &[mesh], &always(600)),
                of(&CERTIFICATE_LATE, AGENT, &[mesh], &always(0)),
            ],
        ),
        at,
        fires: fires.map(|value| (of_agent(&[("mesh", mesh)]), value)),
    };
    let (late, ends) = ("MeshrootRenewalLate", "MeshrootCertificateEnds");
    let restart = |pickup: &str, at, fires| Case {
        alert: "MeshrootRestartNeeded",
        about: "for an hour",
        series: agent_leads(true, vec![of(&PICKUP, AGENT, &[mesh, pickup], &always(1))]),
        at,
        fires,
    };
    let needed = of_agent(&[("mesh", mesh), ("pickup", "RestartNeeded")]);
    vec![
        certificate(late, "from the moment on", true, "1m", Some("1m 0s")),
        certificate(late, "not before", true, "0m", None),
        certificate(late, "another agent knows better", false, "1m", None),
        certificate(ends, "half of what was left then is over", true, "6m", Some("4m 0s")),
        certificate(ends, "half is left", true, "5m", None),
        certificate(ends, "it has ended", true, "11m", Some("-1m 0s")),
        certificate(ends, "another agent knows better", false, "6m", None),
        restart("RestartNeeded", "60m", Some((needed, ""))),
        restart("RestartNeeded", "59m", None),
        restart("Waiting", "90m", None),
    ]
}

fn both() -> Vec<Case> {
    let failing = |about, samples: &str, at, fires| Case {
        alert: "MeshrootControllerFailing",
        about,
        series: vec![of(&CONTROLLER_FAILURES, AGENT, &["mesh"], samples)],
        at,
        fires,
    };
    let fails = Some((of_agent(&[("controller", "mesh")]), ""));
    // At most five minutes between two attempts.
    let again = "0+0x4 1+0x4 2+0x4 3+0x4 4+0x4 5+0x4 6+0x4 7+0x4 8+0x4 9+0x60";
    vec![
        failing("each attempt", again, "40m", fails),
        failing("for a quarter of an hour", again, "20m", None),
        failing("once", "0+0x4 1+0x115", "40m", None),
        failing("it succeeded at last", again, "90m", None),
    ]
}
