//! MutatingAdmissionPolicies: when they act, and what they can change.

use super::objects::{config_map, granted, object, widget};
use crate::call::{Call, apply, delete, get, json_patch, merge_patch, post, put, wordless};
use crate::case::{Case, Difference};

pub(super) const KIND: &str = "admissionregistration.k8s.io/v1, kind: MutatingAdmissionPolicy";
pub(super) const POLICIES: &str = "$admission/mutatingadmissionpolicies";
pub(super) const BINDINGS: &str = "$admission/mutatingadmissionpolicybindings";
pub(super) const WIDGETS: &str =
    "{apiGroups: [$shared], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [widgets]}";
const STATUS: &str =
    "{apiGroups: [$shared], apiVersions: [v1], operations: [UPDATE], resources: [widgets/status]}";
const MAPS: &str =
    "{apiGroups: [''], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}";
/// What a policy must match for its probe to reach it.
const PROBED: &str = "{apiGroups: [$shared], apiVersions: [v1], operations: [CREATE], resources: [widgets], resourceNames: [probe]}";
const HERE: &str = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $ns}}";
pub(super) const NOTE: &str = r#"[JSONPatch{op: "add", path: "/spec/note", value: "noted"}]"#;

/// A mutation that is a patch.
pub(super) fn patch(expression: &str) -> String {
    format!("{{patchType: JSONPatch, jsonPatch: {{expression: '{expression}'}}}}")
}

/// A policy of this name and its binding, awaited.
fn bound(name: &str, rules: &str, more: &str, mutations: &[&str]) -> Vec<Call> {
    bound_where(name, rules, more, mutations, "")
}

/// The same, and where the binding puts it in force.
fn bound_where(
    name: &str,
    rules: &str,
    more: &str,
    mutations: &[&str],
    matches: &str,
) -> Vec<Call> {
    let probe = r#"object.?metadata.name == optional.of("probe")"#;
    let place = format!("/spec/free/{name}");
    let mark =
        format!(r#"{probe} ? [JSONPatch{{op: "add", path: "{place}", value: "acts"}}] : []"#);
    let mut all = vec![patch(&mark)];
    all.extend(mutations.iter().map(|mutation| patch(&format!("{probe} ? [] : {mutation}"))));
    let never =
        if more.contains("reinvocationPolicy") { "" } else { ", reinvocationPolicy: Never" };
    let spec = format!(
        "spec: {{matchConstraints: {{{HERE}, resourceRules: [{rules}, {PROBED}]}}, mutations: [{}]{never}{more}}}",
        all.join(", ")
    );
    let binding = format!("spec: {{policyName: {name}-$id{matches}}}");
    vec![
        post(POLICIES, object(KIND, &format!("{name}-$id"), &spec)).quiet(),
        post(BINDINGS, object(&format!("{KIND}Binding"), &format!("{name}-$id"), &binding)).quiet(),
        acts(name),
    ]
}

/// Waits until a dry run of the probe shows the mark of a policy.
fn acts(name: &str) -> Call {
    let place = if name == "a" { "/spec/free/a" } else { "/spec/free/b" };
    post("$widgets?dryRun=All", widget("probe", "spec: {free: {}}"))
        .until_value(place, "acts")
        .quiet_any()
}

fn widgets(mutations: &[&str], then: Vec<Call>) -> Vec<Call> {
    bound("a", WIDGETS, "", mutations).into_iter().chain(then).collect()
}

/// A widget of each name, in which the mutation of that name makes these operations.
fn each(spec: &str, operations: &[(&str, &str)]) -> Vec<Call> {
    let one = |(name, operation): &(&str, &str)| {
        format!(r#"object.?metadata.name == optional.of("{name}") ? [{operation}] : []"#)
    };
    let mutations: Vec<String> = operations.iter().map(one).collect();
    let mutations: Vec<&str> = mutations.iter().map(String::as_str).collect();
    let created = operations.iter().map(|(name, _)| post("$widgets", widget(name, spec)));
    widgets(&mutations, created.collect())
}

pub(super) const CASES: &[Case] = &[
    Case::calls("a mutating policy and its binding come back with defaults", || {
        let spec = format!("spec: {{reinvocationPolicy: Never, matchConstraints: {{{HERE}, resourceRules: [{WIDGETS}]}}, mutations: [{}]}}", patch(NOTE));
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let binding = |name, spec: &str| post(BINDINGS, object(&format!("{KIND}Binding"), name, spec));
        vec![
            post(POLICIES, object(KIND, "p-$id", &spec)),
            binding("p-$id", "spec: {policyName: p-$id}"),
            binding("q-$id", "spec: {policyName: p-$id, matchResources: {objectSelector: {matchLabels: {a: b}}}}"),
            get(format!("{POLICIES}/p-$id")).header("accept", table),
            get(format!("{BINDINGS}/p-$id")).header("accept", table),
            merge_patch(format!("{POLICIES}/p-$id"), "{spec: {reinvocationPolicy: IfNeeded}}"),
            get(format!("{POLICIES}/p-$id/status")),
            delete(format!("{BINDINGS}/p-$id")),
            delete(format!("{POLICIES}/p-$id")),
        ]
    }),
    Case::calls("a field is set in what is created, replaced, patched and applied", || {
        widgets(&[NOTE], vec![
            post("$widgets", widget("w", "spec: {size: 1}")).save("version", "/metadata/resourceVersion"),
            put("$widgets/w?fieldManager=one", widget("w, resourceVersion: \"$version\"", "spec: {size: 2}")),
            merge_patch("$widgets/w?fieldManager=one", "{spec: {note: mine, size: 2}}"),
            json_patch("$widgets/w?fieldManager=one", "[{op: remove, path: /spec/note}]"),
            apply("$widgets/w?fieldManager=two", widget("w", "spec: {port: 1}")),
            apply("$widgets/v?fieldManager=two", widget("v", "spec: {port: 1}")),
            post("$widgets?dryRun=All", widget("d", "spec: {}")),
            get("$widgets/d"),
        ])
    }),
    Case::calls("each operation of a patch", || {
        widgets(
            &[
                r#"[JSONPatch{op: "add", path: "/spec/tags", value: ["x", "y"]}, JSONPatch{op: "add", path: "/spec/tags/-", value: "z"}, JSONPatch{op: "add", path: "/spec/tags/0", value: "w"}]"#,
                r#"[JSONPatch{op: "replace", path: "/spec/color", value: "blue"}, JSONPatch{op: "remove", path: "/spec/size"}]"#,
                r#"[JSONPatch{op: "copy", from: "/spec/color", path: "/spec/note"}, JSONPatch{op: "move", from: "/spec/optional", path: "/spec/free/moved"}]"#,
                r#"[JSONPatch{op: "test", path: "/spec/color", value: "blue"}, JSONPatch{op: "add", path: "/spec/ratio", value: 1.5}]"#,
            ],
            vec![post("$widgets", widget("w", "spec: {size: 1, optional: o, free: {}}"))],
        )
    }),
    Case::calls("a patch whose test fails changes nothing", || {
        widgets(
            &[
                r#"[JSONPatch{op: "add", path: "/spec/size", value: 5}, JSONPatch{op: "test", path: "/spec/color", value: "green"}]"#,
                NOTE,
            ],
            vec![post("$widgets", widget("w", "spec: {}")), post("$widgets", widget("v", "spec: {color: green}"))],
        )
    }),
    Case::calls("values become JSON", || {
        let value = |name: &str, value: &str| {
            format!(r#"JSONPatch{{op: "add", path: "/spec/anything/{name}", value: {value}}}"#)
        };
        let all = [
            value("null", "null"),
            r#"JSONPatch{op: "add", path: "/spec/anything/none"}"#.to_owned(),
            value("spec", "object.spec"),
            value("time", r#"timestamp("2020-01-01T00:00:00Z")"#),
            value("duration", r#"duration("90s")"#),
            value("uint", "5u"),
            value("bytes", r#"b"ab""#),
            value("large", "9007199254740993"),
            value("whole", "2.0"),
            value("map", r#"{"k": dyn(1), "l": dyn([true])}"#),
            value("optional", "optional.of(1)"),
        ];
        widgets(&[&format!("[{}]", all.join(", "))], vec![post("$widgets", widget("w", "spec: {anything: {}}"))])
    }),
    Case::calls("a value that is no JSON is refused", || {
        let value = |value: &str| format!(r#"JSONPatch{{op: "add", path: "/spec/anything/a", value: {value}}}"#);
        let values = [value(r#"{1: "x"}"#), value(r#"{true: "x"}"#), value("type(1)"), value("authorizer"), value(r#"JSONPatch{op: "x"}"#), value("optional.none()")];
        let names = ["one", "two", "three", "four", "five", "six"];
        let operations: Vec<(&str, &str)> =
            names.into_iter().zip(values.iter().map(String::as_str)).collect();
        each("spec: {anything: {}}", &operations)
    }),
    Case::calls("a patch that does not fit the object is refused", || {
        each("spec: {tags: [a]}", &[
            ("one", r#"JSONPatch{op: "add", path: "/spec/none/deep", value: 1}"#),
            ("two", r#"JSONPatch{op: "remove", path: "/spec/none"}"#),
            ("three", r#"JSONPatch{op: "replace", path: "/spec/none", value: 1}"#),
            ("four", r#"JSONPatch{op: "dance", path: "/spec/none"}"#),
            ("five", r#"JSONPatch{op: "move", path: "/spec/none"}"#),
            ("six", r#"JSONPatch{op: "copy", from: "/spec/nowhere", path: "/spec/note"}"#),
            ("seven", "JSONPatch{}"),
            ("eight", r#"JSONPatch{op: "add", path: "spec", value: 1}"#),
            ("nine", r#"JSONPatch{op: "replace", path: "/spec/tags/7", value: "x"}"#),
            ("ten", r#"JSONPatch{op: "add", path: "", value: {}}"#),
            ("eleven", r#"JSONPatch{op: "replace", path: "/kind", value: "Other"}"#),
            ("twelve", r#"JSONPatch{op: "replace", path: "/apiVersion", value: "$shared/v9"}"#),
            ("thirteen", r#"JSONPatch{op: "replace", path: "", value: {"a": "b"}}"#),
        ])
    }),
    Case::calls("fields of a patch that have another type when it is made", || {
        each("spec: {size: 1}", &[
            ("one", r#"JSONPatch{op: object.spec.size, path: "/a"}"#),
            ("two", r#"JSONPatch{op: "add", path: object.spec, value: 1}"#),
            ("three", r"JSONPatch{op: dyn(null)}"),
            ("four", r"JSONPatch{op: dyn(object).spec.color, strange: object}"),
            ("five", r#"JSONPatch{op: dyn(optional.of("a"))}"#),
            ("six", r#"JSONPatch{op: JSONPatch{op: "add"}.op, path: "/spec/size", value: JSONPatch{value: 3}.value}"#),
            ("seven", r#"JSONPatch{op: "copy", path: "/spec/note", ?from: optional.of("/spec/color")}"#),
            ("eight", r#"JSONPatch{op: "add", path: "/spec/note", ?value: object.spec.?missing}"#),
            ("nine", r#"JSONPatch{op: "add", path: "/spec/note", value: string(has(JSONPatch{op: "x"}.op) && !has(JSONPatch{}.op) && JSONPatch{op: "x"} == JSONPatch{op: "x", from: ""})}"#),
        ])
    }),
    Case::calls("metadata that a policy changes", || {
        let mut calls = each("spec: {}", &[
            ("one", r#"JSONPatch{op: "replace", path: "/metadata/name", value: "other"}"#),
            ("two", r#"JSONPatch{op: "replace", path: "/metadata/namespace", value: "default"}"#),
            ("three", r#"JSONPatch{op: "add", path: "/metadata/uid", value: "u"}, JSONPatch{op: "add", path: "/metadata/generation", value: 7}, JSONPatch{op: "add", path: "/metadata/creationTimestamp", value: "2020-01-01T00:00:00Z"}"#),
            ("four", r#"JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}}, JSONPatch{op: "add", path: "/metadata/annotations", value: {"c": "d"}}, JSONPatch{op: "add", path: "/metadata/finalizers", value: ["x/y"]}"#),
            ("five", r#"JSONPatch{op: "remove", path: "/metadata/managedFields"}"#),
            ("six", r#"JSONPatch{op: "add", path: "/metadata/labels", value: {"not a label": "b"}}"#),
            ("seven", r#"JSONPatch{op: "add", path: "/metadata/resourceVersion", value: "1"}"#),
        ]);
        calls.extend(["three", "four", "five"].map(|name| merge_patch(format!("$widgets/{name}"), "{spec: {size: 3}}")));
        calls
    }),
    Case::calls("metadata of another type is refused", || {
        wordless(each("spec: {}", &[("one", r#"JSONPatch{op: "add", path: "/metadata/labels", value: {"a": 1}}"#)]))
    }),
    Case::calls("a policy sees a new object before the server adds to it", || {
        let fields = ["name", "generateName", "namespace", "uid", "creationTimestamp", "generation", "managedFields"];
        let seen = fields.map(|field| format!(r#""{field}": has(object.metadata.{field})"#)).join(", ");
        let seen = format!(r#"{{"status": has(object.status), "named": has(request.name), {seen}}}"#);
        let all = format!(r#"[JSONPatch{{op: "add", path: "/spec/anything", value: {seen}}}]"#);
        widgets(&[&all], vec![
            post("$widgets", widget("w, uid: u", "spec: {}, status: {phase: Theirs}")).only(&["/spec/anything"]),
            post("$widgets", "{apiVersion: $shared/v1, kind: Widget, metadata: {generateName: g-}, spec: {}}").only(&["/spec/anything"]),
            merge_patch("$widgets/w", "{spec: {size: 3}}").only(&["/spec/anything"]),
        ])
    }),
    Case::calls("a mutated object is pruned, given defaults and judged", || {
        each("spec: {}", &[
            ("one", r#"JSONPatch{op: "add", path: "/spec/color", value: "pink"}"#),
            ("two", r#"JSONPatch{op: "add", path: "/spec/size", value: "x"}"#),
            ("three", r#"JSONPatch{op: "remove", path: "/spec/color"}, JSONPatch{op: "add", path: "/spec/parts", value: [{"name": "n"}]}"#),
            ("four", r#"JSONPatch{op: "add", path: "/spec/whole", value: {"a": "b", "c": "d"}}"#),
            ("five", r#"JSONPatch{op: "add", path: "/spec/note", value: null}"#),
            ("six", r#"JSONPatch{op: "add", path: "/metadata/strange", value: 1}, JSONPatch{op: "add", path: "/strange", value: 1}, JSONPatch{op: "add", path: "/spec/strange", value: 1}"#),
        ])
    }),
    Case::calls("keys are escaped, and who asks is known", || {
        widgets(
            &[
                r#"[JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("a.b/by"), value: request.userInfo.username}]"#,
                r#"[JSONPatch{op: "add", path: "/spec/free/" + jsonpatch.escapeKey("a~/b"), value: jsonpatch.escapeKey("~/~1")}]"#,
            ],
            vec![
                post("$widgets", widget("w, annotations: {x: y}", "spec: {free: {}}")),
                post("$widgets", widget("v, annotations: {x: y}", "spec: {free: {}}"))
                    .impersonate("jane")
                    .header("impersonate-group", "system:masters"),
            ],
        )
    }),
    Case::calls("an error in an expression refuses, unless a mutating policy says Ignore", || {
        let mut calls = widgets(
            &[r#"[JSONPatch{op: "add", path: "/spec/note", value: object.spec.optional}]"#, r#"[JSONPatch{op: "add", path: "/spec/size", value: 5}]"#, r#"[JSONPatch{op: "remove", path: "/spec/optional"}]"#],
            vec![
                post("$widgets", widget("w", "spec: {}")),
                post("$widgets", widget("v", "spec: {optional: o}")),
                merge_patch("$widgets/v", "{spec: {ratio: 2}}"),
            ],
        );
        calls.extend([
            merge_patch(format!("{POLICIES}/a-$id"), "{spec: {failurePolicy: Ignore}}").quiet(),
            post("$widgets?dryRun=All", widget("w", "spec: {}")).until(201).quiet(),
            post("$widgets", widget("w", "spec: {}")),
        ]);
        calls
    }),
    Case::calls("each mutation computes the variables anew", || {
        let more = r#", variables: [{name: size, expression: "has(object.spec.size) ? object.spec.size : 1"}, {name: next, expression: "variables.size + 1"}]"#;
        let next = r#"[JSONPatch{op: "add", path: "/spec/size", value: variables.next}]"#;
        bound("a", WIDGETS, more, &[next, next])
            .into_iter()
            .chain([post("$widgets", widget("w", "spec: {size: 2}"))])
            .collect()
    }),
    Case::calls("match conditions leave objects as they are, or fail", || {
        let more = r#", matchConditions: [{name: wanted, expression: "!has(object.spec.note)"}, {name: other, expression: "true"}]"#;
        bound("a", WIDGETS, more, &[NOTE])
            .into_iter()
            .chain([
                post("$widgets", widget("w", "spec: {note: mine}")),
                post("$widgets", widget("v", "spec: {}")),
                post("$widgets", widget("u", "")),
            ])
            .collect()
    }),
    Case::calls("a mutation knows rights, namespace and request", || {
        let mut calls = granted("a", "[{apiGroups: [$shared], resources: [widgets], verbs: [create, list]}]");
        let fields = r#"{"ns": namespaceObject.metadata.name, "op": request.operation, "sub": request.?subResource.orValue("none"), "new": string(oldObject == null)}"#;
        let may = r#"authorizer.requestResource.check("approve").allowed() ? "may" : "may not""#;
        calls.extend(widgets(
            &[&format!(r#"[JSONPatch{{op: "add", path: "/spec/note", value: {may}}}, JSONPatch{{op: "add", path: "/spec/free", value: {fields}}}]"#)],
            vec![
                get("$widgets").token("$token").until(200).quiet(),
                post("$widgets", widget("w", "spec: {}")).token("$token"),
                merge_patch("$widgets/w", "{spec: {size: 3}}"),
            ],
        ));
        calls
    }),
    Case::calls("a policy for the status changes the status alone", || {
        bound("a", STATUS, "", &[
            r#"request.?subResource.orValue("") == "status" ? [JSONPatch{op: "add", path: "/status/phase", value: request.userInfo.username}, JSONPatch{op: "add", path: "/spec/note", value: "no"}, JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}}] : []"#,
        ]).into_iter().chain([
            post("$widgets", widget("w", "spec: {size: 2}")),
            merge_patch("$widgets/w/status", "{status: {replicas: 1}}"),
            merge_patch("$widgets/w/status", "{status: {replicas: 1}}"),
            apply("$widgets/w/status?fieldManager=s", widget("w", "status: {selector: x}")),
            put("$widgets/w/status", widget("w", "status: {phase: mine}")),
            put("$widgets/w/status", widget("w", "spec: {}, status: {phase: mine}")),
            merge_patch("$widgets/w", "{spec: {size: 3}}"),
            merge_patch("$widgets/w/status", "{status: null}"),
        ]).collect()
    }),
    Case::calls("a policy for the object cannot set its status", || {
        widgets(&[r#"[JSONPatch{op: "add", path: "/status", value: {"phase": "Mine"}}]"#], vec![
            post("$widgets", widget("w", "spec: {size: 2}, status: {phase: Theirs}")),
            merge_patch("$widgets/w", "{spec: {size: 3}}"),
            merge_patch("$widgets/w/status", "{status: {phase: Theirs}}"),
            merge_patch("$widgets/w", "{spec: {size: 3}}"),
        ])
    }),
    Case::calls("what a policy sets is in nobody's hands, and what it undoes is no write", || {
        let versioned = |rest: &str| widget("w, resourceVersion: \"$version\"", rest);
        widgets(&[NOTE], vec![
            apply("$widgets/w?fieldManager=one", widget("w", "spec: {size: 1}")).save("version", "/metadata/resourceVersion"),
            apply("$widgets/w?fieldManager=one", versioned("spec: {size: 1}")),
            put("$widgets/w", versioned("spec: {size: 1}")),
            merge_patch("$widgets/w", "{metadata: {resourceVersion: \"$version\"}, spec: {note: null}}"),
            merge_patch("$widgets/w", "{metadata: {resourceVersion: \"$version\"}, spec: {note: other}}"),
            put("$widgets/w", versioned("spec: {size: 1}")),
            apply("$widgets/w?fieldManager=two", widget("w", "spec: {note: mine}")),
            apply("$widgets/w?fieldManager=two", widget("w", "spec: {note: noted}")),
            apply("$widgets/w?fieldManager=two", widget("w", "spec: {}")),
        ])
    }),
    Case::calls("deletions pass as they are", || {
        bound("a", "{apiGroups: [$shared], apiVersions: [v1], operations: ['*'], resources: [widgets]}", "", &[r#"[JSONPatch{op: "add", path: "/spec/note", value: object.metadata.name}]"#]).into_iter().chain([
            post("$widgets", widget("w", "spec: {}")),
            delete("$widgets/w"),
            post("$widgets", widget("v, finalizers: [a/b]", "spec: {}")),
            delete("$widgets/v"),
            merge_patch("$widgets/v", "{metadata: {finalizers: null}}"),
            get("$widgets/v"),
        ]).collect()
    }),
    Case::calls("a policy that is reinvoked acts twice where anything was patched", || {
        bound("a", WIDGETS, ", reinvocationPolicy: IfNeeded", &[r#"[JSONPatch{op: "add", path: "/spec/size", value: (has(object.spec.size) ? object.spec.size : 0) + 1}]"#]).into_iter().chain([
            post("$widgets", widget("w", "spec: {}")),
            merge_patch("$widgets/w", "{metadata: {labels: {a: b}}}"),
        ]).collect()
    }),
    Case::calls("of two policies that are reinvoked each sees what the other has done", || {
        let step = |name: &str, after: &str| {
            format!(r#"has(object.spec.free.{after}) && !has(object.spec.free.{name}) ? [JSONPatch{{op: "add", path: "/spec/free/{name}", value: "after {after}"}}] : []"#)
        };
        let mut calls = bound("a", WIDGETS, ", reinvocationPolicy: IfNeeded", &[&step("x", "y")]);
        calls.extend(bound("b", WIDGETS, ", reinvocationPolicy: IfNeeded", &[&step("y", "z")]));
        calls.extend([
            acts("a"),
            post("$widgets", widget("w", "spec: {free: {z: given}}")),
            post("$widgets", widget("v", "spec: {free: {y: given}}")),
        ]);
        calls
    }),
    Case::calls("a validating policy sees the mutated object", || {
        let kind = "admissionregistration.k8s.io/v1, kind: ValidatingAdmissionPolicy";
        let spec = format!("spec: {{matchConstraints: {{{HERE}, resourceRules: [{WIDGETS}]}}, validations: [{{expression: '!has(object.spec.note) || object.spec.note != \"noted\"', message: not noted}}]}}");
        let mut calls = vec![
            post("$admission/validatingadmissionpolicies", object(kind, "p-$id", &spec)).quiet(),
            post("$admission/validatingadmissionpolicybindings", object(&format!("{kind}Binding"), "p-$id", "spec: {policyName: p-$id, validationActions: [Deny]}")).quiet(),
            post("$widgets?dryRun=All", widget("probe", "spec: {note: noted}")).until(422).quiet_any(),
        ];
        calls.extend(widgets(&[NOTE], vec![post("$widgets", widget("w", "spec: {}"))]));
        calls
    }),
    Case::calls("a binding says where a policy acts", || {
        bound_where("a", WIDGETS, "", &[NOTE], ", matchResources: {objectSelector: {matchExpressions: [{key: out, operator: DoesNotExist}]}}").into_iter().chain([
            post("$widgets", widget("w", "spec: {}")),
            post("$widgets", widget("v, labels: {out: x}", "spec: {}")),
        ]).collect()
    }),
    Case::calls("objects of built-in kinds are mutated", || {
        let one = |name: &str, operation: &str| {
            format!(r#"object.?metadata.name == optional.of("{name}") ? [JSONPatch{{op: "add", {operation}}}] : []"#)
        };
        let mutations = [
            one("one", r#"path: "/data/b", value: "c""#),
            one("two", r#"path: "/strange", value: "c""#),
            one("three", r#"path: "/data", value: {"a b": "c"}"#),
            one("four", r#"path: "/metadata/strange", value: "c""#),
            one("five", r#"path: "/data/b", value: 1"#),
        ];
        let mut calls = bound("a", MAPS, "", &mutations.each_ref().map(String::as_str));
        calls.extend(["one", "two", "three", "four"].map(|name| post("$configmaps", config_map(name, "data: {a: b}"))));
        calls.extend([
            post("$configmaps", config_map("five", "data: {a: b}")).wordless(),
            merge_patch("$configmaps/one", "{data: {b: null}}"),
        ]);
        calls
    }),
    Case::calls("a policy for one version of a kind is asked about writes through another", || {
        let names = "names: {plural: things, singular: thing, kind: Thing, listKind: ThingList}";
        let version = |name: &str, storage: bool| {
            format!("{{name: {name}, served: true, storage: {storage}, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}")
        };
        let versions = format!("{}, {}", version("v1", true), version("v2", false));
        let crd = format!("spec: {{group: $group, scope: Namespaced, {names}, versions: [{versions}]}}");
        let rule = "{apiGroups: [$group], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [things]}";
        let things = "/apis/$group/v2/namespaces/$ns/things";
        let thing = |name: &str| object("$group/v2, kind: Thing", name, "");
        let mut calls = vec![post("$crds", object("apiextensions.k8s.io/v1, kind: CustomResourceDefinition", "things.$group", &crd)).quiet()];
        calls.extend(bound("a", rule, "", &[r#"[JSONPatch{op: "add", path: "/seen", value: object.apiVersion + " " + request.resource.version}]"#]));
        calls.extend([
            post(format!("{things}?dryRun=All"), thing("w")).until(201).quiet(),
            post(things, thing("w")),
            merge_patch(format!("{things}/w"), "{other: true}"),
            get("/apis/$group/v1/namespaces/$ns/things/w"),
        ]);
        calls
    }),
    Case::calls("policies are not mutated", || {
        bound("a", "{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*']}", "", &[r#"[JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}}]"#]).into_iter().chain([
            post(BINDINGS, object(&format!("{KIND}Binding"), "x-$id", "spec: {policyName: p}")),
            post("$configmaps", config_map("a", "")),
        ]).collect()
    }),
    Case::calls("a mutating policy is asked about token requests", || {
        let rule = "{apiGroups: [''], apiVersions: ['*'], operations: [CREATE], resources: [serviceaccounts/token]}";
        bound("a", rule, "", &[r#"object.kind == "TokenRequest" ? [JSONPatch{op: "add", path: "/spec/expirationSeconds", value: 7777}] : []"#]).into_iter().chain([
            post("$serviceaccounts", object("v1, kind: ServiceAccount", "a", "")).quiet(),
            post("$serviceaccounts/a/token", "{apiVersion: authentication.k8s.io/v1, kind: TokenRequest, spec: {}}").only(&["/spec/expirationSeconds"]),
        ]).collect()
    })
    .differs(Difference {
        why: "Mutating policies change objects that are stored; a token request is none.",
        answers: &[(1, "/body/~1spec~1expirationSeconds", "3600")],
    }),
];
