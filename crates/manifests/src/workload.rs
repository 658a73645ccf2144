//! Deployments of the hub and the agent, which differ in little.

use serde_json::{Value, json};

use crate::{HEALTH_PORT, label, metadata};

/// One of Meshroot's programs as a Deployment. The program's name is the Deployment's.
pub(super) struct Workload<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    pub(super) image: &'a str,
    pub(super) service_account: &'a str,
    pub(super) replicas: u32,
    /// What this program is told beside the arguments that both know.
    pub(super) arguments: &'a [&'a str],
}

impl Workload<'_> {
    /// The labels that select its pods.
    pub(super) fn selector(&self) -> Value {
        json!({ "app.kubernetes.io/name": self.name })
    }
}

/// The Deployment.
pub(super) fn deployment(workload: &Workload<'_>) -> Value {
    let mut pod_labels = metadata(workload.name, None)["labels"].clone();
    pod_labels["app.kubernetes.io/name"] = json!(workload.name);
    pod_labels["app.kubernetes.io/version"] = json!(env!("CARGO_PKG_VERSION"));
    let object = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(workload.name, Some(workload.namespace)),
        "spec": {
            "replicas": workload.replicas,
            "selector": { "matchLabels": workload.selector() },
            "template": {
                "metadata": { "labels": pod_labels, "annotations": scrape_annotations() },
                "spec": pod(workload),
            },
        },
    });
    let object = label(object, "app.kubernetes.io/name", workload.name);
    label(object, "app.kubernetes.io/version", env!("CARGO_PKG_VERSION"))
}

fn pod(workload: &Workload<'_>) -> Value {
    json!({
        "serviceAccountName": workload.service_account,
        "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
        "topologySpreadConstraints": [{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": workload.selector() },
        }],
        "containers": [container(workload)],
    })
}

fn container(workload: &Workload<'_>) -> Value {
    let listen = format!("0.0.0.0:{HEALTH_PORT}");
    let shared = ["--namespace", workload.namespace, "--listen", &listen, "--log-format", "json"];
    let arguments = [workload.arguments, &shared].concat();
    json!({
        "name": workload.name,
        "image": workload.image,
        "command": [workload.name],
        "args": arguments,
        "ports": [{ "name": "http", "containerPort": HEALTH_PORT }],
        "livenessProbe": probe("/healthz"),
        "readinessProbe": probe("/readyz"),
        "resources": { "requests": { "cpu": "50m", "memory": "64Mi" }, "limits": { "memory": "256Mi" } },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
    })
}

fn probe(path: &str) -> Value {
    json!({ "httpGet": { "path": path, "port": "http" }, "periodSeconds": 10, "failureThreshold": 3 })
}

fn scrape_annotations() -> Value {
    json!({ "prometheus.io/scrape": "true", "prometheus.io/port": HEALTH_PORT.to_string() })
}
