//! Objects and changes that a server refuses.

use serde_json::{Value, json};

use super::{NAMESPACE, sample, with};
use crate::samples;

pub(super) fn metadata_cases() -> Vec<Value> {
    let secret = sample("Secret");
    let owner = json!([{"apiVersion": "", "kind": "", "name": "", "uid": ""}]);
    let twice = json!([{"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1", "controller": true},
        {"apiVersion": "v1", "kind": "A", "name": "b", "uid": "2", "controller": true}]);
    [
        ("/metadata/name", json!("Upper")),
        ("/metadata/name", json!("a".repeat(254))),
        ("/metadata/name", json!("a..b")),
        ("/metadata/name", json!("")),
        ("/metadata/labels", json!({"a/b/c": "x", "ok": "not ok!", "/x": "y", "A_b.c/": "z"})),
        ("/metadata/labels", json!({"long": "x".repeat(64)})),
        ("/metadata/annotations", json!({"BAD KEY": "x", "Example.com/Fine": "y"})),
        ("/metadata/annotations", json!({"a": "x".repeat(256 * 1024)})),
        ("/metadata/ownerReferences", owner),
        ("/metadata/ownerReferences", twice),
        (
            "/metadata/ownerReferences",
            json!([{"apiVersion": "v1", "kind": "Event", "name": "a", "uid": "1"}]),
        ),
        (
            "/metadata/ownerReferences",
            json!([{"apiVersion": "a/b/c", "kind": "A", "name": "a", "uid": "1"}]),
        ),
        ("/metadata/finalizers", json!(["bad key", "example.com/ok"])),
        ("/metadata/finalizers", json!(["orphan", "foregroundDeletion"])),
        ("/metadata/generateName", json!("Bad-")),
    ]
    .into_iter()
    .map(|change| with(&secret, &[change]))
    .collect()
}

pub(super) fn core_cases() -> Vec<Value> {
    let secret = sample("Secret");
    let config = sample("ConfigMap");
    let mut cases = Vec::new();
    for kind in
        ["tls", "dockerconfigjson", "dockercfg", "basic-auth", "ssh-auth", "service-account-token"]
    {
        cases.push(with(&secret, &[("/type", json!(format!("kubernetes.io/{kind}")))]));
    }
    cases.extend([
        with(
            &secret,
            &[
                ("/type", json!("kubernetes.io/dockercfg")),
                ("/data", json!({".dockercfg": "WzFd"})),
            ],
        ),
        with(&secret, &[("/data", json!({"bad key": "", "..x": "", "..": ""}))]),
        with(&secret, &[("/data", json!({"a": "AAAA".repeat(350_000)}))]),
        with(&config, &[("/data", json!({"c": "x", "/": "y"}))]),
        with(&config, &[("/data", json!({"a": "x".repeat(1024 * 1024 + 1)}))]),
        with(&sample("Namespace"), &[("/metadata/name", json!("a.b"))]),
        with(&sample("ServiceAccount"), &[("/metadata/name", json!("A"))]),
        with(
            &sample("Lease"),
            &[("/spec/leaseDurationSeconds", json!(0)), ("/spec/leaseTransitions", json!(-1))],
        ),
        with(&sample("Lease"), &[("/spec/preferredHolder", json!("x"))]),
        with(
            &sample("Service"),
            &[("/metadata/name", json!("1a")), ("/spec/ports/0/port", json!(0))],
        ),
        with(
            &sample("Service"),
            &[("/spec/ports/0/name", json!("")), ("/spec/ports/1/protocol", json!("X"))],
        ),
        with(&sample("Service"), &[("/spec/ports/1/name", json!("a"))]),
    ]);
    cases
}

pub(super) fn event_cases() -> Vec<Value> {
    let all = samples::namespaced(NAMESPACE);
    let event = |api: &str| {
        all.iter().find(|object| object["kind"] == "Event" && object["apiVersion"] == api).unwrap()
    };
    let (old, new) = (event("v1"), event("events.k8s.io/v1"));
    vec![
        with(old, &[("/involvedObject/namespace", json!("other"))]),
        with(old, &[("/involvedObject", json!({}))]),
        with(old, &[("/eventTime", json!("2026-01-02T00:00:00.123456Z"))]),
        with(new, &[("/eventTime", Value::Null)]),
        with(new, &[("/type", json!("Other")), ("/deprecatedCount", json!(2))]),
        with(new, &[("/series/count", json!(1)), ("/reportingController", json!("a b"))]),
        with(
            new,
            &[
                ("/note", json!("x".repeat(1025))),
                ("/reason", json!("")),
                ("/action", json!("x".repeat(129))),
            ],
        ),
        with(new, &[("/regarding/namespace", json!("")), ("/reportingInstance", json!(""))]),
        with(
            new,
            &[
                ("/deprecatedSource", json!({"component": "x"})),
                ("/deprecatedFirstTimestamp", json!("2026-01-02T00:00:00Z")),
            ],
        ),
    ]
}

pub(super) fn access_cases() -> Vec<Value> {
    let (role, binding) = (sample("Role"), sample("RoleBinding"));
    let (cluster, cluster_binding) = (sample("ClusterRole"), sample("ClusterRoleBinding"));
    vec![
        with(&role, &[("/metadata/name", json!("a/b")), ("/rules", json!([{"verbs": []}]))]),
        with(&role, &[("/rules", json!([{"verbs": ["get"], "nonResourceURLs": ["/x"]}]))]),
        with(&cluster, &[("/rules", json!([{"verbs": ["get"], "nonResourceURLs": ["/x"], "resources": ["a"]}]))]),
        with(&cluster, &[("/aggregationRule", json!({"clusterRoleSelectors": []}))]),
        with(
            &cluster,
            &[(
                "/aggregationRule",
                json!({"clusterRoleSelectors": [{"matchLabels": {"a b": "c"},
            "matchExpressions": [{"key": "a", "operator": "In"}, {"key": "a", "operator": "Exists", "values": ["x"]},
                {"key": "a", "operator": "No"}]}]}),
            )],
        ),
        with(&binding, &[("/roleRef", json!({"kind": "Other", "name": "", "apiGroup": "x"}))]),
        with(
            &binding,
            &[(
                "/subjects",
                json!([{"kind": "Robot", "name": ""}, {"kind": "User", "name": "u", "apiGroup": "x"},
            {"kind": "ServiceAccount", "name": "A B", "apiGroup": "x"}]),
            )],
        ),
        with(&cluster_binding, &[("/roleRef/kind", json!("Role")), ("/subjects/0/namespace", json!(""))]),
    ]
    .into_iter()
    .chain(rule_cases())
    .chain(binding_cases())
    .collect()
}

/// Rules and selectors of rules, in roles of both scopes.
fn rule_cases() -> Vec<Value> {
    let (role, cluster) = (sample("Role"), sample("ClusterRole"));
    let rules = [
        json!([{"apiGroups": [""], "resources": ["x"]}]),
        json!([{"verbs": [], "nonResourceURLs": ["/x"], "resources": ["x"]}, {"verbs": ["get"]},
            {"verbs": ["get"], "apiGroups": [""]}]),
        json!([{"verbs": ["get"], "apiGroups": ["a"], "resources": ["b"], "resourceNames": ["c"],
            "nonResourceURLs": ["/x"]}]),
    ];
    let selectors = [
        json!([{"matchLabels": {"a b": "c d"}}]),
        json!([{"matchLabels": {"-/x": "a"}}, {"matchLabels": {"a/b/c": "a"}}, {"matchLabels": {"/": "x"}}]),
        json!([{"matchExpressions": [{"key": "a", "operator": "In"}, {"key": "a", "operator": "Foo"},
            {"key": "a", "operator": "Exists", "values": ["x"]}, {"key": "", "operator": "NotIn", "values": ["c d"]},
            {"key": "x".repeat(64), "operator": "NotIn", "values": ["x".repeat(64)]}]}]),
    ];
    let of_rules = rules
        .iter()
        .flat_map(|rules| [&role, &cluster].map(|role| with(role, &[("/rules", rules.clone())])));
    let of_selectors = selectors.iter().map(|selectors| {
        with(
            &cluster,
            &[
                ("/rules", json!([])),
                ("/aggregationRule", json!({"clusterRoleSelectors": selectors})),
            ],
        )
    });
    of_rules.chain(of_selectors).collect()
}

/// References and subjects, in bindings of both scopes.
fn binding_cases() -> Vec<Value> {
    let faults = [
        (
            json!({"kind": "Roles", "name": "a/b%", "apiGroup": "foo"}),
            json!([{"kind": "User"}, {"kind": "Foo", "name": "x"}, {"kind": "Group", "apiGroup": "x", "name": "x"},
                {"kind": "ServiceAccount", "apiGroup": "x", "name": "X_y"}, {"name": "x"}]),
        ),
        (
            json!({"kind": "Foo", "name": ".."}),
            json!([{"kind": "ServiceAccount", "name": "x".repeat(254)}]),
        ),
        (json!({}), json!([{}])),
    ];
    let bindings = [sample("RoleBinding"), sample("ClusterRoleBinding")];
    let faulty = |(role, subjects): &(Value, Value)| {
        bindings.each_ref().map(|binding| {
            with(binding, &[("/roleRef", role.clone()), ("/subjects", subjects.clone())])
        })
    };
    faults.iter().flat_map(faulty).collect()
}

pub(super) fn admission_cases() -> Vec<Value> {
    let (policy, binding) =
        (sample("ValidatingAdmissionPolicy"), sample("ValidatingAdmissionPolicyBinding"));
    let rule = |rule: Value| json!({"resourceRules": [rule]});
    vec![
        with(&policy, &[("/spec", json!({}))]),
        with(
            &policy,
            &[("/spec/failurePolicy", json!("Maybe")), ("/spec/paramKind", json!({"kind": "a b"}))],
        ),
        with(&policy, &[("/spec/matchConstraints", json!({"resourceRules": []}))]),
        with(
            &policy,
            &[(
                "/spec/matchConstraints",
                rule(
                    json!({"apiGroups": [], "apiVersions": [], "operations": [], "resources": []}),
                ),
            )],
        ),
        with(
            &policy,
            &[(
                "/spec/matchConstraints",
                rule(json!({"apiGroups": ["*", "a"], "apiVersions": ["*", "v1"],
            "operations": ["*", "CREATE"], "resources": ["*", "a"], "scope": "X", "resourceNames": ["a/b", "c", "c"]})),
            )],
        ),
        with(
            &policy,
            &[("/spec/matchConstraints/matchPolicy", json!("X")), ("/spec/validations", json!([]))],
        ),
        with(
            &policy,
            &[(
                "/spec/validations",
                json!([{"expression": " "}, {"expression": "true", "reason": "Odd"}]),
            )],
        ),
        with(
            &policy,
            &[(
                "/spec/matchConditions",
                json!([{"name": "a b", "expression": "true"}, {"name": "c", "expression": ""},
            {"name": "c", "expression": "true"}]),
            )],
        ),
        with(
            &policy,
            &[(
                "/spec/variables",
                json!([{"name": "a-b", "expression": "1"}, {"name": "", "expression": "1"}, {"name": "c", "expression": ""}]),
            )],
        ),
        with(&binding, &[("/spec", json!({}))]),
        with(&binding, &[("/spec/validationActions", json!(["Deny", "Warn", "Warn"]))]),
        with(
            &binding,
            &[("/spec/validationActions", json!(["Shout"])), ("/spec/policyName", json!("A"))],
        ),
        with(&binding, &[("/spec/paramRef", json!({"name": "a", "selector": {}}))]),
        with(&binding, &[("/spec/paramRef", json!({"parameterNotFoundAction": "X"}))]),
    ]
}

pub(super) fn mutation_cases() -> Vec<Value> {
    let (policy, binding) =
        (sample("MutatingAdmissionPolicy"), sample("MutatingAdmissionPolicyBinding"));
    let rule = json!({"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["CREATE", "DELETE", "DANCE"], "resources": ["pods"]}]});
    vec![
        with(&policy, &[("/spec", json!({}))]),
        with(&policy, &[("/spec/matchConstraints", rule.clone())]),
        with(
            &policy,
            &[("/spec/reinvocationPolicy", json!("Always")), ("/spec/failurePolicy", json!("X"))],
        ),
        with(
            &policy,
            &[(
                "/spec/mutations",
                json!([{}, {"patchType": "X"}, {"patchType": "JSONPatch"},
                    {"patchType": "JSONPatch", "jsonPatch": {"expression": " "}, "applyConfiguration": {"expression": ""}},
                    {"patchType": "ApplyConfiguration", "jsonPatch": {"expression": ""}}]),
            )],
        ),
        with(&binding, &[("/spec", json!({}))]),
        with(&binding, &[("/spec/policyName", json!("A")), ("/spec/matchResources", rule)]),
        with(&binding, &[("/spec/paramRef", json!({"parameterNotFoundAction": "X"}))]),
    ]
}

pub(super) fn workload_cases() -> Vec<Value> {
    let deployment = sample("Deployment");
    vec![
        with(&deployment, &[("/spec/selector", json!({}))]),
        with(
            &deployment,
            &[
                ("/spec/selector", json!({"matchLabels": {"c": "d"}})),
                ("/spec/replicas", json!(-1)),
            ],
        ),
        with(&deployment, &[("/spec/selector", Value::Null)]),
        with(&deployment, &[("/spec/template/spec/containers", json!([]))]),
        with(
            &deployment,
            &[
                ("/spec/template/spec/containers/0/name", json!("A")),
                ("/spec/template/spec/containers/0/image", json!("")),
            ],
        ),
        with(&deployment, &[("/spec/template/spec/restartPolicy", json!("Never"))]),
        with(&deployment, &[("/spec/strategy", json!({"type": "Recreate", "rollingUpdate": {}}))]),
        with(&deployment, &[("/spec/strategy", json!({"type": "Fast"}))]),
        with(
            &sample("Job"),
            &[
                ("/spec/template/spec/restartPolicy", json!("Always")),
                ("/spec/parallelism", json!(-1)),
            ],
        ),
        with(&sample("Pod"), &[("/spec/containers/1/name", json!("c"))]),
    ]
}

pub(super) fn definition_cases() -> Vec<Value> {
    let definition = sample("CustomResourceDefinition");
    let first = definition["spec"]["versions"][0].clone();
    let one = with(&definition, &[("/spec/versions", json!([first]))]);
    let column = |column: Value| {
        with(&one, &[("/spec/versions/0/additionalPrinterColumns", json!([column]))])
    };
    let names = json!({"plural": "Widgets", "singular": "a.b", "kind": "Bad Kind", "listKind": "-", "shortNames": ["A"], "categories": ["B"]});
    vec![
        with(&definition, &[("/metadata/name", json!("other.example.com"))]),
        with(&definition, &[("/spec/names", names)]),
        with(
            &definition,
            &[(
                "/spec/names",
                json!({"plural": "widgets", "kind": "Widget", "listKind": "Widget"}),
            )],
        ),
        with(
            &definition,
            &[("/spec/group", json!("nodots")), ("/metadata/name", json!("widgets.nodots"))],
        ),
        with(&definition, &[("/spec/group", json!("")), ("/spec/scope", json!("Everywhere"))]),
        with(&definition, &[("/spec/versions/1/storage", json!(true))]),
        with(&definition, &[("/spec/versions/0/storage", json!(false))]),
        with(&definition, &[("/spec/versions/1/name", json!("v1"))]),
        with(&definition, &[("/spec/versions/1/name", json!("1v"))]),
        with(&definition, &[("/spec/versions/0/schema", Value::Null)]),
        with(&definition, &[("/spec/versions/0/deprecationWarning", json!("x"))]),
        with(&definition, &[("/spec/preserveUnknownFields", json!(true))]),
        with(&definition, &[("/spec/conversion", json!({"strategy": "Odd"}))]),
        column(json!({"name": "", "type": "odd", "format": "odd", "jsonPath": "x"})),
        column(json!({"name": "x", "type": "", "jsonPath": ""})),
        with(
            &one,
            &[(
                "/spec/versions/0/subresources/scale",
                json!({"specReplicasPath": "x", "statusReplicasPath": ".spec.x", "labelSelectorPath": ".x"}),
            )],
        ),
        with(
            &definition,
            &[(
                "/spec/versions/0/subresources/scale",
                json!({"specReplicasPath": "", "statusReplicasPath": ""}),
            )],
        ),
        with(
            &one,
            &[(
                "/spec/versions/0/selectableFields",
                json!([{"jsonPath": ".spec.any"}, {"jsonPath": ".spec.none"},
            {"jsonPath": ".metadata.name"}, {"jsonPath": ""}, {"jsonPath": ".spec.color"}, {"jsonPath": ".spec.color"}]),
            )],
        ),
        with(
            &definition,
            &[("/spec/group", json!("x.k8s.io")), ("/metadata/name", json!("widgets.x.k8s.io"))],
        ),
        with(&one, &[("/spec/versions/0/schema/openAPIV3Schema/nullable", json!(true))]),
        with(
            &one,
            &[(
                "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color",
                json!({"enum": ["x"]}),
            )],
        ),
    ]
}

pub(super) fn change_cases() -> Vec<(Value, Vec<(&'static str, Value)>)> {
    let fixed =
        with(&sample("Secret"), &[("/metadata/name", json!("fixed")), ("/immutable", json!(true))]);
    let config = with(
        &sample("ConfigMap"),
        &[("/metadata/name", json!("fixed")), ("/immutable", json!(true))],
    );
    vec![
        (sample("Secret"), vec![("/type", json!("other"))]),
        (sample("Secret"), vec![("/metadata/labels", json!({"a b": "c"}))]),
        (fixed.clone(), vec![("/data", json!({"a": "AAAA"}))]),
        (fixed, vec![("/immutable", json!(false))]),
        (config.clone(), vec![("/data", json!({"x": "y"})), ("/binaryData", json!({"z": "AAAA"}))]),
        (config, vec![("/immutable", Value::Null)]),
        (
            sample("Deployment"),
            vec![
                ("/spec/selector", json!({"matchLabels": {"c": "d"}})),
                ("/spec/template/metadata/labels", json!({"c": "d"})),
            ],
        ),
        (sample("RoleBinding"), vec![("/roleRef/name", json!("other"))]),
        (sample("ClusterRoleBinding"), vec![("/roleRef/name", json!("other"))]),
        (
            sample("CustomResourceDefinition"),
            vec![("/spec/scope", json!("Cluster")), ("/spec/names/kind", json!("Other"))],
        ),
        (sample("CustomResourceDefinition"), vec![("/spec/versions/0/name", json!("v2"))]),
    ]
}
