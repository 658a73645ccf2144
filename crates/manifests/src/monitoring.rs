//! What Prometheus and Grafana are given: alerts and a dashboard, from the metrics' own definitions.

mod alerts;
mod dashboard;
mod query;

pub use alerts::{Alert, Group, Severity, alerts};
pub use dashboard::dashboard;

use serde_json::{Value, json};

/// The alerts as a rules file of Prometheus.
pub fn prometheus_rules() -> Value {
    let groups: Vec<Value> = Group::ALL.iter().map(|group| rules_of(*group)).collect();
    json!({ "groups": groups })
}

/// The same for the Prometheus operator, an object a group: a cluster takes those whose metrics its Prometheus scrapes.
pub fn prometheus_rule_objects() -> Vec<Value> {
    let object = |group: &Group| {
        json!({
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": crate::metadata(group.name(), None),
            "spec": { "groups": [rules_of(*group)] },
        })
    };
    Group::ALL.iter().map(object).collect()
}

fn rules_of(group: Group) -> Value {
    let rules: Vec<Value> =
        alerts().iter().filter(|alert| alert.group == group).map(rule).collect();
    json!({ "name": group.name(), "rules": rules })
}

fn rule(alert: &Alert) -> Value {
    let mut rule = json!({
        "alert": alert.name,
        "expr": alert.expr,
        "labels": { "severity": alert.severity.word() },
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "runbook": alert.runbook(),
        },
    });
    if let Some(lasts) = alert.lasts {
        rule["for"] = json!(lasts);
    }
    rule
}

#[cfg(test)]
mod tests;
