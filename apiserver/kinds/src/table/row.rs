//! Cells of built-in kinds, as kube-apiserver prints them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::form::{first_three, labels, or_none, selector_text};
use super::workload;
use crate::kind::Kind;
use crate::reading::Reading;
use crate::time;

/// The row of one object: its values and the moment at which ages are taken.
pub(super) struct Row<'a> {
    pub(super) object: &'a Value,
    pub(super) now: Timestamp,
}

/// The cells of an object of a built-in kind.
pub(super) fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let row = Row { object, now };
    if let Some(cells) = workload::cells(&kind.kind, &row) {
        return cells;
    }
    match &*kind.kind {
        "Namespace" => vec![row.name(), row.cell(&["status", "phase"]), row.age()],
        "Secret" => vec![row.name(), row.cell(&["type"]), row.count(&["data"]), row.age()],
        "ConfigMap" => vec![row.name(), row.keys(&["data", "binaryData"]), row.age()],
        "Event" => row.event(),
        "Service" => row.service(),
        "Endpoints" => vec![row.name(), row.endpoints(), row.age()],
        "EndpointSlice" => row.endpoint_slice(),
        "Node" => row.node(),
        "NetworkPolicy" => {
            vec![
                row.name(),
                or_none(&selector_text(object.at(&["spec", "podSelector"]))).into(),
                row.age(),
            ]
        }
        "PodDisruptionBudget" => row.disruption_budget(),
        "Lease" => vec![row.name(), row.cell(&["spec", "holderIdentity"]), row.age()],
        "Role" | "ClusterRole" => vec![row.name(), row.cell(&["metadata", "creationTimestamp"])],
        "RoleBinding" | "ClusterRoleBinding" => row.binding(),
        "ValidatingAdmissionPolicy" => row.admission_policy(),
        "ValidatingAdmissionPolicyBinding" => row.admission_binding(),
        "CustomResourceDefinition" => row.definition(),
        _ => vec![row.name(), row.age()],
    }
}

/// Conditions of a row: a pod or job that has come to its end.
pub(super) fn conditions(kind: &Kind, object: &Value) -> Vec<Value> {
    let message = match (&*kind.kind, object.text(&["status", "phase"])) {
        ("Pod", "Succeeded") => ("Succeeded", "The pod has completed successfully."),
        ("Pod", "Failed") => ("Failed", "The pod failed."),
        _ => return Vec::new(),
    };
    vec![json!({"type": "Completed", "status": "True", "reason": message.0, "message": message.1})]
}

impl Row<'_> {
    pub(super) fn name(&self) -> Value {
        self.cell(&["metadata", "name"])
    }

    pub(super) fn cell(&self, path: &[&str]) -> Value {
        self.object.text(path).into()
    }

    pub(super) fn since(&self, path: &[&str]) -> String {
        time::age(self.object.text(path), self.now)
    }

    pub(super) fn age(&self) -> Value {
        self.since(&["metadata", "creationTimestamp"]).into()
    }

    fn count(&self, path: &[&str]) -> Value {
        self.object.fields(path).map_or(0, serde_json::Map::len).into()
    }

    fn keys(&self, fields: &[&str]) -> Value {
        let count = |field: &&str| self.object.fields(&[field]).map_or(0, serde_json::Map::len);
        fields.iter().map(count).sum::<usize>().into()
    }

    fn event(&self) -> Vec<Value> {
        let event = self.object;
        let first = match event.at(&["firstTimestamp"]) {
            Some(_) => self.since(&["firstTimestamp"]),
            None => self.since(&["eventTime"]),
        };
        let series = event.at(&["series"]);
        let last = match (series, event.at(&["lastTimestamp"])) {
            (Some(_), _) => self.since(&["series", "lastObservedTime"]),
            (None, Some(_)) => self.since(&["lastTimestamp"]),
            (None, None) => first.clone(),
        };
        let seen = series.map_or(event, |series| series).integer(&["count"]).unwrap_or(0);
        let count = if series.is_none() { seen.max(1) } else { seen };
        let kind = event.text(&["involvedObject", "kind"]).to_lowercase();
        let name = event.text(&["involvedObject", "name"]);
        let target = if name.is_empty() { kind } else { format!("{kind}/{name}") };
        let either = |one: &[&str], other: &str| {
            let text = event.text(one);
            if text.is_empty() { event.text(&[other]).to_owned() } else { text.to_owned() }
        };
        let component = either(&["source", "component"], "reportingComponent");
        let instance = either(&["source", "host"], "reportingInstance");
        let source =
            if instance.is_empty() { component } else { format!("{component}, {instance}") };
        vec![
            last.into(),
            self.cell(&["type"]),
            self.cell(&["reason"]),
            target.into(),
            self.cell(&["involvedObject", "fieldPath"]),
            source.into(),
            event.text(&["message"]).trim().into(),
            first.into(),
            count.into(),
            self.name(),
        ]
    }

    fn service(&self) -> Vec<Value> {
        let spec = self.object.at(&["spec"]).unwrap_or(&Value::Null);
        let addresses = spec.texts(&["clusterIPs"]);
        let external = spec.texts(&["externalIPs"]).join(",");
        let outside = match spec.text(&["type"]) {
            "ClusterIP" | "NodePort" => or_none(&external),
            "LoadBalancer" => self.load_balancer(&external),
            "ExternalName" => spec.text(&["externalName"]).to_owned(),
            _ => "<unknown>".to_owned(),
        };
        let port = |port: &Value| {
            let (number, protocol) =
                (port.integer(&["port"]).unwrap_or(0), port.text(&["protocol"]));
            match port.integer(&["nodePort"]) {
                Some(node) if node > 0 => format!("{number}:{node}/{protocol}"),
                _ => format!("{number}/{protocol}"),
            }
        };
        let ports: Vec<String> = spec.entries(&["ports"]).iter().map(port).collect();
        vec![
            self.name(),
            spec.text(&["type"]).into(),
            or_none(addresses.first().copied().unwrap_or_default()).into(),
            outside.into(),
            or_none(&ports.join(",")).into(),
            self.age(),
            labels(spec.at(&["selector"])).into(),
        ]
    }

    fn load_balancer(&self, external: &str) -> String {
        let ingress = self.object.entries(&["status", "loadBalancer", "ingress"]).iter();
        let mut addresses: Vec<&str> = ingress
            .map(|entry| {
                if entry.text(&["ip"]).is_empty() {
                    entry.text(&["hostname"])
                } else {
                    entry.text(&["ip"])
                }
            })
            .chain([external])
            .filter(|address| !address.is_empty())
            .collect();
        addresses.dedup();
        if addresses.is_empty() { "<pending>".to_owned() } else { addresses.join(",") }
    }

    fn endpoints(&self) -> Value {
        let mut all = Vec::new();
        for subset in self.object.entries(&["subsets"]) {
            let addresses: Vec<&str> =
                subset.entries(&["addresses"]).iter().map(|entry| entry.text(&["ip"])).collect();
            let ports = subset.entries(&["ports"]);
            if ports.is_empty() {
                all.extend(addresses.iter().map(|&address| address.to_owned()));
            }
            for port in ports.iter().map(|port| port.integer(&["port"]).unwrap_or(0)) {
                all.extend(addresses.iter().map(|address| join_port(address, port)));
            }
        }
        if all.is_empty() { "<none>".into() } else { first_three(&all).into() }
    }

    fn endpoint_slice(&self) -> Vec<Value> {
        let port = |port: &Value| match (port.integer(&["port"]), port.text(&["name"])) {
            (Some(number), _) => number.to_string(),
            (None, "") => "*".to_owned(),
            (None, name) => name.to_owned(),
        };
        let ports: Vec<String> = self.object.entries(&["ports"]).iter().map(port).collect();
        let endpoints = self.object.entries(&["endpoints"]).iter();
        let addresses: Vec<String> = endpoints
            .flat_map(|endpoint| endpoint.texts(&["addresses"]))
            .map(str::to_owned)
            .collect();
        let cells = [first_three(&ports), first_three(&addresses)].map(Value::from);
        let [ports, addresses] = cells;
        vec![self.name(), self.cell(&["addressType"]), ports, addresses, self.age()]
    }

    fn node(&self) -> Vec<Value> {
        let node = self.object;
        let ready = node
            .entries(&["status", "conditions"])
            .iter()
            .find(|entry| entry.text(&["type"]) == "Ready");
        let mut status = match ready.map(|ready| ready.text(&["status"])) {
            None => "Unknown",
            Some("True") => "Ready",
            Some(_) => "NotReady",
        }
        .to_owned();
        if node.flag(&["spec", "unschedulable"]) {
            status.push_str(",SchedulingDisabled");
        }
        let address = |kind: &str| {
            let addresses = node.entries(&["status", "addresses"]).iter();
            or_none(
                addresses
                    .filter(|entry| entry.text(&["type"]) == kind)
                    .map(|entry| entry.text(&["address"]))
                    .next()
                    .unwrap_or_default(),
            )
        };
        let known = |field: &str| match node.text(&["status", "nodeInfo", field]) {
            "" => "<unknown>".to_owned(),
            text => text.to_owned(),
        };
        let mut kernel = known("kernelVersion");
        let architecture = node.text(&["status", "nodeInfo", "architecture"]);
        if !architecture.is_empty() {
            kernel = format!("{kernel} ({architecture})");
        }
        vec![
            self.name(),
            status.into(),
            node_roles(node).into(),
            self.age(),
            self.cell(&["status", "nodeInfo", "kubeletVersion"]),
            address("InternalIP").into(),
            address("ExternalIP").into(),
            known("osImage").into(),
            kernel.into(),
            known("containerRuntimeVersion").into(),
        ]
    }

    fn disruption_budget(&self) -> Vec<Value> {
        let amount = |field: &str| match self.object.at(&["spec", field]) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "N/A".to_owned(),
        };
        let allowed = self.object.integer(&["status", "disruptionsAllowed"]).unwrap_or(0);
        vec![
            self.name(),
            amount("minAvailable").into(),
            amount("maxUnavailable").into(),
            allowed.into(),
            self.age(),
        ]
    }

    fn binding(&self) -> Vec<Value> {
        let object = self.object;
        let role =
            format!("{}/{}", object.text(&["roleRef", "kind"]), object.text(&["roleRef", "name"]));
        let subjects = |kind: &str| -> Value {
            let of_kind = object
                .entries(&["subjects"])
                .iter()
                .filter(|subject| subject.text(&["kind"]) == kind);
            let name = |subject: &Value| match kind {
                "ServiceAccount" => {
                    format!("{}/{}", subject.text(&["namespace"]), subject.text(&["name"]))
                }
                _ => subject.text(&["name"]).to_owned(),
            };
            of_kind.map(name).collect::<Vec<_>>().join(", ").into()
        };
        let [users, groups, accounts] = ["User", "Group", "ServiceAccount"].map(subjects);
        vec![self.name(), role.into(), self.age(), users, groups, accounts]
    }

    fn admission_policy(&self) -> Vec<Value> {
        let validations = self.object.entries(&["spec", "validations"]).len();
        let kind = self.object.at(&["spec", "paramKind"]);
        let kind =
            kind.map(|kind| format!("{}/{}", kind.text(&["apiVersion"]), kind.text(&["kind"])));
        vec![
            self.name(),
            validations.into(),
            kind.unwrap_or_else(|| "<unset>".to_owned()).into(),
            self.age(),
        ]
    }

    fn admission_binding(&self) -> Vec<Value> {
        let reference = self.object.at(&["spec", "paramRef"]).unwrap_or(&Value::Null);
        let parameter = match (reference.text(&["name"]), reference.text(&["namespace"])) {
            ("", _) if reference.at(&["selector"]).is_some() => {
                selector_text(reference.at(&["selector"]))
            }
            ("", _) => "<unset>".to_owned(),
            (name, "") => format!("*/{name}"),
            (name, namespace) => format!("{namespace}/{name}"),
        };
        vec![self.name(), self.cell(&["spec", "policyName"]), parameter.into(), self.age()]
    }

    fn definition(&self) -> Vec<Value> {
        let version = |version: &Value| {
            let name = version.text(&["name"]);
            if version.flag(&["storage"]) { format!("{name}(storage)") } else { name.to_owned() }
        };
        let versions: Vec<String> =
            self.object.entries(&["spec", "versions"]).iter().map(version).collect();
        let conditions = self.object.entries(&["status", "conditions"]).iter();
        let established = conditions
            .filter(|condition| condition.text(&["type"]) == "Established")
            .any(|condition| condition.text(&["status"]) == "True");
        vec![
            self.name(),
            self.cell(&["spec", "scope"]),
            versions.join(",").into(),
            self.cell(&["metadata", "creationTimestamp"]),
            self.cell(&["spec", "group"]),
            self.cell(&["spec", "names", "kind"]),
            self.object.texts(&["spec", "names", "shortNames"]).join(",").into(),
            established.into(),
        ]
    }
}

fn join_port(address: &str, port: i64) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// Roles that a node's labels name.
fn node_roles(node: &Value) -> String {
    let mut roles: Vec<&str> = node
        .fields(&["metadata", "labels"])
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role).filter(|role| !role.is_empty()),
            None if key == "kubernetes.io/role" => value.as_str().filter(|role| !role.is_empty()),
            None => None,
        })
        .collect();
    roles.sort_unstable();
    roles.dedup();
    or_none(&roles.join(","))
}
