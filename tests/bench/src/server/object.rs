//! What is stored: a custom object of 3 KiB, and the definition of its kind.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::wait;
use serde_json::{Value, json};

use crate::connection::{Call, Endpoint, once};

/// Namespace of what lists, watches and memory are measured with.
pub(super) const NAMESPACE: &str = "bench";

/// Path of a collection.
pub(super) fn collection(namespace: &str) -> String {
    format!("/apis/bench.example.com/v1/namespaces/{namespace}/gateways")
}

/// Creates the kind and [`NAMESPACE`], and waits until the kind is served.
pub(super) async fn define(endpoint: &Endpoint) -> Result<()> {
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    once(endpoint, Call::post(definitions, definition().to_string())).await?;
    namespace(endpoint, NAMESPACE).await?;
    let served = async || once(endpoint, Call::get(collection(NAMESPACE))).await.map(drop);
    wait::until("the kind is served", Duration::from_secs(30), served).await
}

/// Creates a namespace.
pub(super) async fn namespace(endpoint: &Endpoint, name: &str) -> Result<()> {
    let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    once(endpoint, Call::post("/api/v1/namespaces", body.to_string())).await.map(drop)
}

/// Bodies of objects that differ in their names.
#[derive(Clone)]
pub(super) struct Template {
    before: String,
    after: String,
}

impl Template {
    pub(super) fn new() -> Result<Self> {
        let text = object("NAME").to_string();
        ensure!(
            (2900..3300).contains(&text.len()),
            "an object of {} bytes is not 3 KiB",
            text.len()
        );
        let (before, after) = text.split_once("NAME").context("the object has no name")?;
        Ok(Self { before: before.to_owned(), after: after.to_owned() })
    }

    pub(super) fn create(&self, namespace: &str, name: &str) -> Call {
        Call::post(collection(namespace), [self.before.as_str(), name, &self.after].concat())
    }
}

/// A status that differs in its number from the one before.
pub(super) fn status_patch(namespace: &str, name: &str, number: usize) -> Call {
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "True", "reason": "Reconciled", "observedGeneration": number,
            "lastTransitionTime": "2026-01-01T00:00:00Z", "message": "all listeners are programmed",
        })
    };
    let status = json!({
        "observedGeneration": number,
        "addresses": ["192.0.2.10", "192.0.2.11"],
        "conditions": [condition("Accepted"), condition("Programmed")],
    });
    let path = format!("{}/{name}/status", collection(namespace));
    Call::merge_patch(path, json!({ "status": status }).to_string())
}

/// A gateway with as many listeners as make 3 KiB.
fn object(name: &str) -> Value {
    let listener = |number: usize| {
        json!({
            "name": format!("listener-{number}"),
            "hostname": format!("service-{number}.region-1.example.com"),
            "port": 8443 + number,
            "protocol": "HTTPS",
            "tls": { "mode": "Terminate", "certificateRefs": [{ "kind": "Secret", "name": format!("listener-{number}") }] },
            "allowedRoutes": { "from": "Selector", "selector": { "mesh.example.com/tier": "edge" } },
        })
    };
    json!({
        "apiVersion": "bench.example.com/v1",
        "kind": "Gateway",
        "metadata": {
            "name": name,
            "labels": { "app.kubernetes.io/name": "gateway", "app.kubernetes.io/part-of": "bench" },
            "annotations": { "bench.example.com/owner": "platform team, second floor, beside the lift" },
        },
        "spec": {
            "className": "edge",
            "replicas": 3,
            "maxUnavailable": "25%",
            "listeners": (0..9).map(listener).collect::<Vec<_>>(),
            "caBundle": "TUVTSFJPT1Qg".repeat(29),
        },
    })
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "gateways.bench.example.com" },
        "spec": {
            "group": "bench.example.com",
            "scope": "Namespaced",
            "names": { "kind": "Gateway", "listKind": "GatewayList", "plural": "gateways", "singular": "gateway" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "subresources": { "status": {} },
                "additionalPrinterColumns": [{ "name": "Class", "type": "string", "jsonPath": ".spec.className" }],
                "schema": { "openAPIV3Schema": {
                    "type": "object", "required": ["spec"],
                    "properties": { "spec": spec_schema(), "status": status_schema() },
                } },
            }],
        },
    })
}

fn spec_schema() -> Value {
    json!({
        "type": "object",
        "required": ["className", "listeners"],
        "properties": {
            "className": { "type": "string", "minLength": 1, "maxLength": 253 },
            "replicas": { "type": "integer", "format": "int32", "minimum": 0, "maximum": 100, "default": 1 },
            "maxUnavailable": { "x-kubernetes-int-or-string": true, "anyOf": [{ "type": "integer" }, { "type": "string" }] },
            "paused": { "type": "boolean", "default": false },
            "caBundle": { "type": "string", "format": "byte" },
            "listeners": {
                "type": "array", "minItems": 1, "maxItems": 64,
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": listener_schema(),
            },
        },
    })
}

fn listener_schema() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" });
    json!({
        "type": "object",
        "required": ["name", "port", "protocol"],
        "properties": {
            "name": name,
            "hostname": name,
            "port": { "type": "integer", "format": "int32", "minimum": 1, "maximum": 65535 },
            "protocol": { "type": "string", "enum": ["HTTP", "HTTPS", "TLS", "TCP"] },
            "tls": {
                "type": "object",
                "properties": {
                    "mode": { "type": "string", "enum": ["Terminate", "Passthrough"], "default": "Terminate" },
                    "certificateRefs": {
                        "type": "array", "maxItems": 16,
                        "items": {
                            "type": "object", "required": ["name"],
                            "properties": { "kind": { "type": "string", "default": "Secret" }, "name": name },
                        },
                    },
                },
            },
            "allowedRoutes": {
                "type": "object",
                "properties": {
                    "from": { "type": "string", "enum": ["All", "Selector", "Same"], "default": "Same" },
                    "selector": { "type": "object", "additionalProperties": { "type": "string", "maxLength": 63 } },
                },
            },
        },
    })
}

fn status_schema() -> Value {
    let text = json!({ "type": "string", "maxLength": 32768 });
    json!({
        "type": "object",
        "properties": {
            "observedGeneration": { "type": "integer", "format": "int64" },
            "addresses": { "type": "array", "maxItems": 16, "items": text },
            "conditions": {
                "type": "array", "maxItems": 8,
                "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                "items": {
                    "type": "object",
                    "required": ["type", "status", "lastTransitionTime", "reason", "message"],
                    "properties": {
                        "type": text, "reason": text, "message": text,
                        "status": { "type": "string", "enum": ["True", "False", "Unknown"] },
                        "observedGeneration": { "type": "integer", "format": "int64", "minimum": 0 },
                        "lastTransitionTime": { "type": "string", "format": "date-time" },
                    },
                },
            },
        },
    })
}
