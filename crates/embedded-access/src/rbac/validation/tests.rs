#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn texts(faults: &[FieldError]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn rules_are_refused_in_the_real_servers_words_and_order() {
    let role = json!({"rules": [
        {"verbs": [], "nonResourceURLs": ["/x"], "resources": ["x"]}, {"verbs": ["get"]}, {"verbs": ["get"], "apiGroups": [""]}]});
    assert_eq!(
        texts(&validate_cluster_role(&role)),
        [
            r#"rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs"#,
            "rules[1].apiGroups: Required value: resource rules must supply at least one api group",
            "rules[1].resources: Required value: resource rules must supply at least one resource",
            "rules[2].resources: Required value: resource rules must supply at least one resource",
            "rules[0].verbs: Required value",
        ]
    );
    let role = json!({"rules": [{"verbs": ["get"], "nonResourceURLs": ["/x", "/y"]}]});
    let message =
        r#"rules[0].nonResourceURLs: Invalid value: ["/x","/y"]: namespaced rules cannot apply to non-resource URLs"#;
    assert_eq!(texts(&validate_role(&role)), [message]);
    assert!(validate_cluster_role(&role).is_empty());
}

#[test]
fn an_aggregation_rule_needs_selectors_that_can_be_read() {
    let faults = validate_cluster_role(&json!({"aggregationRule": {}}));
    assert_eq!(
        texts(&faults),
        [
            "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil"
        ]
    );
    let selectors = json!([{"matchLabels": {"a b": "c d"}}, {"matchExpressions": [
        {"key": "a", "operator": "In"}, {"key": "a", "operator": "Foo"}, {"key": "a", "operator": "Exists", "values": ["x"]},
        {"key": "a", "operator": "In", "values": ["x"]}]}, {"matchLabels": {"a": "b"}}]);
    let faults = validate_cluster_role(&json!({"aggregationRule": {"clusterRoleSelectors": selectors}}));
    let found = texts(&faults);
    assert_eq!(found.len(), 7, "{found:#?}");
    assert!(
        found[0].starts_with(
            r#"aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "a b": name part must"#
        )
    );
    assert!(
        found[1]
            .starts_with(r#"aggregationRule.clusterRoleSelectors[0].matchLabels: Invalid value: "c d": a valid label"#)
    );
    assert_eq!(found[2], "aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.");
    assert_eq!(
        found[4],
        r#"aggregationRule.clusterRoleSelectors[1].matchExpressions[1].operator: Invalid value: "Foo": not a valid selector operator"#
    );
}

#[test]
fn bindings_are_refused_in_the_real_servers_words_and_order() {
    let mut binding = json!({"roleRef": {"kind": "Role", "name": "a/b", "apiGroup": "foo"}, "subjects": [
        {"kind": "User"}, {"kind": "Foo", "name": "x"}, {"kind": "Group", "apiGroup": "x", "name": "x"},
        {"kind": "ServiceAccount", "apiGroup": "x", "name": "X_y"}, {"name": "x"}]});
    default_binding(&mut binding);
    assert_eq!(
        texts(&validate_cluster_role_binding(&binding, None)),
        [
            r#"roleRef.apiGroup: Unsupported value: "foo": supported values: "rbac.authorization.k8s.io""#,
            r#"roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole""#,
            r#"roleRef.name: Invalid value: "a/b": may not contain '/'"#,
            r#"subjects[1].kind: Unsupported value: "Foo": supported values: "ServiceAccount", "User", "Group""#,
            r#"subjects[2].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io""#,
            r#"subjects[3].name: Invalid value: "X_y": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"#,
            r#"subjects[3].apiGroup: Unsupported value: "x": supported values: """#,
            "subjects[3].namespace: Required value",
            r#"subjects[4].kind: Unsupported value: "": supported values: "ServiceAccount", "User", "Group""#,
            "subjects[0].name: Required value",
        ]
        .map(|text| text.replace("\\\\", "\\"))
    );
}

#[test]
fn a_binding_keeps_its_role() {
    let binding = |name: &str| json!({"roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name}});
    assert_eq!(
        texts(&validate_cluster_role_binding(&binding("edit"), Some(&binding("view")))),
        [
            r#"roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"edit"}: field is immutable"#
        ]
    );
    assert!(validate_role_binding(&binding("view"), Some(&binding("view"))).is_empty());
}

#[test]
fn defaults_fill_the_api_groups_alone() {
    let mut binding = json!({"roleRef": {"kind": "Role", "name": "x"}, "subjects": [
        {"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s"}]});
    default_binding(&mut binding);
    assert_eq!(
        binding,
        json!({"roleRef": {"kind": "Role", "name": "x", "apiGroup": GROUP}, "subjects": [
            {"kind": "User", "name": "u", "apiGroup": GROUP}, {"kind": "ServiceAccount", "name": "s"}]})
    );
    assert!(validate_role_binding(&binding, None).is_empty());
}
