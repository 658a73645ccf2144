//! MutatingAdmissionPolicies and bindings that cannot be used.

use super::mutation::{BINDINGS, KIND, NOTE, POLICIES, WIDGETS, patch};
use super::objects::object;
use crate::call::{Call, post};
use crate::case::{Case, Difference};

/// A policy with this `spec`.
fn policy(spec: &str) -> Call {
    post(POLICIES, object(KIND, "x-$id", &format!("spec: {{{spec}}}")))
}

/// One that is whole, and has more.
fn with(more: &str) -> Call {
    let note = patch(NOTE);
    policy(&format!(
        "reinvocationPolicy: Never, matchConstraints: {{resourceRules: [{WIDGETS}]}}, mutations: [{note}]{more}"
    ))
}

fn mutations(mutations: &str) -> Call {
    policy(&format!(
        "reinvocationPolicy: Never, matchConstraints: {{resourceRules: [{WIDGETS}]}}, mutations: [{mutations}]"
    ))
}

/// A policy that mutates by this expression: a dry run, of which the result alone is told.
fn expression(expression: &str) -> Call {
    let mut call = mutations(&patch(expression)).only(&["/code", "/reason", "/details/causes"]);
    call.path.push_str("?dryRun=All");
    call
}

fn rule(rule: &str) -> Call {
    let note = patch(NOTE);
    policy(&format!(
        "reinvocationPolicy: Never, matchConstraints: {{resourceRules: [{{apiGroups: [$shared], apiVersions: [v1], {rule}}}]}}, mutations: [{note}]"
    ))
}

fn binding(spec: &str) -> Call {
    post(BINDINGS, object(&format!("{KIND}Binding"), "x-$id", &format!("spec: {spec}")))
}

pub(super) const CASES: &[Case] = &[
    Case::calls("a mutating policy lacks something, or has what it cannot have", || {
        vec![
            policy(""),
            policy("matchConstraints: {resourceRules: []}, mutations: []"),
            with(", failurePolicy: Maybe"),
            policy(&format!("reinvocationPolicy: Sometimes, matchConstraints: {{resourceRules: [{WIDGETS}]}}, mutations: [{}]", patch(NOTE))),
            with(", variables: [{name: 'a b', expression: '1'}, {name: '', expression: '1'}, {name: a, expression: ''}]"),
            with(", matchConditions: [{name: a, expression: 'true'}, {name: a, expression: ''}, {name: '', expression: 'true'}]"),
        ]
    }),
    Case::calls("a mutating policy is for creations and changes", || {
        vec![
            rule("operations: [CREATE, DELETE], resources: [widgets]"),
            rule("operations: [DANCE], resources: [widgets]"),
            rule("operations: [], resources: []"),
        ]
    }),
    Case::calls("a mutation has the patch of its type", || {
        vec![
            mutations("{patchType: JSONPatch}"),
            mutations("{jsonPatch: {expression: ''}}"),
            mutations("{patchType: JSONPatch, jsonPatch: {expression: '   '}}"),
            mutations("{patchType: JSONPatch, jsonPatch: {}}"),
            mutations("{patchType: Patch, jsonPatch: {expression: '1'}}"),
            mutations("{patchType: JSONPatch, jsonPatch: {expression: '[JSONPatch{}]'}, applyConfiguration: {expression: 'Object{}'}}"),
            mutations("{patchType: ApplyConfiguration}"),
            mutations("{patchType: ApplyConfiguration, jsonPatch: {expression: '[JSONPatch{}]'}, applyConfiguration: {expression: ''}}"),
        ]
    }),
    Case::calls("conditions, variables and mutations are compiled", || {
        vec![
            with(", matchConditions: [{name: a, expression: '1'}, {name: b, expression: 'variables.none'}]"),
            with(", matchConditions: [{name: a, expression: '[JSONPatch{}] == []'}]"),
            with(", variables: [{name: a, expression: 'x'}, {name: b, expression: '[JSONPatch{}]'}]"),
            with(", variables: [{name: a, expression: 'jsonpatch.escapeKey(\"a\")'}]"),
            mutations(&patch("[JSONPatch{value: variables.none}]")),
        ]
    }),
    Case::calls("a mutation makes a list of operations", || {
        let expressions = [
            r#"JSONPatch{op: "add"}"#,
            "[]",
            "[1]",
            "1",
            "object",
            "[dyn(1)]",
            r#"[JSONPatch{op: "add"}, 1]"#,
            "[JSONPatch{}.strange]",
            "[JSONPatch{}]",
            "true ? [JSONPatch{}] : []",
            "[JSONPatch{}] + []",
            r#"[JSONPatch{}].filter(p, p.op == "x")"#,
            "[1].map(n, JSONPatch{value: n})",
            "[?optional.of(JSONPatch{})]",
            "[.JSONPatch{}]",
        ];
        expressions.map(expression).to_vec()
    }),
    Case::calls("operations have known fields of known types", || {
        let expressions = [
            r#"[JSONPatch{op: "add", path: 1}]"#,
            "  [JSONPatch{op: 1}]",
            "[JSONPatch{op: null}]",
            "[JSONPatch{op: dyn(1)}]",
            "[JSONPatch{strange: 1}]",
            "[JSONPatch{strange: dyn(1)}]",
            "[JSONPatch{op: none}]",
            "[JSONPatch{value: none}]",
            r#"[JSONPatch{op: "a", op: "b"}]"#,
            r#"[JSONPatch{?op: "a"}]"#,
            "[JSONPatch{?value: optional.none()}]",
            r#"[Strange{op: "add"}]"#,
            r#"[request{op: "a"}]"#,
            "[kubernetes.JSONPatch{}]",
            "jsonpatch.escapeKey(1)",
        ];
        expressions.map(expression).to_vec()
    }),
    Case::calls("a mutating binding lacks something, or has what it cannot have", || {
        vec![
            binding("{}"),
            binding("{policyName: 'a b'}"),
            binding("{policyName: p, matchResources: {resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [DELETE], resources: [pods]}]}}"),
            binding("{policyName: p, matchResources: {matchPolicy: Never}}"),
            binding("{policyName: p, validationActions: [Deny]}"),
        ]
    }),
    Case::calls("a mutation is an apply configuration", || {
        vec![mutations("{patchType: ApplyConfiguration, applyConfiguration: {expression: 'Object{spec: Object.spec{note: \"n\"}}'}}").only(&["/reason", "/details/causes"])]
    })
    .differs(Difference {
        why: "Mutations are JSON patches here; a policy with any other is refused when it is written.",
        answers: &[
            (1, "/status", "422"),
            (1, "/body/~1reason", r#""Invalid""#),
            (1, "/body/~1details~1causes", r#"[{"field":"spec.mutations[0].patchType","message":"Forbidden: this is the embedded API server, which only does JSONPatch","reason":"FieldValueForbidden"}]"#),
        ],
    }),
];
