//! Cells of built-in kinds, as kube-apiserver prints them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::form::{or_none, selector_text};
use super::row::Row;
use super::workload;
use crate::kind::Kind;
use crate::reading::Reading;

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
        "ResourceQuota" => row.quota(),
        "MutatingAdmissionPolicy" => row.admission_policy("mutations"),
        "ValidatingAdmissionPolicy" => row.admission_policy("validations"),
        "MutatingAdmissionPolicyBinding" | "ValidatingAdmissionPolicyBinding" => {
            row.admission_binding()
        }
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
