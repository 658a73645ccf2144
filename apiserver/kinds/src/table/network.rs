//! Cells of services and of what is behind them.

use serde_json::Value;

use super::form::{first_three, labels, or_none};
use super::row::Row;
use crate::reading::Reading;

impl Row<'_> {
    pub(super) fn service(&self) -> Vec<Value> {
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

    pub(super) fn endpoints(&self) -> Value {
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

    pub(super) fn endpoint_slice(&self) -> Vec<Value> {
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
}

fn join_port(address: &str, port: i64) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}
