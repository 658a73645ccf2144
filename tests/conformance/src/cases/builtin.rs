//! The built-in kinds: what each checks and keeps.

use serde_json::json;

use super::objects::{config_map, object, secret};
use crate::call::{Call, delete, get, merge_patch, post, put, wordless};
use crate::case::{Case, Difference};

const TLS: &str = "type: kubernetes.io/tls";
const RBAC: &str = "rbac.authorization.k8s.io/v1, kind: ";
const TOKEN: &str = "{apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: ";

fn kubernetes(kind: &str, name: &str, rest: &str) -> String {
    object(&format!("{RBAC}{kind}"), name, rest)
}

fn lease(name: &str, spec: &str) -> String {
    object("coordination.k8s.io/v1, kind: Lease", name, &format!("spec: {spec}"))
}

fn event(name: &str, rest: &str) -> String {
    object(
        "v1, kind: Event",
        name,
        &format!(
            "involvedObject: {{kind: ConfigMap, apiVersion: v1, namespace: $ns, name: a}}, {rest}"
        ),
    )
}

fn account() -> Call {
    post("$serviceaccounts", object("v1, kind: ServiceAccount", "a", "")).quiet()
}

pub(super) const CASES: &[Case] = &[
    Case::calls("a Secret is Opaque unless it says otherwise; stringData becomes data", || {
        vec![
            post("$secrets", secret("a", "data: {k: dg==, l: eA==}, stringData: {k: w, m: z}")),
            merge_patch("$secrets/a", "{stringData: {n: x}}"),
            get("$secrets/a"),
        ]
    }),
    Case::calls("a Secret's data is base64 and its keys are file names", || {
        vec![
            post("$secrets", secret("a", "data: {k: '%%%'}")).wordless(),
            post("$secrets", secret("a", "data: {'a b': dg==}")),
            post("$secrets", secret("a", "data: {'..': dg==}")),
            post("$secrets", secret("a", "data: {k: 1}")).wordless(),
        ]
    }),
    Case::calls("a Secret's type does not change", || {
        vec![
            post("$secrets", secret("a", "type: example.com/one")).quiet(),
            merge_patch("$secrets/a", "{type: example.com/two}"),
            merge_patch("$secrets/a", "{type: null}"),
            put("$secrets/a", secret("a", "")),
        ]
    }),
    Case::calls("an immutable Secret's data does not change, nor does it become mutable", || {
        vec![
            post("$secrets", secret("a", "immutable: true, stringData: {k: v}")).quiet(),
            merge_patch("$secrets/a", "{stringData: {k: w}}"),
            merge_patch("$secrets/a", "{immutable: false}"),
            merge_patch("$secrets/a", "{immutable: null}"),
            merge_patch("$secrets/a", "{metadata: {labels: {x: y}}}"),
        ]
    }),
    Case::calls("a Secret of more than a mebibyte is refused", || {
        vec![post("$secrets", secret("a", &format!("stringData: {{k: {}}}", "x".repeat((1 << 20) + 1))))]
    }),
    Case::calls("a Secret of type tls has certificate and key", || {
        vec![
            post("$secrets", secret("a", TLS)),
            post("$secrets", secret("a", &format!("{TLS}, stringData: {{tls.crt: c}}"))),
            post("$secrets", secret("a", &format!("{TLS}, stringData: {{tls.crt: c, tls.key: k}}"))),
        ]
    }),
    Case::calls("Secrets of the other known types have what these need", || {
        [
            "kubernetes.io/dockerconfigjson",
            "kubernetes.io/basic-auth",
            "kubernetes.io/ssh-auth",
            "kubernetes.io/service-account-token",
            "bootstrap.kubernetes.io/token",
            "kubernetes.io/dockercfg",
        ]
        .map(|kind| post("$secrets", secret("a", &format!("type: {kind}"))))
        .to_vec()
    }),
    Case::calls("a ConfigMap has text and bytes", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v, 'UP_x-1.y': ''}, binaryData: {b: AAE=}")),
            post("$configmaps", config_map("b", "binaryData: {b: '%'}")).wordless(),
        ]
    }),
    Case::calls("a ConfigMap has each key once and valid", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v}, binaryData: {k: AAE=}")),
            post("$configmaps", config_map("a", "data: {'a/b': v}")),
            post("$configmaps", config_map("a", "data: {'': v}")),
        ]
    }),
    Case::calls("an immutable ConfigMap does not change", || {
        vec![
            post("$configmaps", config_map("a", "immutable: true, data: {k: v}")).quiet(),
            merge_patch("$configmaps/a", "{data: {k: w}}"),
            merge_patch("$configmaps/a", "{binaryData: {k: AAE=}}"),
            merge_patch("$configmaps/a", "{immutable: false}"),
            merge_patch("$configmaps/a", "{metadata: {labels: {x: y}}}").only(&["/metadata/labels"]),
        ]
    }),
    Case::calls("a ConfigMap of more than a mebibyte is refused", || {
        vec![post("$configmaps", config_map("a", &format!("data: {{k: {}}}", "x".repeat((1 << 20) + 1))))]
    }),
    Case::calls("a namespace is active, labelled with its name and held by a finalizer of its own", || {
        vec![
            post("$namespaces", object("v1, kind: Namespace", "new-$id", "")),
            get("$namespaces/new-$id"),
            get("$namespaces/new-$id/status").only(&["/status"]),
        ]
    }),
    Case::calls("a namespace's name is a label", || {
        vec![
            post("$namespaces", object("v1, kind: Namespace", "a.b", "")),
            post("$namespaces", object("v1, kind: Namespace", "A", "")),
        ]
    }),
    Case::calls("the label with a namespace's name comes back", || {
        vec![
            merge_patch("$namespaces/$ns", "{metadata: {labels: {kubernetes.io/metadata.name: null, x: y}}}"),
            merge_patch("$namespaces/$ns", "{metadata: {labels: {kubernetes.io/metadata.name: z}}}"),
        ]
    }),
    Case::calls("a namespace with a finalizer in its metadata goes when both are gone", || {
        vec![
            post("$namespaces", object("v1, kind: Namespace", "gone-$id, finalizers: [example.com/hold]", "")).quiet(),
            delete("$namespaces/gone-$id").only(&["/kind", "/status", "/metadata/finalizers"]),
            get("$namespaces/gone-$id").only(&["/status/phase", "/metadata/finalizers"]),
            put("$namespaces/gone-$id/finalize", object("v1, kind: Namespace", "gone-$id", "spec: {finalizers: []}"))
                .only(&["/kind"]),
            merge_patch("$namespaces/gone-$id", "{metadata: {finalizers: null}}").only(&["/kind"]),
            get("$namespaces/gone-$id").until(404),
        ]
    }),
    Case::calls("an empty namespace is gone after its deletion is finalized", || {
        vec![
            post("$namespaces", object("v1, kind: Namespace", "empty-$id", "")).quiet(),
            delete("$namespaces/empty-$id").only(&["/kind", "/metadata/name"]),
            put("$namespaces/empty-$id/finalize", object("v1, kind: Namespace", "empty-$id", "spec: {finalizers: []}"))
                .quiet_any(),
            get("$namespaces/empty-$id").until(404),
        ]
    }),
    Case::calls("system namespaces exist and stay", || {
        vec![
            get("$namespaces/default").until(200).only(&["/metadata/name", "/status/phase"]),
            get("$namespaces/kube-system").until(200).only(&["/metadata/name"]),
            delete("$namespaces/default"),
            delete("$namespaces/kube-system"),
        ]
    }),
    Case::calls("a ServiceAccount is plain", || {
        vec![
            post(
                "$serviceaccounts",
                object(
                    "v1, kind: ServiceAccount",
                    "a",
                    "automountServiceAccountToken: false, secrets: [{name: s}], imagePullSecrets: [{name: p}]",
                ),
            ),
            post("$serviceaccounts", object("v1, kind: ServiceAccount", "B", "")),
        ]
    }),
    Case::steps("a token of a ServiceAccount says who it is for", |s| {
        Box::pin(async move {
            s.call(account()).await?;
            let answer = s
                .call(post(
                    "$serviceaccounts/a/token",
                    format!("{TOKEN}{{audiences: [one, two], expirationSeconds: 3600}}}}"),
                ))
                .await?;
            let claims = claims(answer.body["status"]["token"].as_str().unwrap_or_default())?;
            let lifetime = claims["exp"].as_i64().unwrap_or_default() - claims["iat"].as_i64().unwrap_or_default();
            s.note("claims", &json!({ "aud": claims["aud"], "sub": claims["sub"], "lifetime": lifetime, "kubernetes.io": claims["kubernetes.io"], "nbf": claims["nbf"] == claims["iat"], "jti": claims["jti"].is_string() }));
            Ok(())
        })
    }),
    Case::calls("a token is for the server itself, and an hour, unless asked otherwise", || {
        vec![
            account(),
            post("$serviceaccounts/a/token", format!("{TOKEN}{{}}}}")).only(&[
                "/kind",
                "/spec/expirationSeconds",
                "/spec/boundObjectRef",
                "/metadata/name",
                "/metadata/namespace",
            ]),
        ]
    }),
    Case::steps("a token is asked for longer than the server's limit of 30 days", |s| {
        Box::pin(async move {
            s.call(account()).await?;
            for seconds in ["2592000", "2592001", "4294967296"] {
                let request = format!("{TOKEN}{{expirationSeconds: {seconds}}}}}");
                let answer = s.call(post("$serviceaccounts/a/token", request)).await?;
                let claims = claims(answer.body["status"]["token"].as_str().unwrap_or_default())?;
                let moment = |claim: &str| claims[claim].as_i64().unwrap_or_default();
                s.note("lifetime", &json!(moment("exp") - moment("iat")));
            }
            Ok(())
        })
    }),
    Case::calls("a token request is checked", || {
        vec![
            account(),
            post("$serviceaccounts/a/token", format!("{TOKEN}{{expirationSeconds: 599}}}}")),
            post("$serviceaccounts/a/token", format!("{TOKEN}{{expirationSeconds: 4294967297}}}}")),
            post("$serviceaccounts/none/token", format!("{TOKEN}{{}}}}")),
            post(
                "$serviceaccounts/a/token",
                format!("{TOKEN}{{boundObjectRef: {{kind: Secret, apiVersion: v1, name: none}}}}}}"),
            ),
            post(
                "$serviceaccounts/a/token",
                format!("{TOKEN}{{boundObjectRef: {{kind: ConfigMap, apiVersion: v1, name: x}}}}}}"),
            ),
            get("$serviceaccounts/a/token"),
        ]
    }),
    Case::calls("a token bound to a Secret", || {
        vec![
            account(),
            post("$secrets", secret("s", "")).quiet(),
            post(
                "$serviceaccounts/a/token",
                format!("{TOKEN}{{boundObjectRef: {{kind: Secret, apiVersion: v1, name: s}}}}}}"),
            )
            .only(&["/spec/boundObjectRef"]),
            post(
                "$serviceaccounts/a/token",
                format!(
                    "{TOKEN}{{boundObjectRef: {{kind: Secret, apiVersion: v1, name: s, uid: 11111111-1111-1111-1111-111111111111}}}}}}"
                ),
            ),
        ]
    }),
    Case::calls("a TokenReview says whose token it is", || {
        let review = "{apiVersion: authentication.k8s.io/v1, kind: TokenReview, spec: {token: $token}}";
        vec![
            account(),
            post("$serviceaccounts/a/token", format!("{TOKEN}{{}}}}")).save("token", "/status/token").quiet(),
            post("$authentication/tokenreviews", review).only(&[
                "/status/authenticated",
                "/status/user/username",
                "/status/user/uid",
                "/status/user/groups",
                "/status/error",
            ]),
        ]
    }),
    Case::calls("a TokenReview refuses what is no token, or one for another audience", || {
        let review = |spec: &str| {
            post(
                "$authentication/tokenreviews",
                format!("{{apiVersion: authentication.k8s.io/v1, kind: TokenReview, spec: {spec}}}"),
            )
            .only(&[
                "/status/authenticated",
                "/status/user",
                "/status/audiences",
                "/code",
                "/reason",
                "/message",
            ])
        };
        vec![
            account(),
            post("$serviceaccounts/a/token", format!("{TOKEN}{{audiences: [one]}}}}"))
                .save("token", "/status/token")
                .quiet(),
            review("{token: nonsense}"),
            review("{token: $token}"),
            review("{token: $token, audiences: [two]}"),
            review("{token: $token, audiences: [one, three]}"),
            review("{}"),
        ]
    }),
    Case::calls("a Lease is checked", || {
        vec![
            post(
                "$leases",
                lease(
                    "a",
                    "{holderIdentity: me, leaseDurationSeconds: 15, acquireTime: '2026-01-01T00:00:00.123456Z', renewTime: '2026-01-01T00:00:00.000000Z', leaseTransitions: 3}",
                ),
            ),
            post("$leases", lease("c", "{renewTime: '2026-01-01T00:00:00Z'}")).wordless(),
            post("$leases", lease("b", "{leaseDurationSeconds: 0}")),
            post("$leases", lease("b", "{leaseDurationSeconds: -1, leaseTransitions: -1}")),
            post("$leases", lease("b", "{renewTime: yesterday}")).wordless(),
            post("$leases", lease("b", "{holderIdentity: ''}")),
        ]
    }),
    Case::steps("of ten holders that renew one version exactly one wins, again and again", |s| {
        Box::pin(async move {
            let mut lease = s.call(post("$leases", lease("a", "{holderIdentity: nobody}")).quiet()).await?.body;
            for round in 0..5 {
                let renew = |number: usize| {
                    let mut lease = lease.clone();
                    lease["spec"]["holderIdentity"] = json!(format!("round-{round}-{number}"));
                    put("$leases/a", lease)
                };
                let calls: Vec<_> = (0..10).map(renew).collect();
                let mut wins = 0;
                for answer in futures::future::join_all(calls.iter().map(|call| s.ask(call))).await {
                    let answer = answer?;
                    if answer.status == 200 {
                        wins += 1;
                        lease = answer.body;
                    }
                }
                s.note("ten PUTs at the same time", &json!({ "winners": wins }));
            }
            Ok(())
        })
    }),
    Case::calls("an Event of the core group is one of events.k8s.io too", || {
        vec![
            post(
                "$core_events",
                event(
                    "a",
                    "reason: Made, message: done, type: Normal, count: 2, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:01Z', source: {component: tester, host: h}",
                ),
            ),
            get("$events/a"),
            get("$core_events/a"),
        ]
    }),
    Case::calls("an Event of events.k8s.io is one of the core group too", || {
        let body = "eventTime: '2026-01-01T00:00:00.000001Z', reportingController: example.com/tester, reportingInstance: t-1, action: Making, reason: Made, note: done, type: Normal, regarding: {kind: ConfigMap, apiVersion: v1, namespace: $ns, name: a}, series: {count: 2, lastObservedTime: '2026-01-01T00:00:00.000001Z'}";
        vec![
            post("$events", object("events.k8s.io/v1, kind: Event", "a", body)),
            get("$core_events/a"),
            delete("$events/a").only(&["/status", "/kind"]),
            get("$core_events/a"),
        ]
    }),
    Case::calls("an Event is checked", || {
        let new = |rest: &str| post("$events", object("events.k8s.io/v1, kind: Event", "b", rest));
        vec![
            post(
                "$core_events",
                object("v1, kind: Event", "b", "involvedObject: {kind: ConfigMap, namespace: other, name: a}"),
            ),
            post("$core_events", object("v1, kind: Event", "b", "")),
            new("reason: x"),
            new(
                "eventTime: '2026-01-01T00:00:00.000001Z', reportingController: c d, reportingInstance: i, action: a, reason: r, type: Loud, regarding: {namespace: $ns}",
            ),
            new("eventTime: '2026-01-01T00:00:00.000001Z', regarding: {namespace: $ns}"),
        ]
    }),
    Case::calls("rules of a role are checked", || {
        vec![
            post("$roles", kubernetes("Role", "a", "rules: [{apiGroups: [''], resources: [configmaps], verbs: []}]")),
            post("$roles", kubernetes("Role", "a", "rules: [{resources: [configmaps], verbs: [get]}]")),
            post("$roles", kubernetes("Role", "a", "rules: [{apiGroups: [''], verbs: [get]}]")),
            post("$roles", kubernetes("Role", "a", "rules: [{nonResourceURLs: [/x], verbs: [get]}]")),
            post(
                "$rbac/clusterroles",
                kubernetes(
                    "ClusterRole",
                    "a-$id",
                    "rules: [{nonResourceURLs: [/x], apiGroups: [''], resources: [a], verbs: [get]}]",
                ),
            ),
            post(
                "$roles",
                kubernetes(
                    "Role",
                    "'a:b'",
                    "rules: [{apiGroups: [''], resources: [configmaps, pods/log], resourceNames: [x], verbs: [get, '*']}]",
                ),
            ),
            post("$roles", kubernetes("Role", "'a/b'", "rules: []")),
        ]
    }),
    Case::calls("a binding is checked", || {
        let reference = "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}";
        let with = |rest: String| post("$rolebindings", kubernetes("RoleBinding", "a", &rest));
        vec![
            with("subjects: []".to_owned()),
            with("roleRef: {apiGroup: other, kind: Thing, name: ''}".to_owned()),
            with(format!("{reference}, subjects: [{{kind: Robot, name: x}}]")),
            with(format!("{reference}, subjects: [{{kind: ServiceAccount, name: x, apiGroup: other}}]")),
            with(format!("{reference}, subjects: [{{kind: User, name: ''}}]")),
            with(format!(
                "{reference}, subjects: [{{kind: ServiceAccount, name: x}}, {{kind: User, name: y}}, {{kind: Group, name: z}}]"
            )),
            post(
                "$rbac/clusterrolebindings",
                kubernetes(
                    "ClusterRoleBinding",
                    "a-$id",
                    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}, subjects: [{kind: ServiceAccount, name: x}]",
                ),
            ),
        ]
    }),
    Case::calls("the role of a binding does not change", || {
        vec![
            post(
                "$rolebindings",
                kubernetes("RoleBinding", "a", "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}"),
            )
            .quiet(),
            merge_patch("$rolebindings/a", "{roleRef: {name: s}}"),
            merge_patch("$rolebindings/a", "{subjects: [{kind: User, apiGroup: rbac.authorization.k8s.io, name: y}]}"),
        ]
    })
    .differs(Difference {
        why: "A value in a message is shown as it was sent, not as a Go struct.",
        answers: &[
            (1, "/body/details/causes/0/message", r#""Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"s\"}: field is immutable""#),
            (1, "/body/message", r#""RoleBinding.rbac.authorization.k8s.io \"a\" is invalid: roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"s\"}: field is immutable""#),
        ],
    }),
    Case::calls("the roles that every cluster has", || {
        vec![
            get("$rbac/clusterroles/cluster-admin").until(200).only(&["/rules"]),
            get("$rbac/clusterrolebindings/cluster-admin").until(200).only(&["/roleRef", "/subjects"]),
            get("$rbac/clusterroles/system:discovery").until(200).only(&["/rules"]),
            get("$rbac/clusterroles/system:public-info-viewer").until(200).only(&["/rules"]),
            get("$rbac/clusterroles/system:basic-user").until(200).only(&["/rules"]),
        ]
    }),
    Case::calls("a ClusterRole has an aggregation rule", || {
        vec![
            post(
                "$rbac/clusterroles",
                kubernetes(
                    "ClusterRole",
                    "a-$id",
                    "aggregationRule: {clusterRoleSelectors: [{matchLabels: {x: $id}}]}, rules: []",
                ),
            ),
            post("$rbac/clusterroles", kubernetes("ClusterRole", "b-$id", "aggregationRule: {}")),
        ]
    }),
    Case::calls("methods that a kind does not allow are refused", || {
        wordless(vec![
            get("$authentication/tokenreviews"),
            put("$configmaps", config_map("a", "")),
            delete("$authorization/selfsubjectaccessreviews"),
            merge_patch("$configmaps", "{}"),
        ])
    }),
];

fn claims(token: &str) -> anyhow::Result<serde_json::Value> {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap_or_default();
    Ok(serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload)?)?)
}
