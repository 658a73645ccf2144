//! ValidatingAdmissionPolicies: when they act, and what their refusal says.

use anyhow::Result;

use super::objects::{config_map, object, widget};
use crate::call::{Call, apply, delete, get, merge_patch, post, put};
use crate::case::{Case, Difference};
use crate::session::Session;

const KIND: &str = "admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy";
const MAPS: &str =
    "{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}";
/// What polls whether a policy acts: it must refuse ConfigMaps of the name `probe`.
const PROBE: &str = "{expression: 'object.metadata.name != \"probe\"', message: probed}";

/// A policy for the case's namespace, bound, and awaited.
fn policy(rule: &str, more: &str, validations: &str) -> Vec<Call> {
    bound(&format!("{rule}, {MAPS}"), more, validations, "Deny")
}

fn bound(rules: &str, more: &str, validations: &str, actions: &str) -> Vec<Call> {
    let mut calls = created(rules, more, &format!("{PROBE}, {validations}"), actions);
    if actions == "Deny" {
        calls.push(acts(422));
    }
    calls
}

fn created(rules: &str, more: &str, validations: &str, actions: &str) -> Vec<Call> {
    let selector = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}";
    let spec = format!(
        "spec: {{matchConstraints: {{{selector}, resourceRules: [{rules}]}}, validations: [{validations}]{more}}}"
    );
    let binding = format!("spec: {{policyName: p-$id, validationActions: [{actions}]}}");
    vec![
        post("$admission/validatingadmissionpolicies", object(KIND, "p-$id", &spec)).quiet(),
        post(
            "$admission/validatingadmissionpolicybindings",
            object(&format!("{KIND}Binding"), "p-$id", &binding),
        )
        .quiet(),
    ]
}

/// Waits until a dry run of the probe is answered so.
fn acts(status: u16) -> Call {
    post("$configmaps?dryRun=All", config_map("probe", "")).until(status).quiet_any()
}

fn maps(validations: &str, then: Vec<Call>) -> Vec<Call> {
    bound(MAPS, "", validations, "Deny").into_iter().chain(then).collect()
}

fn policy_refused(more: &str) -> Call {
    post(
        "$admission/validatingadmissionpolicies",
        object(KIND, "x-$id", &format!("spec: {{{more}}}")),
    )
    .only(&["/code", "/reason", "/details/causes/0/field", "/details/causes/0/reason"])
}

pub(super) const CASES: &[Case] = &[
    Case::calls("a policy and a binding come back with defaults", || {
        let mut calls = created(MAPS, "", PROBE, "Deny");
        calls.extend([
            get("$admission/validatingadmissionpolicies/p-$id").only(&["/spec", "/metadata/generation"]),
            get("$admission/validatingadmissionpolicybindings/p-$id").only(&["/spec", "/metadata/generation"]),
        ]);
        calls
    }),
    Case::calls("a refusal is Invalid and names policy, binding and message", || {
        maps(
            "{expression: 'has(object.data) && size(object.data) > 0', message: data is needed}",
            vec![
                post("$configmaps", config_map("a", "")),
                post("$configmaps", config_map("a", "data: {k: v}")).only(&["/kind"]),
            ],
        )
    }),
    Case::calls("a refusal without a message has the expression", || {
        maps("{expression: 'has(object.data)'}", vec![post("$configmaps", config_map("a", ""))])
    }),
    Case::calls("a refusal has the reason that the policy gives", || {
        maps(
            "{expression: 'object.metadata.name != \"f\"', reason: Forbidden, message: no f}, {expression: 'object.metadata.name != \"u\"', reason: Invalid, message: no u}, {expression: 'object.metadata.name != \"t\"', reason: RequestEntityTooLarge, message: no t}",
            ["f", "u", "t"].map(|name| post("$configmaps", config_map(name, ""))).to_vec(),
        )
    }),
    Case::calls("a message is computed", || {
        maps(
            "{expression: 'object.metadata.name != \"a\"', messageExpression: '\"not \" + object.metadata.name + \" by \" + request.userInfo.username'}",
            vec![
                post("$configmaps", config_map("a", ""))
                    .impersonate("jane")
                    .header("impersonate-group", "system:masters"),
            ],
        )
    }),
    Case::calls("variables are computed once and used", || {
        let variables = ", variables: [{name: keys, expression: 'has(object.data) ? size(object.data) : 0'}, {name: double, expression: 'variables.keys * 2'}]";
        bound(
            MAPS,
            variables,
            "{expression: 'variables.double <= 4', messageExpression: '\"double is \" + string(variables.double)'}",
            "Deny",
        )
        .into_iter()
        .chain([
            post("$configmaps", config_map("a", "data: {a: x, b: y, c: z}")),
            post("$configmaps", config_map("a", "data: {a: x}")).only(&["/kind"]),
        ])
        .collect()
    }),
    Case::calls("each variable may cost as much as a whole expression", || {
        let question = |name| {
            format!("{{name: {name}, expression: 'authorizer.group(\"\").resource(\"{name}\").check(\"get\").allowed()'}}")
        };
        let variables = ["pods", "nodes", "secrets", "services"].map(question).join(", ");
        let all = "variables.pods && variables.nodes && variables.secrets && variables.services";
        bound(
            MAPS,
            &format!(", variables: [{variables}]"),
            &format!("{{expression: '{all}', message: all}}"),
            "Deny",
        )
        .into_iter()
        .chain([post("$configmaps", config_map("a", ""))])
        .collect()
    }),
    Case::calls("a policy is asked about token requests", || {
        let rule = "{apiGroups: [''], apiVersions: ['*'], operations: [CREATE], resources: [serviceaccounts/token]}";
        let expression = "{expression: 'object.?spec.?expirationSeconds.orValue(0) <= 7200', message: two hours at most}";
        let token = |seconds| {
            post("$serviceaccounts/a/token", format!("{{apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: {{expirationSeconds: {seconds}}}}}"))
        };
        let mut calls = policy(rule, "", expression);
        calls.extend([
            post("$serviceaccounts", object("v1, kind: ServiceAccount", "a", "")).quiet(),
            token(7201),
            token(7200).only(&["/kind"]),
        ]);
        calls
    }),
    Case::calls("an expression that costs too much refuses", || {
        let question = |name| format!("authorizer.group(\"\").resource(\"{name}\").check(\"get\").allowed()");
        let all = ["pods", "nodes", "secrets"].map(question).join(" && ");
        maps(
            &format!("{{expression: 'object.metadata.name != \"a\" || {all}', message: all}}"),
            vec![post("$configmaps", config_map("a", "")), post("$configmaps", config_map("b", "")).only(&["/kind"])],
        )
    }),
    Case::calls("the old object is there on update and null on create", || {
        maps(
            "{expression: 'oldObject == null || !has(oldObject.data) || object.data == oldObject.data', message: data stays}",
            vec![
                post("$configmaps", config_map("a", "data: {k: v}")).only(&["/kind"]),
                merge_patch("$configmaps/a", "{data: {k: w}}"),
                merge_patch("$configmaps/a", "{metadata: {labels: {x: y}}}").only(&["/kind"]),
                put("$configmaps/a", config_map("a", "data: {l: w}")),
                apply("$configmaps/a?fieldManager=one&force=true", config_map("a", "data: {k: w}")),
            ],
        )
    }),
    Case::calls("a deletion is judged by the old object", || {
        policy("{apiGroups: [''], apiVersions: [v1], operations: [DELETE], resources: [configmaps]}", "", "{expression: 'request.operation != \"DELETE\" || !has(oldObject.metadata.labels) || !(\"keep\" in oldObject.metadata.labels)', message: kept}").into_iter().chain([
            post("$configmaps", config_map("a, labels: {keep: x}", "")).quiet(), post("$configmaps", config_map("b", "")).quiet(), delete("$configmaps/a"), delete("$configmaps"), get("$configmaps").only(&["/items/0/metadata/name"]),
        ]).collect()
    }),
    Case::calls("the object says who manages its fields", || {
        let applied = |manager: &str| {
            apply(
                format!("$configmaps/a?fieldManager={manager}"),
                config_map("a", &format!("data: {{{manager}: v}}")),
            )
        };
        maps(
            "{expression: 'object.metadata.?managedFields.orValue([]).all(entry, entry.manager != \"c\") && object.metadata.?managedFields.orValue([]).size() <= 3', message: managed by others}",
            vec![
                applied("a").only(&["/data"]),
                applied("b").only(&["/data"]),
                applied("c"),
                merge_patch("$configmaps/a?fieldManager=d", "{data: {d: v}}").only(&["/data"]),
                applied("e"),
            ],
        )
    }),
    Case::calls("the request says who, what and where", || {
        maps(
            "{expression: 'request.userInfo.username != \"jane\" || !(\"devs\" in request.userInfo.groups)', message: not jane}, {expression: 'request.namespace == object.metadata.namespace && request.kind.kind == \"ConfigMap\" && request.resource.resource == \"configmaps\" && request.name == object.metadata.name', message: odd request}",
            vec![
                post("$configmaps", config_map("a", "")).only(&["/kind"]),
                post("$configmaps", config_map("b", ""))
                    .impersonate("jane")
                    .header("impersonate-group", "devs")
                    .also("impersonate-group", "system:masters"),
                post("$configmaps?dryRun=All", config_map("b", ""))
                    .impersonate("jane")
                    .header("impersonate-group", "devs")
                    .also("impersonate-group", "system:masters"),
            ],
        )
    }),
    Case::calls("the authorizer answers for the user", || {
        maps(
            "{expression: 'authorizer.group(\"\").resource(\"secrets\").namespace(object.metadata.namespace).check(\"get\").allowed()', message: needs secrets}, {expression: 'authorizer.requestResource.check(\"approve\").allowed()', message: needs approve}",
            {
                let mut calls =
                    super::objects::granted("a", "[{apiGroups: [''], resources: [configmaps], verbs: [create, list]}]");
                calls.extend([
                    get("$configmaps").token("$token").until(200).quiet(),
                    post("$configmaps", config_map("a", "")).token("$token"),
                    post("$configmaps", config_map("a", "")).only(&["/kind"]),
                ]);
                calls
            },
        )
    }),
    Case::calls("the namespace is there as an object", || {
        let mut calls = vec![merge_patch("$namespaces/$ns", "{metadata: {labels: {strict: 'yes'}}}").quiet()];
        calls.extend(maps("{expression: '!(has(namespaceObject.metadata.labels) && \"strict\" in namespaceObject.metadata.labels) || has(object.data)', message: strict here}", vec![post("$configmaps", config_map("a", "")), post("$configmaps", config_map("a", "data: {k: v}")).only(&["/kind"])]));
        calls
    }),
    Case::calls("an error in an expression refuses, unless the policy says Ignore", || {
        let mut calls = maps(
            "{expression: 'object.data[\"k\"] == \"v\"', message: k is v}",
            vec![post("$configmaps", config_map("a", "data: {l: v}")), post("$configmaps", config_map("a", ""))],
        );
        calls.extend([
            merge_patch("$admission/validatingadmissionpolicies/p-$id", "{spec: {failurePolicy: Ignore}}").quiet(),
            post("$configmaps?dryRun=All", config_map("b", "data: {l: v}")).until(201).only(&["/kind"]),
            post("$configmaps", config_map("b", "data: {k: w}")),
        ]);
        calls
    }),
    Case::calls("match conditions leave requests out", || {
        bound(
            MAPS,
            ", matchConditions: [{name: not-admin, expression: 'object.metadata.name != \"free\"'}]",
            "{expression: 'has(object.data)', message: data}",
            "Deny",
        )
        .into_iter()
        .chain([post("$configmaps", config_map("free", "")).only(&["/kind"]), post("$configmaps", config_map("a", ""))])
        .collect()
    }),
    Case::calls("a policy that warns lets pass with a warning", || {
        let mut calls =
            created(MAPS, "", "{expression: 'has(object.data)', message: data would be nice}", "Warn, Audit");
        // The warning itself shows when the policy acts; a refusal cannot.
        calls.extend([
            post("$configmaps?dryRun=All", config_map("a", "")).until_header("warning"),
            post("$configmaps", config_map("a", "data: {k: v}")).only(&["/kind"]),
        ]);
        calls
    }),
    Case::calls("a policy for the status acts there alone", || {
        policy(
            "{apiGroups: [$shared], apiVersions: ['*'], operations: [UPDATE], resources: [widgets/status]}",
            "",
            "{expression: '!has(object.status) || object.status.phase != \"Bad\"', message: no bad phase}",
        )
        .into_iter()
        .chain([
            post("$widgets", widget("a", "")).quiet(),
            merge_patch("$widgets/a/status", "{status: {phase: Bad}}"),
            merge_patch("$widgets/a/status", "{status: {phase: Good}}").only(&["/status"]),
            merge_patch("$widgets/a", "{spec: {size: 2}}").only(&["/spec"]),
        ])
        .collect()
    }),
    Case::calls("custom resources are judged after defaults", || {
        policy("{apiGroups: [$shared], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [widgets]}", "", "{expression: 'object.kind != \"Widget\" || object.spec.color != \"red\" || object.metadata.name != \"a\"', message: a is not red}").into_iter().chain([post("$widgets", widget("a", "spec: {}")), post("$widgets", widget("a", "spec: {color: blue}")).only(&["/kind"])]).collect()
    }),
    Case::calls("an object selector looks at labels, old and new", || {
        let selector = "objectSelector: {matchLabels: {judged: 'yes'}}, namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}";
        let spec = format!(
            "spec: {{matchConstraints: {{{selector}, resourceRules: [{MAPS}]}}, validations: [{{expression: 'false', message: judged}}]}}"
        );
        vec![
            post("$admission/validatingadmissionpolicies", object(KIND, "p-$id", &spec)).quiet(),
            post(
                "$admission/validatingadmissionpolicybindings",
                object(&format!("{KIND}Binding"), "p-$id", "spec: {policyName: p-$id, validationActions: [Deny]}"),
            )
            .quiet(),
            post("$configmaps?dryRun=All", config_map("a, labels: {judged: 'yes'}", "")).until(422),
            post("$configmaps", config_map("a", "")).only(&["/kind"]),
            merge_patch("$configmaps/a", "{metadata: {labels: {judged: 'yes'}}}"),
        ]
    }),
    Case::calls("the first of several refusals is told", || {
        maps(
            "{expression: 'object.metadata.name != \"a\"', message: first}, {expression: 'object.metadata.name != \"a\"', message: second}",
            vec![post("$configmaps", config_map("a", ""))],
        )
    }),
    Case::steps("parameters come from an object", |s| Box::pin(parameters(s)))
    .differs(Difference {
        why: "Parameters of policies are not supported; a policy that asks for them is refused when it is written.",
        answers: &[
            (1, "/body/~1reason", r#""Invalid""#),
            (1, "/body/~1details~1causes~10", r#"{"field":"spec.paramKind","message":"Forbidden: parameters of policies are not supported","reason":"FieldValueForbidden"}"#),
            (1, "/status", "422"),
            (2, "", ""),
            (3, "", ""),
        ],
    }),
    Case::calls("a policy without a binding does nothing, one that is deleted no more", || {
        let mut calls = maps(
            "{expression: 'true'}",
            vec![
                delete("$admission/validatingadmissionpolicybindings/p-$id").quiet(),
                post("$configmaps?dryRun=All", config_map("probe", "")).until(201).only(&["/kind"]),
            ],
        );
        calls.extend([
            delete("$admission/validatingadmissionpolicies/p-$id").only(&["/status"]),
            get("$admission/validatingadmissionpolicies/p-$id"),
        ]);
        calls
    }),
    Case::calls("a policy that cannot be used is refused", || {
        vec![
            policy_refused("matchConstraints: {resourceRules: []}, validations: []"),
            policy_refused(&format!(
                "matchConstraints: {{resourceRules: [{MAPS}]}}, validations: [{{expression: 'object.metadata.name =='}}]"
            )),
            policy_refused(&format!(
                "matchConstraints: {{resourceRules: [{MAPS}]}}, validations: [{{expression: '1 + 1'}}]"
            )),
            policy_refused(&format!(
                "matchConstraints: {{resourceRules: [{MAPS}]}}, validations: [{{expression: 'true', reason: Sideways}}]"
            )),
            policy_refused(&format!(
                "failurePolicy: Maybe, matchConstraints: {{resourceRules: [{MAPS}]}}, validations: [{{expression: 'true'}}]"
            )),
            policy_refused(
                "matchConstraints: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [DANCE], resources: [configmaps]}]}, validations: [{expression: 'true'}]",
            ),
            policy_refused(&format!(
                "matchConstraints: {{resourceRules: [{MAPS}]}}, validations: [{{expression: 'variables.none'}}]"
            )),
        ]
    }),
    Case::calls("a binding that cannot be used is refused", || {
        let binding = |spec: &str| {
            post(
                "$admission/validatingadmissionpolicybindings",
                object(&format!("{KIND}Binding"), "x-$id", &format!("spec: {spec}")),
            )
            .only(&["/code", "/reason", "/details/causes"])
        };
        vec![
            binding("{policyName: '', validationActions: [Deny]}"),
            binding("{policyName: p, validationActions: []}"),
            binding("{policyName: p, validationActions: [Deny, Warn]}"),
            binding("{policyName: p, validationActions: [Shout]}"),
        ]
    }),
];

async fn parameters(s: &mut Session) -> Result<()> {
    let binding = "spec: {policyName: p-$id, validationActions: [Deny], paramRef: {name: limits, namespace: $ns, parameterNotFoundAction: Deny}}";
    let selector = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}";
    let spec = format!(
        "spec: {{paramKind: {{apiVersion: v1, kind: ConfigMap}}, matchConstraints: {{{selector}, resourceRules: [{MAPS}]}}, validations: [{{expression: 'object.metadata.name != params.data.forbidden', messageExpression: '\"not \" + params.data.forbidden'}}]}}"
    );
    s.call(post("$configmaps", config_map("limits", "data: {forbidden: a}")).quiet()).await?;
    let policy = post("$admission/validatingadmissionpolicies", object(KIND, "p-$id", &spec));
    if s.call(policy.only(&["/reason", "/details/causes/0"])).await?.status != 201 {
        return Ok(());
    }
    s.calls(vec![
        post(
            "$admission/validatingadmissionpolicybindings",
            object(&format!("{KIND}Binding"), "p-$id", binding),
        )
        .quiet(),
        post("$configmaps?dryRun=All", config_map("a", "")).until(422).quiet_any(),
        post("$configmaps", config_map("a", "")),
        post("$configmaps", config_map("b", "")).only(&["/kind"]),
    ])
    .await
}
