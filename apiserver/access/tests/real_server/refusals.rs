//! Messages: what is refused is refused in the same words.

use anyhow::ensure;
use apiserver_access::{AGGREGATION_FORBIDDEN, Rbac, bootstrap, forbidden_message};
use apiserver_object::{Attributes, Authorizer, ResourceAttributes, User};
use meshroot_testkit::wait::{LIMIT, until};
use serde_json::json;

use crate::requests::{RBAC, administrator, create, refusal};

const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_requests_are_refused_in_the_same_words() {
    let client = administrator().await.unwrap();
    let objects = bootstrap();
    let of = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let rbac = Rbac::build(of("ClusterRole"), of("ClusterRoleBinding"), &[], &[]);
    let create =
        |group: &'static str, resource: &'static str, namespace: &'static str| ResourceAttributes {
            verb: "create".into(),
            group: group.into(),
            resource: resource.into(),
            namespace: namespace.into(),
            ..ResourceAttributes::default()
        };
    let token = ResourceAttributes {
        subresource: "token".into(),
        name: "x".into(),
        ..create("", "serviceaccounts", "default")
    };
    let cases = [
        ("/api/v1/namespaces/default/configmaps", create("", "configmaps", "default").into()),
        ("/api/v1/namespaces", create("", "namespaces", "").into()),
        ("/apis/apps/v1/namespaces/n/deployments", create("apps", "deployments", "n").into()),
        ("/api/v1/namespaces/default/serviceaccounts/x/token", token.into()),
        ("/foo/bar", Attributes::non_resource("post", "/foo/bar")),
    ];
    for name in ["access-nobody", "a\"b<>&\\é"] {
        let user = User::authenticated(name, Vec::new());
        // A header can not carry every letter; Latin-1 would be read as something else.
        for (path, attributes) in cases.iter().filter(|_| name.is_ascii()) {
            let decision = rbac.authorize(&user, attributes);
            let real = refusal(&client, Some(name), path, &json!({})).await.unwrap();
            assert_eq!(forbidden_message(&user, attributes, &decision.reason), real);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn escalation_is_refused_in_the_same_words() {
    let client = administrator().await.unwrap();
    let editor = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "access-editor"},
        "rules": [{"verbs": ["create"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles", "clusterrolebindings"]},
            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "access-editor"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "access-editor"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "access-editor"}]});
    create(&client, &editor).await.unwrap();
    create(&client, &binding).await.unwrap();
    let mut objects = bootstrap();
    objects.extend([editor, binding]);
    let of = |kind: &'static str| objects.iter().filter(move |object| object["kind"] == kind);
    let rbac = Rbac::build(of("ClusterRole"), of("ClusterRoleBinding"), &[], &[]);
    let user = User::authenticated("access-editor", vec!["access-group".to_owned()]);
    let rules = [
        json!({"verbs": ["get", "delete", "list"], "apiGroups": ["", "apps"], "resources": ["pods", "secrets"]}),
        json!({"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a", "b\"c"]}),
        json!({"verbs": ["get"], "nonResourceURLs": ["/x", "/api/*"]}),
        json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
    ];
    let role = json!({"metadata": {"name": "access-more"}, "rules": rules});
    let expected = format!(
        "clusterroles.rbac.authorization.k8s.io \"access-more\" is forbidden: {}",
        rbac.escalation(&user, "", &rules).unwrap()
    );
    let attempt = async || {
        let real = refusal(&client, Some("access-editor"), ROLES, &role).await?;
        ensure!(real == expected, "{real}\nhere: {expected}");
        Ok(())
    };
    until("the real server's refusal", LIMIT, attempt).await.unwrap();

    let aggregated = json!({"metadata": {"name": "access-more"}, "rules": [], "aggregationRule": {"clusterRoleSelectors": [{}]}});
    let real = refusal(&client, Some("access-editor"), ROLES, &aggregated).await.unwrap();
    assert!(!rbac.holds_everything(&user));
    assert_eq!(
        real,
        format!(
            "clusterroles.rbac.authorization.k8s.io \"access-more\" is forbidden: {AGGREGATION_FORBIDDEN}"
        )
    );

    let role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:monitoring"});
    let bound = json!({"metadata": {"name": "access-more"}, "roleRef": role_ref, "subjects": []});
    let granted = rbac.referenced_rules(&role_ref, "").unwrap();
    let real =
        refusal(&client, Some("access-editor"), &format!("{RBAC}/clusterrolebindings"), &bound)
            .await
            .unwrap();
    assert_eq!(
        real,
        format!(
            "clusterrolebindings.rbac.authorization.k8s.io \"access-more\" is forbidden: {}",
            rbac.escalation(&user, "", &granted).unwrap()
        )
    );
    let role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "access-none"});
    let bound = json!({"metadata": {"name": "access-more"}, "roleRef": role_ref});
    let real =
        refusal(&client, Some("access-editor"), &format!("{RBAC}/clusterrolebindings"), &bound)
            .await
            .unwrap();
    assert_eq!(rbac.referenced_rules(&role_ref, ""), None);
    assert_eq!(real, "clusterrolebindings.rbac.authorization.k8s.io \"access-none\" not found");
}
