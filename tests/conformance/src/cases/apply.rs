//! Server-side apply: who owns which field.

use super::objects::{config_map, object, widget};
use crate::call::{Call, apply, get, merge_patch, post, put, wordless};
use crate::case::Case;

fn by(manager: &str, rest: &str) -> Call {
    apply(format!("$widgets/a?fieldManager={manager}"), widget("a", rest))
}

fn forced(manager: &str, rest: &str) -> Call {
    apply(format!("$widgets/a?fieldManager={manager}&force=true"), widget("a", rest))
}

fn of_map(manager: &str, rest: &str) -> Call {
    apply(format!("$configmaps/a?fieldManager={manager}"), config_map("a", rest))
}

pub(super) const CASES: &[Case] = &[
    Case::calls("an apply creates, with its fields owned", || {
        vec![by("one", "spec: {size: 1}"), of_map("one", "data: {k: v}"), get("$configmaps/a")]
    }),
    Case::calls("an apply of the same again changes nothing", || {
        vec![
            by("one", "spec: {size: 1}"),
            by("one", "spec: {size: 1}"),
            of_map("one", "data: {k: v}"),
            of_map("one", "data: {k: v}"),
        ]
    }),
    Case::calls("an apply changes what it owns", || {
        vec![
            by("one", "spec: {size: 1}").quiet(),
            by("one", "spec: {size: 2}"),
            of_map("one", "data: {k: v}").quiet(),
            of_map("one", "data: {k: w}"),
        ]
    }),
    Case::calls("fields that are not applied any more go away", || {
        vec![
            by("one", "spec: {size: 1, note: n}").quiet(),
            by("one", "spec: {size: 1}"),
            of_map("one", "data: {k: v, l: w}").quiet(),
            of_map("one", "data: {l: w}"),
            of_map("one", ""),
        ]
    }),
    Case::calls("another owner's field is a conflict that names it", || {
        vec![
            by("one", "spec: {size: 1, note: n}").quiet(),
            by("two", "spec: {size: 2, note: m}"),
            of_map("one", "data: {k: v}").quiet(),
            of_map("two", "data: {k: w}"),
        ]
    }),
    Case::calls("a conflict with an update names the updater", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v}")).quiet(),
            of_map("two", "data: {k: w}"),
            post("$widgets", widget("a", "spec: {size: 1}")).quiet(),
            by("two", "spec: {size: 2}"),
        ]
    }),
    Case::calls("force takes a field over", || {
        vec![
            by("one", "spec: {size: 1}").quiet(),
            forced("two", "spec: {size: 2}"),
            by("one", "spec: {size: 1}"),
        ]
    }),
    Case::calls("the same value has two owners", || {
        vec![
            by("one", "spec: {size: 1}").quiet(),
            by("two", "spec: {size: 1}"),
            by("one", "spec: {}"),
            by("two", "spec: {}"),
        ]
    }),
    Case::calls("an owner gives a field up while another keeps it", || {
        vec![
            of_map("one", "data: {k: v}").quiet(),
            of_map("two", "data: {k: v}").quiet(),
            of_map("one", ""),
            get("$configmaps/a"),
        ]
    }),
    Case::calls("items of a map list are owned by their key", || {
        vec![
            by("one", "spec: {parts: [{name: x, count: 2}]}").quiet(),
            by("two", "spec: {parts: [{name: y, count: 3}]}"),
            by("one", "spec: {parts: []}"),
            by("two", "spec: {parts: [{name: y, count: 4}, {name: z}]}"),
            by("two", "spec: {parts: [{name: z}, {name: z}]}"),
        ]
    }),
    Case::calls("items of a set are owned each", || {
        vec![
            by("one", "spec: {tags: [a, b]}").quiet(),
            by("two", "spec: {tags: [b, c]}"),
            by("one", "spec: {tags: [a]}"),
            by("one", "spec: {tags: []}"),
        ]
    }),
    Case::calls("an atomic list or map is owned as a whole", || {
        vec![
            by("one", "spec: {numbers: [1], whole: {a: x}}").quiet(),
            by("two", "spec: {numbers: [1, 2]}"),
            by("two", "spec: {whole: {b: y}}"),
            forced("two", "spec: {whole: {b: y}}"),
        ]
    }),
    Case::calls("labels and annotations have owners too", || {
        let with = |manager: &str, labels: &str| {
            apply(
                format!("$configmaps/a?fieldManager={manager}"),
                config_map(&format!("a, labels: {labels}, annotations: {labels}"), ""),
            )
        };
        vec![
            with("one", "{x: y}").quiet(),
            with("two", "{z: w}"),
            with("one", "{}"),
            with("one", "{z: v}"),
        ]
    }),
    Case::calls("finalizers and owner references are applied by item", || {
        let with = |manager: &str, metadata: &str| {
            apply(
                format!("$configmaps/a?fieldManager={manager}"),
                config_map(&format!("a, {metadata}"), ""),
            )
        };
        vec![
            with("one", "finalizers: [example.com/a]").quiet(),
            with("two", "finalizers: [example.com/b]"),
            with("one", "finalizers: []"),
            with(
                "two",
                "ownerReferences: [{apiVersion: v1, kind: Secret, name: s, uid: 11111111-1111-1111-1111-111111111111}]",
            ),
        ]
    }),
    Case::calls("containers of a Deployment are applied by name", || {
        let deployment = |manager: &str, containers: &str| {
            let spec = format!(
                "spec: {{selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: {containers}}}}}}}"
            );
            apply(
                format!("$deployments/d?fieldManager={manager}"),
                object("apps/v1, kind: Deployment", "d", &spec),
            )
            .only(&[
                "/spec/template/spec/containers",
                "/metadata/managedFields",
                "/reason",
                "/details",
            ])
        };
        vec![
            deployment("one", "[{name: x, image: 'i:1', env: [{name: A, value: '1'}]}]"),
            deployment("two", "[{name: y, image: 'i:1'}]"),
            deployment("two", "[{name: x, image: 'i:2'}]"),
            deployment("one", "[{name: z, image: 'i:1'}]"),
        ]
    }),
    Case::calls("a field manager is needed", || {
        vec![
            apply("$widgets/a", widget("a", "")),
            apply("$configmaps/a?fieldManager=", config_map("a", "")),
        ]
    }),
    Case::calls("a field manager's name is checked", || {
        let long = "m".repeat(129);
        vec![
            apply(format!("$configmaps/a?fieldManager={long}"), config_map("a", "")),
            apply("$configmaps/a?fieldManager=a%07b", config_map("a", "")),
            post(format!("$configmaps?fieldManager={long}"), config_map("a", "")),
        ]
    }),
    Case::calls("a field manager can be named on every write", || {
        vec![
            post("$widgets?fieldManager=maker", widget("a", "spec: {size: 1}"))
                .save("rv", "/metadata/resourceVersion"),
            merge_patch("$widgets/a?fieldManager=patcher", "{spec: {note: n}}")
                .save("rv", "/metadata/resourceVersion"),
            put(
                "$widgets/a?fieldManager=putter",
                widget("a, resourceVersion: '$rv'", "spec: {size: 2}"),
            ),
        ]
    }),
    Case::calls("managedFields in what is applied are refused", || {
        vec![apply(
            "$widgets/a?fieldManager=one",
            widget(
                "a, managedFields: [{manager: x, operation: Apply, apiVersion: $shared/v1, fieldsType: FieldsV1, fieldsV1: {}}]",
                "",
            ),
        )]
    }),
    Case::calls("what is applied is checked against the path", || {
        wordless(vec![
            apply("$widgets/a?fieldManager=one", widget("b", "")),
            apply("$widgets/a?fieldManager=one", "{apiVersion: $shared/v1, kind: Widget}"),
            apply("$widgets/a?fieldManager=one", config_map("a", "")),
            apply("$widgets/a?fieldManager=one", "{metadata: {name: a}}"),
            apply("$widgets/a?fieldManager=one", "").text("{"),
            apply("$widgets/a?fieldManager=one", "[]"),
        ])
    }),
    Case::calls("unknown fields in what is applied are refused or pruned alike", || {
        wordless(vec![
            by("one", "spec: {unknown: 1}"),
            of_map("one", "unknown: 1"),
            apply(
                "$widgets/a?fieldManager=one&fieldValidation=Strict",
                widget("a", "spec: {unknown: 1}"),
            ),
            apply(
                "$configmaps/b?fieldManager=one&fieldValidation=Ignore",
                config_map("b", "unknown: 1"),
            ),
        ])
    }),
    Case::calls("an apply that breaks the schema is refused", || {
        vec![
            by("one", "spec: {size: 99}"),
            by("one", "spec: {color: pink}"),
            by("one", "spec: {parts: [{count: 1}]}").wordless(),
        ]
    }),
    Case::calls("the status is applied apart from the rest", || {
        let status = |manager: &str, rest: &str| {
            apply(format!("$widgets/a/status?fieldManager={manager}"), widget("a", rest))
        };
        vec![
            by("one", "spec: {size: 1}, status: {phase: x}"),
            status(
                "two",
                "status: {phase: Ready, conditions: [{type: A, status: 'True'}]}, spec: {size: 5}",
            ),
            status("three", "status: {conditions: [{type: B, status: 'True'}]}"),
            status("three", "status: {phase: Other}"),
            by("one", "spec: {size: 1}"),
        ]
    }),
    Case::calls("an apply of the status of what does not exist is not found", || {
        vec![apply("$widgets/a/status?fieldManager=one", widget("a", "status: {phase: x}"))]
    }),
    Case::calls("an apply as a dry run stores nothing", || {
        vec![
            apply("$widgets/a?fieldManager=one&dryRun=All", widget("a", "spec: {size: 1}"))
                .only(&["/kind", "/spec"]),
            get("$widgets/a"),
        ]
    }),
    Case::calls("an apply with a version needs that version", || {
        vec![
            apply("$widgets/a?fieldManager=one", widget("a, resourceVersion: '1'", "")),
            by("one", "spec: {size: 1}").save("rv", "/metadata/resourceVersion").quiet(),
            by("one", "spec: {size: 2}").quiet(),
            apply(
                "$widgets/a?fieldManager=one",
                widget("a, resourceVersion: '$rv'", "spec: {size: 3}"),
            ),
            apply(
                "$widgets/a?fieldManager=one",
                widget("a, uid: 11111111-1111-1111-1111-111111111111", "spec: {size: 3}"),
            ),
        ]
    }),
    Case::calls("a merge patch takes over what it changes", || {
        vec![
            by("one", "spec: {size: 1, note: n}").quiet(),
            merge_patch("$widgets/a", "{spec: {size: 2}}"),
            by("one", "spec: {size: 3, note: n}"),
            by("one", "spec: {size: 2, note: n}"),
        ]
    }),
    Case::calls("an update can empty the managed fields", || {
        vec![
            by("one", "spec: {size: 1}").quiet(),
            merge_patch("$widgets/a", "{metadata: {managedFields: [{}]}}"),
            by("two", "spec: {size: 2}"),
        ]
    }),
    Case::calls("a removed default comes back under an apply", || {
        vec![by("one", "spec: {color: blue}").quiet(), by("one", "spec: {}"), by("one", "")]
    }),
    Case::calls("null in what is applied", || {
        vec![
            by("one", "spec: {size: 1, note: n, optional: x}").quiet(),
            by("one", "spec: {size: null, optional: null}"),
        ]
    }),
    Case::calls("force is only for an apply", || {
        vec![post("$widgets", widget("a", "")).quiet(), merge_patch("$widgets/a?force=true", "{}")]
    }),
];
