//! The dashboard of Grafana.

use meshroot_api::metrics::{
    AGENT_HEARD, BUILD, CERTIFICATE_LATE, CERTIFICATE_NOT_AFTER, CERTIFICATES_INSTALLED,
    CERTIFICATES_ISSUED, CONTROLLER_FAILURES, EXPOSED_KEYS, KEYS_MADE, LEADER, PICKUP, PROCESS_CPU,
    PROCESS_MEMORY, REQUEST_DECISIONS, ROOT_NOT_AFTER, ROOT_ROTATIONS, SIGNING_DURATION,
    VIRTUAL_MESH_MEMBERS, VIRTUAL_MESH_READY, WATCH_RELISTS, WRITE_CONFLICTS, component, label,
};
use serde_json::{Value, json};

use super::query::{led, of_component};

/// Version of the dashboard's schema: that of Grafana 10.4, which later ones read.
const SCHEMA: u32 = 39;
/// Grafana's grid has 24 columns.
const COLUMNS: usize = 24;

/// One panel: a title, a kind of Grafana's, a unit of Grafana's, and queries with their legends.
struct Panel {
    title: &'static str,
    kind: &'static str,
    unit: &'static str,
    size: (usize, usize),
    queries: Vec<(String, String)>,
}

/// The dashboard, to be imported: it asks for its Prometheus.
pub fn dashboard() -> Value {
    json!({
        "title": "Meshroot",
        "uid": "meshroot",
        "tags": ["meshroot"],
        "schemaVersion": SCHEMA,
        "editable": true,
        "refresh": "1m",
        "time": { "from": "now-24h", "to": "now" },
        "templating": { "list": [{
            "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus",
        }] },
        "panels": placed(&panels()),
    })
}

fn panels() -> Vec<Panel> {
    [overview(), certificates(), hub(), processes()].into_iter().flatten().collect()
}

fn number(title: &'static str, query: String) -> Panel {
    Panel { title, kind: "stat", unit: "none", size: (6, 4), queries: vec![(query, String::new())] }
}

fn graph(title: &'static str, unit: &'static str, queries: Vec<(String, String)>) -> Panel {
    Panel { title, kind: "timeseries", unit, size: (12, 8), queries }
}

fn legend(labels: &[&str]) -> String {
    labels.iter().map(|label| format!("{{{{{label}}}}}")).collect::<Vec<_>>().join(" ")
}

fn overview() -> Vec<Panel> {
    let ready = VIRTUAL_MESH_READY.series();
    let [virtual_mesh, state, cluster] =
        [label::VIRTUAL_MESH, label::STATE, label::WORKLOAD_CLUSTER];
    vec![
        number(
            "Hubs that lead",
            format!("sum({})", of_component(&LEADER.series(), component::HUB)),
        ),
        number("Virtual meshes", format!("count({})", led(&ready))),
        number("Virtual meshes that are ready", format!("sum({})", led(&ready))),
        number(
            "Clusters with an agent",
            format!("count(max by ({cluster}) ({}))", AGENT_HEARD.series()),
        ),
        graph(
            "Members",
            "none",
            vec![(led(&VIRTUAL_MESH_MEMBERS.series()), legend(&[virtual_mesh, state]))],
        ),
        graph(
            "Since an agent was heard",
            "s",
            vec![(
                format!("time() - max by ({cluster}) ({})", AGENT_HEARD.series()),
                legend(&[cluster]),
            )],
        ),
    ]
}

fn certificates() -> Vec<Panel> {
    let [mesh, virtual_mesh] = [label::MESH, label::VIRTUAL_MESH];
    let left = |metric: String| led(&format!("{metric} - time()"));
    vec![
        graph(
            "Until a mesh's certificate ends",
            "s",
            vec![(left(CERTIFICATE_NOT_AFTER.series()), legend(&[mesh]))],
        ),
        graph(
            "Until its renewal is late",
            "s",
            vec![(left(CERTIFICATE_LATE.series()), legend(&[mesh]))],
        ),
        graph(
            "Until a root ends",
            "s",
            vec![(left(ROOT_NOT_AFTER.series()), legend(&[virtual_mesh, label::ROOT]))],
        ),
        graph(
            "Rotations of roots",
            "none",
            vec![(led(&ROOT_ROTATIONS.series()), legend(&[virtual_mesh, label::STATE]))],
        ),
        graph(
            "Revoked certificates that are believed",
            "none",
            vec![(led(&EXPOSED_KEYS.series()), legend(&[virtual_mesh]))],
        ),
        graph(
            "Whether control planes use what was written",
            "none",
            vec![(
                format!("sum by ({}) ({})", label::PICKUP, led(&PICKUP.series())),
                legend(&[label::PICKUP]),
            )],
        ),
        graph(
            "Keys made, certificates installed, in an hour",
            "none",
            vec![
                (format!("sum(increase({}[1h]))", KEYS_MADE.series()), "keys".to_owned()),
                (
                    format!("sum(increase({}[1h]))", CERTIFICATES_INSTALLED.series()),
                    "certificates".to_owned(),
                ),
            ],
        ),
    ]
}

fn hub() -> Vec<Panel> {
    let [virtual_mesh, reason] = [label::VIRTUAL_MESH, label::REASON];
    let slow = |share: &str| {
        let rate = format!("sum by (le) (rate({}[5m]))", SIGNING_DURATION.series());
        (format!("histogram_quantile({share}, {rate})"), format!("{share} of all"))
    };
    vec![
        graph(
            "Certificates issued in an hour",
            "none",
            vec![(
                format!("sum by ({virtual_mesh}) (increase({}[1h]))", CERTIFICATES_ISSUED.series()),
                legend(&[virtual_mesh]),
            )],
        ),
        graph(
            "Decisions in an hour",
            "none",
            vec![(
                format!("sum by ({reason}) (increase({}[1h])) > 0", REQUEST_DECISIONS.series()),
                legend(&[reason]),
            )],
        ),
        graph("Time to sign", "s", vec![slow("0.5"), slow("0.99")]),
    ]
}

fn processes() -> Vec<Panel> {
    let [component, version] = [label::COMPONENT, label::VERSION];
    let by = |what: &str, series: String| {
        (format!("sum by (job, {what}) (rate({series}[5m]))"), legend(&["job", what]))
    };
    let named = |query: String| {
        format!("{query} * on (job, instance) group_left ({component}) {}", BUILD.series())
    };
    vec![
        graph(
            "Failed reconciliations, a second",
            "none",
            vec![by(label::CONTROLLER, CONTROLLER_FAILURES.series())],
        ),
        graph(
            "Conflicts and lists read again, a second",
            "none",
            vec![
                by(label::CONTROLLER, WRITE_CONFLICTS.series()),
                by(label::KIND, WATCH_RELISTS.series()),
            ],
        ),
        graph(
            "Processes",
            "none",
            vec![(
                format!("count by ({component}, {version}) ({})", BUILD.series()),
                legend(&[component, version]),
            )],
        ),
        graph(
            "Memory",
            "bytes",
            vec![(named(PROCESS_MEMORY.series()), legend(&[component, "instance"]))],
        ),
        graph(
            "Processors in use",
            "none",
            vec![(
                named(format!("rate({}[5m])", PROCESS_CPU.series())),
                legend(&[component, "instance"]),
            )],
        ),
    ]
}

/// From left to right, in rows as high as their panels.
fn placed(panels: &[Panel]) -> Vec<Value> {
    let (mut x, mut y, mut row) = (0, 0, 0);
    let mut values = Vec::new();
    for (index, panel) in panels.iter().enumerate() {
        let (width, height) = panel.size;
        if x + width > COLUMNS {
            (x, y, row) = (0, y + row, 0);
        }
        let place = json!({ "x": x, "y": y, "w": width, "h": height });
        values.push(value(panel, index + 1, &place));
        (x, row) = (x + width, row.max(height));
    }
    values
}

fn value(panel: &Panel, id: usize, place: &Value) -> Value {
    let source = json!({ "type": "prometheus", "uid": "${datasource}" });
    let target = |(index, (query, legend)): (usize, &(String, String))| {
        let name = char::from(b'A' + u8::try_from(index).unwrap_or_default());
        json!({ "refId": name, "expr": query, "legendFormat": legend, "datasource": source })
    };
    json!({
        "id": id,
        "title": panel.title,
        "type": panel.kind,
        "gridPos": place,
        "datasource": source,
        "fieldConfig": { "defaults": { "unit": panel.unit }, "overrides": [] },
        "options": {},
        "targets": panel.queries.iter().enumerate().map(target).collect::<Vec<_>>(),
    })
}
