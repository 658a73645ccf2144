//! JSON patch, merge patch and strategic merge patch.

use super::objects::{config_map, object, secret, widget};
use crate::call::{Call, get, json_patch, merge_patch, post, strategic_patch, wordless};
use crate::case::Case;

const SPEC: &[&str] = &[
    "/spec",
    "/data",
    "/metadata/labels",
    "/metadata/generation",
    "/code",
    "/reason",
    "/message",
    "/details",
];
const CONTAINERS: &[&str] = &[
    "/spec/template/spec/containers",
    "/spec/template/spec/tolerations",
    "/spec/template/metadata/labels",
    "/metadata/finalizers",
    "/code",
    "/reason",
    "/message",
];

fn deployment() -> Call {
    let containers = "[{name: one, image: 'i:1', env: [{name: A, value: '1'}, {name: B, value: '2'}], ports: [{containerPort: 80}]}, {name: two, image: 'i:1', args: [x, y]}]";
    let spec = format!(
        "spec: {{selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: {containers}}}}}}}"
    );
    post("$deployments", object("apps/v1, kind: Deployment", "d", &spec)).quiet()
}

fn containers(patches: &[&str]) -> Vec<Call> {
    let patch = |containers: &&str| {
        strategic_patch(
            "$deployments/d",
            format!("{{spec: {{template: {{spec: {{{containers}}}}}}}}}"),
        )
        .only(CONTAINERS)
    };
    [deployment()].into_iter().chain(patches.iter().map(patch)).collect()
}

fn json_patches(patches: &[&str]) -> Vec<Call> {
    let create =
        post("$widgets", widget("a", "spec: {size: 1, numbers: [1, 2], free: {k: v, 'x/y': z}}"))
            .quiet();
    let patch = |text: &&str| json_patch("$widgets/a", *text).only(SPEC);
    [create].into_iter().chain(patches.iter().map(patch)).collect()
}

pub(super) const CASES: &[Case] = &[
    Case::calls(
        "a patch that pins another version is a conflict; a uid counts in the object only",
        || {
            let create = post("$widgets", widget("pinned", "spec: {size: 1}")).quiet();
            let pins = [
                "{metadata: {uid: 00000000-0000-0000-0000-000000000000}, spec: {size: 2}}",
                "{metadata: {uid: 00000000-0000-0000-0000-000000000000}, status: {}}",
                "{metadata: {resourceVersion: '1'}, spec: {size: 2}}",
                "{metadata: {resourceVersion: '1'}, status: {}}",
            ];
            let patch = |(text, path): (&str, &str)| {
                merge_patch(path, text).only(&["/spec", "/code", "/reason"])
            };
            let paths = [
                "$widgets/pinned",
                "$widgets/pinned/status",
                "$widgets/pinned",
                "$widgets/pinned/status",
            ];
            [create].into_iter().chain(pins.into_iter().zip(paths).map(patch)).collect()
        },
    ),
    Case::calls("a JSON patch adds, replaces and removes", || {
        json_patches(&[
            "[{op: add, path: /spec/note, value: x}]",
            "[{op: replace, path: /spec/size, value: 2}]",
            "[{op: remove, path: /spec/note}]",
            "[{op: add, path: /spec/numbers/-, value: 3}]",
            "[{op: remove, path: /spec/numbers/0}, {op: add, path: /spec/numbers/0, value: 9}]",
            "[{op: replace, path: /spec/free/x~1y, value: w}]",
            "[{op: add, path: /metadata/labels, value: {l: m}}]",
        ])
    }),
    Case::calls("a JSON patch moves, copies and tests", || {
        json_patches(&[
            "[{op: move, from: /spec/free/k, path: /spec/free/l}]",
            "[{op: copy, from: /spec/free/l, path: /spec/free/m}]",
            "[{op: test, path: /spec/size, value: 1}, {op: replace, path: /spec/size, value: 5}]",
        ])
    }),
    Case::calls("a JSON patch whose test fails changes nothing", || {
        let mut calls = wordless(json_patches(&[
            "[{op: replace, path: /spec/size, value: 5}, {op: test, path: /spec/size, value: 6}]",
        ]));
        calls.push(get("$widgets/a").only(SPEC));
        calls
    }),
    Case::calls("a JSON patch of a place that is not there is refused", || {
        wordless(json_patches(&[
            "[{op: replace, path: /spec/none, value: 1}]",
            "[{op: remove, path: /spec/none}]",
            "[{op: add, path: /spec/none/deep, value: 1}]",
            "[{op: add, path: /spec/numbers/9, value: 1}]",
        ]))
    }),
    Case::calls("a JSON patch that is none is refused", || {
        wordless(json_patches(&[
            "{spec: {size: 2}}",
            "[{op: jump, path: /spec/size}]",
            "[{path: /spec/size, value: 1}]",
            "[1]",
        ]))
    }),
    Case::calls("a JSON patch of more than ten thousand steps is refused", || {
        let many = vec!["{op: test, path: /spec/size, value: 1}"; 10_001].join(", ");
        vec![
            post("$widgets", widget("a", "spec: {size: 1}")).quiet(),
            json_patch("$widgets/a", format!("[{many}]")),
        ]
    }),
    Case::calls("a JSON patch works on a ConfigMap too", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v}")).quiet(),
            json_patch("$configmaps/a", "[{op: add, path: /data/l, value: w}]"),
            json_patch("$configmaps/a", "[{op: replace, path: /data/k, value: 1}]").wordless(),
        ]
    }),
    Case::calls("a merge patch sets, and removes what is null", || {
        vec![
            post(
                "$widgets",
                widget("a, labels: {l: m}", "spec: {size: 1, note: n, numbers: [1, 2]}"),
            )
            .quiet(),
            merge_patch(
                "$widgets/a",
                "{spec: {size: 2, note: null, numbers: [3]}, metadata: {labels: {l: null, x: y}}}",
            ),
            get("$widgets/a"),
        ]
    }),
    Case::calls(
        "a merge patch that removes a field with a default brings the default back",
        || {
            vec![
                post("$widgets", widget("a", "spec: {color: blue}")).quiet(),
                merge_patch("$widgets/a", "{spec: {color: null}}").only(SPEC),
                merge_patch("$widgets/a", "{spec: null}").only(SPEC),
            ]
        },
    ),
    Case::calls("a merge patch that breaks the schema is refused", || {
        vec![
            post("$widgets", widget("a", "")).quiet(),
            merge_patch("$widgets/a", "{spec: {size: 99}}"),
            merge_patch("$widgets/a", "{spec: {unknown: 1}}").only(SPEC),
            merge_patch("$widgets/a?fieldValidation=Strict", "{spec: {unknown: 1}}"),
        ]
    }),
    Case::calls("a merge patch that is no object is refused", || {
        wordless(vec![
            post("$widgets", widget("a", "")).quiet(),
            merge_patch("$widgets/a", "[1]"),
            merge_patch("$widgets/a", "").text("{"),
            merge_patch("$widgets/a", "").text(""),
        ])
    }),
    Case::calls("an empty patch changes nothing", || {
        vec![
            post("$widgets", widget("a", "")),
            merge_patch("$widgets/a", "{}"),
            json_patch("$widgets/a", "[]"),
        ]
    }),
    Case::calls("a patch with a version is a conflict where that is old", || {
        vec![
            post("$widgets", widget("a", "")).save("rv", "/metadata/resourceVersion").quiet(),
            merge_patch("$widgets/a", "{metadata: {resourceVersion: '$rv'}, spec: {size: 2}}")
                .only(SPEC),
            merge_patch("$widgets/a", "{metadata: {resourceVersion: '$rv'}, spec: {size: 3}}"),
            merge_patch("$widgets/a", "{metadata: {uid: 11111111-1111-1111-1111-111111111111}}"),
            json_patch(
                "$widgets/a",
                "[{op: replace, path: /metadata/resourceVersion, value: '$rv'}]",
            ),
        ]
    }),
    Case::calls("a patch cannot rename an object", || {
        vec![
            post("$widgets", widget("a", "")).quiet(),
            merge_patch("$widgets/a", "{metadata: {name: b}}"),
            merge_patch("$widgets/a", "{metadata: {namespace: b}}"),
            merge_patch("$widgets/a", "{kind: Gadget}").wordless(),
            merge_patch("$widgets/a", "{apiVersion: v1}").wordless(),
        ]
    }),
    Case::calls("a patch of an object that does not exist is not found", || {
        vec![
            merge_patch("$widgets/none", "{spec: {size: 1}}"),
            json_patch("$configmaps/none", "[]"),
            strategic_patch("$configmaps/none", "{}"),
        ]
    }),
    Case::calls("a patch of the status leaves the spec alone", || {
        vec![
            post("$widgets", widget("a", "")).quiet(),
            merge_patch(
                "$widgets/a/status",
                "{status: {phase: Ready}, spec: {size: 7}, metadata: {labels: {x: y}}}",
            ),
            merge_patch("$widgets/a", "{status: {phase: Other}}"),
            json_patch("$widgets/a/status", "[{op: replace, path: /status/phase, value: Done}]")
                .only(&["/status", "/metadata/generation"]),
        ]
    }),
    Case::calls("a patch as a dry run stores nothing", || {
        vec![
            post("$widgets", widget("a", "")).quiet(),
            merge_patch("$widgets/a?dryRun=All", "{spec: {size: 2}}").only(SPEC),
            get("$widgets/a").only(SPEC),
        ]
    }),
    Case::calls("a patch of a media type that is not served is refused", || {
        wordless(vec![
            post("$widgets", widget("a", "")).quiet(),
            merge_patch("$widgets/a", "{}").header("content-type", "application/json"),
            merge_patch("$widgets/a", "{}").header("content-type", "text/plain"),
        ])
    }),
    Case::calls("a strategic patch of a custom object is refused", || {
        wordless(vec![
            post("$widgets", widget("a", "")).quiet(),
            strategic_patch("$widgets/a", "{spec: {size: 2}}"),
        ])
    }),
    Case::calls("a strategic patch of a ConfigMap merges maps", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v, l: w}")).quiet(),
            strategic_patch("$configmaps/a", "{data: {k: null, m: x}}"),
            strategic_patch("$configmaps/a", "{data: {$patch: replace, z: z}}"),
        ]
    }),
    Case::calls("a strategic patch of finalizers merges a list of words", || {
        vec![
            post("$configmaps", config_map("a, finalizers: [example.com/a]", "")).quiet(),
            strategic_patch("$configmaps/a", "{metadata: {finalizers: [example.com/b]}}"),
            strategic_patch(
                "$configmaps/a",
                "{metadata: {$deleteFromPrimitiveList/finalizers: [example.com/a]}}",
            ),
            strategic_patch("$configmaps/a", "{metadata: {finalizers: null}}"),
        ]
    }),
    Case::calls("a strategic patch of owner references merges by uid", || {
        let owner = |name: &str, uid: char| {
            format!(
                "{{apiVersion: v1, kind: ConfigMap, name: {name}, uid: {}}}",
                uid.to_string().repeat(20)
            )
        };
        vec![
            post("$secrets", secret(&format!("a, ownerReferences: [{}]", owner("x", 'x')), ""))
                .quiet(),
            strategic_patch(
                "$secrets/a",
                format!("{{metadata: {{ownerReferences: [{}]}}}}", owner("y", 'y')),
            ),
            strategic_patch(
                "$secrets/a",
                format!(
                    "{{metadata: {{ownerReferences: [{{uid: {}, $patch: delete}}]}}}}",
                    "x".repeat(20)
                ),
            ),
        ]
    }),
    Case::calls("a strategic patch merges containers by name", || {
        containers(&[
            "containers: [{name: one, image: 'i:2'}]",
            "containers: [{name: three, image: 'i:3'}]",
            "containers: [{name: two, args: [z]}]",
        ])
    }),
    Case::calls("a strategic patch merges variables by name and ports by number", || {
        containers(&[
            "containers: [{name: one, env: [{name: B, value: '3'}, {name: C, value: '4'}]}]",
            "containers: [{name: one, ports: [{containerPort: 81}]}]",
        ])
    }),
    Case::calls("a strategic patch deletes and replaces by directive", || {
        containers(&[
            "containers: [{name: two, $patch: delete}]",
            "containers: [{$patch: replace}, {name: only, image: 'i:9'}]",
            "containers: [{name: only, $patch: jump}]",
        ])
    }),
    Case::calls("a strategic patch orders by directive", || {
        containers(&[
            "$setElementOrder/containers: [{name: two}, {name: one}], containers: [{name: two, image: 'i:5'}]",
            "tolerations: [{key: a}]",
            "tolerations: [{key: b}]",
        ])
    }),
    Case::calls("a merge patch replaces lists of a built-in kind", || {
        vec![
            deployment(),
            merge_patch(
                "$deployments/d",
                "{spec: {template: {spec: {containers: [{name: only, image: 'i:2'}]}}}}",
            )
            .only(CONTAINERS),
        ]
    }),
    Case::calls("a scale is read and patched", || {
        vec![
            post("$widgets", widget("a", "spec: {}")).quiet(),
            get("$widgets/a/scale"),
            merge_patch("$widgets/a/scale", "{spec: {replicas: 4}}"),
            get("$widgets/a").only(SPEC),
            merge_patch("$widgets/a/scale", "{spec: {replicas: -1}}"),
        ]
    }),
];
