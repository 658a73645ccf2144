//! Who a client is, and what it may do.

use serde_json::{Value, json};

use super::objects::{config_map, granted, object, widget};
use crate::call::{Call, apply, delete, get, merge_patch, post, put, wordless};
use crate::case::{Case, Difference};

const READ: &str = "[{apiGroups: [''], resources: [configmaps], verbs: [get, list]}]";
const RBAC: &str = "rbac.authorization.k8s.io/v1, kind: ";

/// A ServiceAccount `a` that has the rules in the case's namespace, when they act.
fn able(rules: &str, probe: &str, then: Vec<Call>) -> Vec<Call> {
    let acts = get(probe).token("$token").until(200).quiet();
    granted("a", rules).into_iter().chain([acts]).chain(then).collect()
}

fn reads(then: Vec<Call>) -> Vec<Call> {
    able(READ, "$configmaps", then)
}

/// A question about the caller's own rights.
fn own(attributes: &str) -> Call {
    let body = format!(
        "{{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectAccessReview, spec: {attributes}}}"
    );
    post("$authorization/selfsubjectaccessreviews", body)
        .token("$token")
        .only(&["/status", "/code", "/reason", "/message"])
}

fn review(spec: &str) -> Call {
    let body =
        format!("{{apiVersion: authorization.k8s.io/v1, kind: SubjectAccessReview, spec: {spec}}}");
    post("$authorization/subjectaccessreviews", body)
        .only(&["/status", "/code", "/reason", "/message"])
}

fn role(name: &str, rules: &str) -> String {
    object(&format!("{RBAC}Role"), name, &format!("rules: {rules}"))
}

fn binding(name: &str, kind: &str, role: &str) -> String {
    object(
        &format!("{RBAC}RoleBinding"),
        name,
        &format!(
            "roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: '{role}'}}, subjects: [{{kind: User, apiGroup: rbac.authorization.k8s.io, name: x}}]"
        ),
    )
}

pub(super) const CASES: &[Case] = &[
    Case::calls("nobody may do nothing", || {
        vec![
            get("$configmaps").anonymous(),
            post("$configmaps", config_map("a", "")).anonymous(),
            get("/apis").anonymous(),
            get("/api/v1/nodes").anonymous(),
        ]
    }),
    Case::calls("a wrong token is refused before anything else", || {
        vec![
            get("$configmaps").token("wrong"),
            get("/nothing").token("wrong"),
            get("/healthz").token("wrong"),
            post("$configmaps", "").text("{").token("wrong"),
        ]
    }),
    Case::calls("credentials in a form that is not understood are nobody's", || {
        vec![
            get("$configmaps").anonymous().header("authorization", "Basic YTpi"),
            get("$configmaps").anonymous().header("authorization", "Bearer"),
            get("$configmaps").anonymous().header("authorization", "Bearer "),
            get("$configmaps").anonymous().header("authorization", "Negotiate x"),
        ]
    }),
    Case::calls("a ServiceAccount's token is understood", || {
        reads(vec![get("$configmaps").token("$token"), get("$configmaps/none").token("$token")])
    }),
    Case::calls("a changed, foreign or broken JWT is refused", || {
        let mut calls = granted("a", READ);
        calls.extend([
            get("$configmaps").token("${token}"),
            get("$configmaps").token("$token-x"),
            get("$configmaps").token("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),
            get("$configmaps").token("a.b.c"),
        ]);
        calls
    }),
    Case::calls("a token for another audience is refused", || {
        let mut calls = granted("a", READ);
        calls.extend([
            post(
                "$serviceaccounts/a/token",
                "{apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: {audiences: [else]}}",
            )
            .save("token", "/status/token")
            .quiet(),
            get("$configmaps").token("$token"),
        ]);
        calls
    }),
    Case::calls("the token of a deleted ServiceAccount is refused", || {
        let mut calls = granted("a", READ);
        calls.extend([delete("$serviceaccounts/a").quiet(), get("$configmaps").token("$token").until(401)]);
        calls
    }),
    Case::calls("a refusal names user, verb, resource and namespace", || {
        reads(vec![
            post("$configmaps", config_map("a", "")).token("$token"),
            delete("$configmaps/a").token("$token"),
            merge_patch("$configmaps/a", "{}").token("$token"),
            put("$configmaps/a", config_map("a", "")).token("$token"),
            delete("$configmaps").token("$token"),
            get("$secrets").token("$token"),
            get("$secrets/x").token("$token"),
            get("$configmaps?watch=1").token("$token"),
        ])
    }),
    Case::calls("a role does not act in another namespace or in all", || {
        reads(vec![
            get("/api/v1/configmaps").token("$token"),
            get("/api/v1/namespaces/default/configmaps").token("$token"),
            get("/api/v1/namespaces/none-$id/configmaps").token("$token"),
            get("$namespaces").token("$token"),
            get("$namespaces/$ns").token("$token"),
        ])
    }),
    Case::calls("what does not exist is forbidden before it is not found", || {
        reads(vec![
            get("/apis/$shared/v1/namespaces/$ns/gadgets").token("$token"),
            get("/apis/none.example.com/v1/things").token("$token"),
            get("/nothing").token("$token"),
            get("$widgets/none").token("$token"),
        ])
    }),
    Case::calls("a custom resource's group is in the refusal", || {
        reads(vec![
            get("$widgets").token("$token"),
            post("$widgets", widget("a", "")).token("$token"),
            get("$widgets/a/status").token("$token"),
            merge_patch("$widgets/a/scale", "{}").token("$token"),
        ])
    }),
    Case::calls("discovery is for every known user", || {
        reads(vec![
            get("/api").token("$token").only(&["/kind"]),
            get("/apis/$shared/v1").token("$token").only(&["/kind"]),
            get("/version").token("$token").only(&["/major"]),
            get("/openapi/v3").token("$token").only(&["/code"]),
            get("/healthz").token("$token"),
            get("/metrics").token("$token"),
        ])
    }),
    Case::calls("a rule for names allows these alone", || {
        able(
            "[{apiGroups: [''], resources: [configmaps], resourceNames: [mine], verbs: [get, update, delete, list, watch]}]",
            "$configmaps?fieldSelector=metadata.name=mine",
            vec![
                get("$configmaps/mine").token("$token"),
                get("$configmaps/other").token("$token"),
                get("$configmaps").token("$token"),
                post("$configmaps", config_map("mine", "")).token("$token"),
                get("$configmaps?fieldSelector=metadata.name=other").token("$token"),
            ],
        )
    }),
    Case::calls("a subresource has a right of its own", || {
        able(
            "[{apiGroups: [$shared], resources: [widgets], verbs: [get, list]}, {apiGroups: [$shared], resources: [widgets/status], verbs: [patch]}]",
            "$widgets",
            vec![
                post("$widgets", widget("a", "")).quiet(),
                merge_patch("$widgets/a/status", "{status: {phase: x}}").token("$token").only(&["/status"]),
                merge_patch("$widgets/a", "{spec: {size: 2}}").token("$token"),
                get("$widgets/a/status").token("$token"),
                get("$widgets/a/scale").token("$token"),
            ],
        )
    }),
    Case::calls("stars stand for all resources, verbs and subresources", || {
        able(
            "[{apiGroups: [$shared], resources: ['*'], verbs: ['*']}]",
            "$widgets",
            vec![
                post("$widgets", widget("a", "")).token("$token").only(&["/kind"]),
                merge_patch("$widgets/a/status", "{status: {phase: x}}").token("$token").only(&["/kind"]),
                get("$configmaps").token("$token"),
            ],
        )
    }),
    Case::calls("an apply that creates needs patch and create", || {
        able(
            "[{apiGroups: [''], resources: [configmaps], verbs: [get, list, patch]}]",
            "$configmaps",
            vec![
                apply("$configmaps/a?fieldManager=one", config_map("a", "")).token("$token"),
                post("$configmaps", config_map("a", "")).quiet(),
                apply("$configmaps/a?fieldManager=one", config_map("a", "")).token("$token").only(&["/kind"]),
            ],
        )
    }),
    Case::calls("rights for paths that are no resources", || {
        let mut calls = granted("a", "[]");
        calls.extend([
            post("$rbac/clusterroles", object(&format!("{RBAC}ClusterRole"), "paths-$id", "rules: [{nonResourceURLs: [/metrics, '/open/*'], verbs: [get]}]")).quiet(),
            post("$rbac/clusterrolebindings", object(&format!("{RBAC}ClusterRoleBinding"), "paths-$id", "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: paths-$id}, subjects: [{kind: ServiceAccount, name: a, namespace: $ns}]")).quiet(),
            get("/open/sesame").token("$token").until(404), get("/open").token("$token"), post("/open/sesame", "{}").token("$token"), get("/closed").token("$token"),
        ]);
        calls
    }),
    Case::calls("a ClusterRole acts in a namespace through a RoleBinding", || {
        let mut calls = granted("a", "[]");
        calls.extend([
            post("$rbac/clusterroles", object(&format!("{RBAC}ClusterRole"), "reader-$id", "rules: [{apiGroups: [''], resources: [secrets], verbs: [list]}]")).quiet(),
            post("$rolebindings", object(&format!("{RBAC}RoleBinding"), "reader", "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader-$id}, subjects: [{kind: Group, apiGroup: rbac.authorization.k8s.io, name: 'system:serviceaccounts:$ns'}]")).quiet(),
            get("$secrets").token("$token").until(200), get("/api/v1/secrets").token("$token"), delete("$rolebindings/reader").quiet(), get("$secrets").token("$token").until(403),
        ]);
        calls
    }),
    Case::calls("nobody gives rights that they have not", || {
        able(
            "[{apiGroups: [rbac.authorization.k8s.io], resources: [roles, rolebindings], verbs: [create, update, patch, list]}, {apiGroups: [''], resources: [configmaps], verbs: [get]}]",
            "$roles",
            vec![
                post("$roles", role("r", "[{apiGroups: [''], resources: [secrets], verbs: [get, list]}]"))
                    .token("$token"),
                post("$roles", role("r", READ)).token("$token"),
                post("$roles", role("s", "[{apiGroups: [''], resources: [configmaps], verbs: [get]}]"))
                    .token("$token")
                    .only(&["/kind"]),
                merge_patch("$roles/s", "{rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]}")
                    .token("$token"),
                post("$rolebindings", binding("b", "ClusterRole", "cluster-admin")).token("$token"),
                post("$rolebindings", binding("b", "Role", "none")).token("$token"),
                post("$rolebindings", binding("b", "Role", "s")).token("$token").only(&["/kind"]),
            ],
        )
    }),
    Case::calls("the verbs bind and escalate lift that", || {
        able(
            "[{apiGroups: [rbac.authorization.k8s.io], resources: [roles], verbs: [create, list, escalate]}, {apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [create]}, {apiGroups: [rbac.authorization.k8s.io], resources: [clusterroles], resourceNames: [view], verbs: [bind]}]",
            "$roles",
            vec![
                post("$roles", role("r", "[{apiGroups: [''], resources: [secrets], verbs: [get]}]"))
                    .token("$token")
                    .only(&["/kind"]),
                post("$rolebindings", binding("b", "ClusterRole", "view")).token("$token").only(&["/kind"]),
                post("$rolebindings", binding("c", "ClusterRole", "edit")).token("$token").only(&["/code", "/reason"]),
                post("$rolebindings", binding("d", "Role", "r")).token("$token"),
            ],
        )
    })
    .differs(Difference {
        why: "This server collects the rules of aggregated roles itself; in a cluster it is the controller manager, which is not there, and a role without rules gives nothing away.",
        answers: &[
            (3, "/body/~1code", "403"),
            (3, "/body/~1reason", r#""Forbidden""#),
            (3, "/status", "403"),
        ],
    }),
    Case::calls("a client asks for its own rights", || {
        reads(vec![
            own("{resourceAttributes: {namespace: $ns, verb: get, resource: configmaps}}"),
            own("{resourceAttributes: {namespace: $ns, verb: get, resource: configmaps, name: x}}"),
            own("{resourceAttributes: {namespace: $ns, verb: get, resource: configmaps, subresource: status}}"),
            own("{resourceAttributes: {verb: get, resource: configmaps}}"),
            own("{resourceAttributes: {namespace: $ns, verb: delete, resource: configmaps}}"),
            own("{nonResourceAttributes: {path: /healthz, verb: get}}").only(&["/status/allowed"]),
            own("{nonResourceAttributes: {path: /secret, verb: get}}"),
            own("{}"),
            own(
                "{resourceAttributes: {namespace: $ns, verb: get, resource: configmaps}, nonResourceAttributes: {path: /, verb: get}}",
            ),
        ])
    })
    .differs(Difference {
        why: "A value in a message is not shown as a Go struct.",
        answers: &[
            (9, "/body/~1message", r#"".authorization.k8s.io \"\" is invalid: spec: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified""#),
        ],
    }),
    Case::calls("an administrator asks for the rights of others", || {
        reads(vec![
            review("{user: 'system:serviceaccount:$ns:a', groups: ['system:serviceaccounts'], resourceAttributes: {namespace: $ns, verb: list, resource: configmaps}}"), review("{user: x, resourceAttributes: {namespace: $ns, verb: list, resource: configmaps}}"),
            review("{user: x, groups: ['system:masters'], resourceAttributes: {verb: '*', group: '*', resource: '*'}}"), review("{resourceAttributes: {verb: get, resource: configmaps}}"), review("{user: x}"),
            post("/apis/authorization.k8s.io/v1/namespaces/$ns/localsubjectaccessreviews", "{apiVersion: authorization.k8s.io/v1, kind: LocalSubjectAccessReview, metadata: {namespace: $ns}, spec: {user: 'system:serviceaccount:$ns:a', resourceAttributes: {namespace: $ns, verb: get, resource: configmaps}}}").only(&["/status", "/code", "/message"]),
            review("{user: x, resourceAttributes: {verb: get, resource: configmaps}}").token("$token"),
        ])
    }),
    Case::steps("a client lists its own rights", |s| {
        Box::pin(async move {
            s.calls(reads(Vec::new())).await?;
            let body = "{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectRulesReview, spec: {namespace: $ns}}";
            let answer = s.ask(&post("$authorization/selfsubjectrulesreviews", body).token("$token")).await?;
            let rules = answer.body["status"]["resourceRules"].as_array().cloned().unwrap_or_default();
            let ours: Vec<Value> = rules.into_iter().filter(|rule| rule["resources"][0] == "configmaps").collect();
            s.note(
                "rules for ConfigMaps",
                &json!({ "status": answer.status, "incomplete": answer.body["status"]["incomplete"], "rules": ours }),
            );
            s.call(
                post(
                    "$authorization/selfsubjectrulesreviews",
                    "{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectRulesReview, spec: {}}",
                )
                .token("$token"),
            )
            .await
            .map(drop)
        })
    }),
    Case::calls("a client asks who it is", || {
        let who = || {
            post(
                "$authentication/selfsubjectreviews",
                "{apiVersion: authentication.k8s.io/v1, kind: SelfSubjectReview}",
            )
            .only(&[
                "/kind",
                "/status/userInfo/username",
                "/status/userInfo/groups",
                "/status/userInfo/uid",
                "/message",
            ])
        };
        let mut calls = granted("a", READ);
        calls.extend([
            who().token("$token"),
            who().anonymous(),
            who().impersonate("jane").header("impersonate-group", "devs"),
        ]);
        calls
    }),
    Case::calls("an administrator acts as another user", || {
        let mut calls = reads(Vec::new());
        calls.extend([
            get("$configmaps").impersonate("system:serviceaccount:$ns:a").only(&["/kind"]),
            get("$secrets").impersonate("system:serviceaccount:$ns:a"),
            get("$configmaps").impersonate("jane"),
            get("$configmaps").impersonate("jane").header("impersonate-group", "system:masters").only(&["/kind"]),
            get("$configmaps").impersonate("jane").header("impersonate-group", "a").also("impersonate-group", "b"),
            get("$configmaps").header("impersonate-group", "a"),
            get("$configmaps")
                .impersonate("jane")
                .header("impersonate-extra-scopes", "x")
                .header("impersonate-uid", "u"),
        ]);
        calls
    })
    .differs(Difference {
        why: "The message does not show a Go struct.",
        answers: &[
            (6, "/body/message", r#""requested groups, a uid or extra without impersonating a user name""#),
        ],
    }),
    Case::calls("acting as another user needs a right", || {
        able(
            "[{apiGroups: [''], resources: [configmaps], verbs: [list]}, {apiGroups: [''], resources: [serviceaccounts], resourceNames: [a], verbs: [impersonate]}]",
            "$configmaps",
            vec![
                get("$configmaps").token("$token").impersonate("jane"),
                get("$configmaps").token("$token").impersonate("system:serviceaccount:$ns:a").only(&["/kind"]),
                get("$configmaps").token("$token").impersonate("system:serviceaccount:$ns:b"),
                get("$configmaps").token("$token").impersonate("jane").header("impersonate-group", "system:masters"),
            ],
        )
    })
    .differs(Difference {
        why: "The finer verbs for impersonation are not known; a refusal names the user that was asked for.",
        answers: &[
            (1, "/body/details/kind", r#""users""#),
            (1, "/body/details/name", r#""jane""#),
            (1, "/body/message", r#""users \"jane\" is forbidden: User \"system:serviceaccount:n-<id>:a\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope""#),
        ],
    }),
    Case::calls("a right to a token is a right to token requests", || {
        let request = "{apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: {}}";
        able(
            "[{apiGroups: [''], resources: [serviceaccounts], verbs: [get, list]}, {apiGroups: [''], resources: [serviceaccounts/token], resourceNames: [b], verbs: [create]}]",
            "$serviceaccounts",
            vec![
                post("$serviceaccounts", object("v1, kind: ServiceAccount", "b", "")).quiet(),
                post("$serviceaccounts/b/token", request).token("$token").only(&["/kind"]),
                post("$serviceaccounts/a/token", request).token("$token"),
            ],
        )
    }),
    Case::calls("reviews that are not valid are refused", || {
        wordless(vec![
            post(
                "$authorization/selfsubjectaccessreviews",
                "{apiVersion: authorization.k8s.io/v1, kind: SelfSubjectAccessReview, spec: {user: x}}",
            ),
            post("$authorization/subjectaccessreviews", config_map("a", "")),
            post("$authentication/selfsubjectreviews", "").text("{"),
        ])
    }),
];
