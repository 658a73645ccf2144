//! Objects of every built-in kind, and a custom one.

use serde_json::{Value, json};

fn pod_template() -> Value {
    json!({"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}})
}

fn rich_template() -> Value {
    json!({"metadata": {"labels": {"a": "b"}}, "spec": {
        "serviceAccountName": "robot",
        "nodeSelector": {"x": "z"},
        "containers": [{
            "name": "c", "image": "i:1", "ports": [{"containerPort": 80}],
            "env": [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            "livenessProbe": {"httpGet": {"port": 80}}, "resources": {"limits": {"cpu": "1"}},
            "lifecycle": {"preStop": {"httpGet": {"port": 81}}},
        }],
        "initContainers": [{"name": "z", "image": "k:latest"}],
        "volumes": [
            {"name": "v", "secret": {"secretName": "s"}}, {"name": "w", "configMap": {"name": "c"}},
            {"name": "x", "emptyDir": {}}, {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "p"}}]}},
            {"name": "z", "hostPath": {"path": "/x"}}, {"name": "e"},
        ],
    }})
}

fn object(api_version: &str, kind: &str, metadata: &Value, rest: &Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": metadata});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

/// Objects of namespaced kinds, in `namespace`.
pub(crate) fn namespaced(namespace: &str) -> Vec<Value> {
    let named = |name: &str| json!({"name": name, "namespace": namespace});
    let selector = json!({"matchLabels": {"a": "b"}});
    let mut objects = core(namespace);
    let apps = [
        ("Deployment", json!({"spec": {"selector": selector, "template": rich_template()}})),
        ("ReplicaSet", json!({"spec": {"selector": selector, "template": pod_template()}})),
        ("DaemonSet", json!({"spec": {"selector": selector, "template": rich_template()}})),
        (
            "StatefulSet",
            json!({"spec": {"selector": selector, "serviceName": "x", "template": pod_template(),
            "volumeClaimTemplates": [{"metadata": {"name": "q"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}]}}),
        ),
    ];
    objects
        .extend(apps.into_iter().map(|(kind, rest)| object("apps/v1", kind, &named("app"), &rest)));
    let never =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i:1"}]}});
    let rbac = "rbac.authorization.k8s.io/v1";
    objects.extend([
        object("batch/v1", "Job", &named("j"), &json!({"spec": {"template": never}})),
        object(
            "batch/v1",
            "CronJob",
            &named("c"),
            &json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": never}}}}),
        ),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            &named("n"),
            &json!({"spec": {"podSelector": selector,
            "ingress": [{"ports": [{"port": 80}]}]}}),
        ),
        object(
            "policy/v1",
            "PodDisruptionBudget",
            &named("p"),
            &json!({"spec": {"minAvailable": 1, "selector": selector}}),
        ),
        object(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            &named("e"),
            &json!({"addressType": "IPv4",
            "endpoints": [{"addresses": ["1.2.3.4"]}, {"addresses": ["1.2.3.5"]}], "ports": [{"port": 80}]}),
        ),
        object(
            "coordination.k8s.io/v1",
            "Lease",
            &named("l"),
            &json!({"spec": {"holderIdentity": "me", "leaseDurationSeconds": 3}}),
        ),
        object("coordination.k8s.io/v1", "Lease", &named("bare"), &json!({})),
        object(
            rbac,
            "Role",
            &named("system:r"),
            &json!({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}),
        ),
        object(
            rbac,
            "RoleBinding",
            &named("system:b"),
            &json!({"roleRef": {"kind": "Role", "name": "system:r"}, "subjects": [
            {"kind": "User", "name": "u"}, {"kind": "Group", "name": "g"}, {"kind": "Group", "name": "h"},
            {"kind": "ServiceAccount", "name": "s"}]}),
        ),
    ]);
    objects
}

fn core(namespace: &str) -> Vec<Value> {
    let named = |name: &str| json!({"name": name, "namespace": namespace});
    let involved =
        json!({"kind": "Pod", "name": "p", "namespace": namespace, "fieldPath": "spec.c"});
    vec![
        object(
            "v1",
            "Secret",
            &named("s"),
            &json!({"stringData": {"a": "b"}, "data": {"c": "ZA=="}}),
        ),
        object("v1", "Secret", &named("empty"), &json!({"data": {}, "type": ""})),
        object(
            "v1",
            "ConfigMap",
            &named("c"),
            &json!({"data": {"a": "b"}, "binaryData": {"c": "ZA=="}}),
        ),
        object(
            "v1",
            "ResourceQuota",
            &named("q"),
            &json!({"spec": {"hard": {"count/secrets": "2k", "limits.cpu": "1500m"}}}),
        ),
        object("v1", "ServiceAccount", &named("robot"), &json!({"secrets": [{"name": "s"}]})),
        object(
            "v1",
            "Service",
            &named("headless"),
            &json!({"spec": {"clusterIP": "None", "ipFamilyPolicy": "SingleStack", "selector": {"b": "c", "a": "b"},
            "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 443, "targetPort": "https"}]}}),
        ),
        object(
            "v1",
            "Service",
            &named("alias"),
            &json!({"spec": {"type": "ExternalName", "externalName": "example.com"}}),
        ),
        object(
            "v1",
            "Endpoints",
            &named("headless"),
            &json!({"subsets": [{"addresses": [{"ip": "1.2.3.4"}, {"ip": "1.2.3.5"}],
            "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}]}),
        ),
        object(
            "v1",
            "Pod",
            &named("p"),
            &json!({"spec": {"containers": [{"name": "c", "image": "i"},
            {"name": "d", "image": "j:2", "ports": [{"containerPort": 80}]}]}}),
        ),
        object(
            "v1",
            "Event",
            &named("old"),
            &json!({"involvedObject": involved, "reason": "R", "message": "hello ", "type": "Normal",
            "count": 3, "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-02T00:00:00Z",
            "source": {"component": "kubelet", "host": "h"}}),
        ),
        object(
            "events.k8s.io/v1",
            "Event",
            &named("new"),
            &json!({"regarding": involved, "reason": "R2", "action": "Act",
            "note": "hello", "type": "Warning", "eventTime": "2026-01-02T00:00:00.123456Z", "reportingController": "a.b/c",
            "reportingInstance": "i", "series": {"count": 4, "lastObservedTime": "2026-01-03T00:00:00.123456Z"}}),
        ),
    ]
}

/// Objects of kinds without namespace, with names that begin with `prefix`.
pub(crate) fn cluster(prefix: &str) -> Vec<Value> {
    let named = |name: &str| json!({"name": format!("{prefix}-{name}")});
    let rbac = "rbac.authorization.k8s.io/v1";
    let admission = "admissionregistration.k8s.io/v1";
    vec![
        object("v1", "Namespace", &named("n"), &json!({})),
        object(
            "v1",
            "Node",
            &json!({"name": format!("{prefix}-node"), "labels": {"node-role.kubernetes.io/control-plane": ""}}),
            &json!({}),
        ),
        object(rbac, "ClusterRole", &named("r"), &json!({})),
        object(
            rbac,
            "ClusterRoleBinding",
            &named("b"),
            &json!({"roleRef": {"kind": "ClusterRole", "name": "r"},
            "subjects": [{"kind": "ServiceAccount", "name": "s", "namespace": "n"}]}),
        ),
        object(
            admission,
            "MutatingAdmissionPolicy",
            &named("m"),
            &json!({"spec": {
            "matchConstraints": {"resourceRules": [{"apiGroups": ["none.example"], "apiVersions": ["*"],
                "operations": ["CREATE"], "resources": ["x"]}]},
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{}]"}}],
            "reinvocationPolicy": "Never"}}),
        ),
        object(
            admission,
            "MutatingAdmissionPolicyBinding",
            &named("n"),
            &json!({"spec": {"policyName": format!("{prefix}-m"), "matchResources": {}}}),
        ),
        object(
            admission,
            "ValidatingAdmissionPolicy",
            &named("v"),
            &json!({"spec": {
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {"resourceRules": [{"apiGroups": ["none.example"], "apiVersions": ["*"],
                "operations": ["CREATE"], "resources": ["x"]}]},
            "validations": [{"expression": "true"}]}}),
        ),
        object(
            admission,
            "ValidatingAdmissionPolicyBinding",
            &named("b"),
            &json!({"spec": {"policyName": format!("{prefix}-v"),
            "validationActions": ["Deny"], "paramRef": {"name": "c", "parameterNotFoundAction": "Deny"}, "matchResources": {}}}),
        ),
    ]
}

/// A CustomResourceDefinition of `group` with two versions.
pub(crate) fn definition(group: &str) -> Value {
    let column =
        |name: &str, kind: &str, path: &str| json!({"name": name, "type": kind, "jsonPath": path});
    let spec = json!({"type": "object", "properties": {
        "color": {"type": "string", "enum": ["red", "blue"], "description": "its colour"}, "replicas": {"type": "integer"},
        "flag": {"type": "boolean"}, "since": {"type": "string"}, "number": {"type": "number"},
        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        "list": {"type": "array", "items": {"type": "string"}},
        "conditions": {"type": "array", "items": {"type": "object", "properties": {"type": {"type": "string"}, "status": {"type": "string"}}}},
    }});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": format!("widgets.{group}")},
    "spec": {"group": group, "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all", "things"]},
        "versions": [
            {"name": "v1", "served": true, "storage": true,
                "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}},
                "selectableFields": [{"jsonPath": ".spec.color"}],
                "additionalPrinterColumns": [
                    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "description": "the colour", "priority": 1},
                    column("Ready", "string", ".spec.conditions[?(@.type==\"Ready\")].status"),
                    {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "format": "int32"},
                    column("First", "string", ".spec.list[0]"), column("All", "string", ".spec.list[*]"),
                    column("Flag", "boolean", ".spec.flag"), column("Any", "string", ".spec.any"),
                    column("Number", "number", ".spec.number"), column("Whole", "integer", ".spec.number"),
                    column("Since", "date", ".spec.since"), column("Age", "date", ".metadata.creationTimestamp"),
                ],
                "schema": {"openAPIV3Schema": {"type": "object", "description": "a widget", "properties": {"spec": spec}}}},
            {"name": "v1beta1", "served": true, "storage": false, "deprecated": true,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}},
        ]}})
}

/// Custom objects of [`definition`].
pub(crate) fn widgets(group: &str, namespace: &str) -> Vec<Value> {
    let widget = |name: &str, spec: Value| json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": name, "namespace": namespace}, "spec": spec});
    vec![
        widget(
            "full",
            json!({"color": "red", "replicas": 3, "flag": true, "since": "2020-01-01T00:00:00Z", "number": 1.5,
            "any": {"a": 1, "b": "x"}, "list": ["a", "b"], "conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}),
        ),
        widget("strange", json!({"since": "bogus", "number": 1})),
        widget("bare", json!({})),
    ]
}
