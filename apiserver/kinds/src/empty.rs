//! What an object of a built-in kind holds before anyone wrote to it.

use serde_json::{Value, json};

use crate::kind::Kind;

/// The object of a built-in kind with nothing in it: fields of its Go type that are always written. They are in nobody's
/// hands, so that kube-apiserver leaves them out of the `fieldsV1` of whoever creates the object with these values.
pub fn empty_object(kind: &Kind) -> Value {
    let workload = |more: &[&str]| {
        let mut spec = json!({"selector": null, "template": {"spec": {"containers": null}}});
        for field in more {
            spec[*field] = json!({});
        }
        json!({"spec": spec, "status": {}})
    };
    match (&*kind.group, &*kind.kind) {
        ("", "Event") => json!({
            "involvedObject": {}, "source": {}, "firstTimestamp": null, "lastTimestamp": null, "eventTime": null,
            "reportingComponent": "", "reportingInstance": "",
        }),
        ("events.k8s.io", "Event") => json!({
            "regarding": {}, "deprecatedSource": {}, "deprecatedFirstTimestamp": null, "deprecatedLastTimestamp": null,
            "eventTime": null,
        }),
        ("", "Pod") => json!({"spec": {"containers": null}, "status": {}}),
        ("", "Service") => json!({"spec": {}, "status": {"loadBalancer": {}}}),
        ("", "Namespace" | "Node" | "ResourceQuota")
        | ("policy", "PodDisruptionBudget")
        | ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => {
            json!({"spec": {}, "status": {}})
        }
        ("apps", "DaemonSet" | "StatefulSet") => workload(&["updateStrategy"]),
        ("apps", "Deployment") => workload(&["strategy"]),
        ("apps", "ReplicaSet") => workload(&[]),
        ("batch", "Job") => {
            json!({"spec": {"template": {"spec": {"containers": null}}}, "status": {}})
        }
        ("batch", "CronJob") => json!({
            "spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": null}}}}, "schedule": ""},
            "status": {},
        }),
        ("networking.k8s.io", "NetworkPolicy") => json!({"spec": {"podSelector": {}}}),
        ("discovery.k8s.io", "EndpointSlice") => json!({"addressType": ""}),
        ("coordination.k8s.io", "Lease")
        | (
            "admissionregistration.k8s.io",
            "MutatingAdmissionPolicy"
            | "MutatingAdmissionPolicyBinding"
            | "ValidatingAdmissionPolicyBinding",
        ) => {
            json!({"spec": {}})
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            json!({"roleRef": {"apiGroup": "", "kind": "", "name": ""}})
        }
        ("apiextensions.k8s.io", _) => json!({
            "spec": {"group": "", "names": {"plural": "", "kind": ""}, "scope": "", "versions": null},
            "status": {"acceptedNames": {"plural": "", "kind": ""}},
        }),
        _ => json!({}),
    }
}
