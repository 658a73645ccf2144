//! Deleting: preconditions, finalizers, collections.

use super::objects::{config_map, object, secret, widget};
use crate::call::{Call, delete, delete_with, get, merge_patch, post, put, wordless};
use crate::case::Case;

fn labelled() -> Vec<Call> {
    let create = |(name, labels): (&str, &str)| {
        post("$configmaps", config_map(&format!("{name}, labels: {labels}"), "")).quiet()
    };
    [("a", "{x: y}"), ("b", "{x: y}"), ("c", "{}")].map(create).to_vec()
}

pub(super) const CASES: &[Case] = &[
    Case::calls("a deleted object is gone; the answer is a Status with its uid", || {
        vec![
            post("$configmaps", config_map("a", "")),
            delete("$configmaps/a"),
            get("$configmaps/a"),
            post("$widgets", widget("a", "")),
            delete("$widgets/a"),
            get("$widgets/a"),
        ]
    }),
    Case::calls("the answer to a deletion is a Status or the object, by kind", || {
        vec![
            post("$secrets", secret("a", "")).quiet(),
            delete("$secrets/a"),
            post("$serviceaccounts", object("v1, kind: ServiceAccount", "a", "")).quiet(),
            delete("$serviceaccounts/a"),
            post("$leases", object("coordination.k8s.io/v1, kind: Lease", "a", "")).quiet(),
            delete("$leases/a"),
            post("$roles", object("rbac.authorization.k8s.io/v1, kind: Role", "a", "")).quiet(),
            delete("$roles/a"),
        ]
    }),
    Case::calls("an object that does not exist is not found", || {
        vec![
            delete("$configmaps/none"),
            delete("$widgets/none"),
            delete("$namespaces/none-$id"),
            delete("$rbac/clusterroles/none-$id"),
        ]
    }),
    Case::calls("a precondition on another uid is a conflict", || {
        let options = "{apiVersion: v1, kind: DeleteOptions, preconditions: {uid: 11111111-1111-1111-1111-111111111111}}";
        vec![
            post("$configmaps", config_map("a", "")),
            delete_with("$configmaps/a", options),
            post("$widgets", widget("a", "")),
            delete_with("$widgets/a", options),
            get("$widgets/a").only(&["/kind"]),
        ]
    }),
    Case::steps("a precondition on an older version is a conflict", |s| {
        Box::pin(async move {
            let options =
                "{apiVersion: v1, kind: DeleteOptions, preconditions: {resourceVersion: '$rv'}}";
            s.call(
                post("$configmaps", config_map("a", ""))
                    .save("rv", "/metadata/resourceVersion")
                    .quiet(),
            )
            .await?;
            s.call(
                merge_patch("$configmaps/a", "{data: {k: v}}")
                    .save("new", "/metadata/resourceVersion")
                    .quiet(),
            )
            .await?;
            // Both versions are in the message: which, is not what counts.
            s.call(delete_with("$configmaps/a", options).wordless()).await?;
            s.call(delete_with("$configmaps/a", options.replace("$rv", "$new"))).await.map(drop)
        })
    }),
    Case::calls("preconditions that hold let a deletion pass", || {
        vec![
            post("$widgets", widget("a", ""))
                .save("uid", "/metadata/uid")
                .save("rv", "/metadata/resourceVersion")
                .quiet(),
            delete_with(
                "$widgets/a",
                "{apiVersion: v1, kind: DeleteOptions, preconditions: {uid: $uid, resourceVersion: '$rv'}}",
            ),
        ]
    }),
    Case::calls("each propagation policy is understood, another is refused", || {
        let with = |policy: &str| {
            format!("{{apiVersion: v1, kind: DeleteOptions, propagationPolicy: {policy}}}")
        };
        let mut calls = Vec::new();
        for policy in ["Background", "Orphan", "Foreground", "Sideways"] {
            let name = policy.to_lowercase();
            calls.extend([
                post("$configmaps", config_map(&name, "")).quiet(),
                delete_with(format!("$configmaps/{name}"), with(policy)),
            ]);
        }
        // Who waits for the dependents lets the others go: a controller, or the server itself.
        calls.extend([get("$configmaps/background"), get("$configmaps/sideways")]);
        calls
    }),
    Case::calls("a propagation policy comes in the query too", || {
        vec![
            post("$widgets", widget("a", "")).quiet(),
            delete("$widgets/a?propagationPolicy=Foreground"),
            post("$widgets", widget("b", "")).quiet(),
            delete("$widgets/b?propagationPolicy=Background&gracePeriodSeconds=0"),
        ]
    }),
    Case::calls("orphanDependents and propagationPolicy exclude each other", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            delete_with(
                "$configmaps/a",
                "{apiVersion: v1, kind: DeleteOptions, propagationPolicy: Background, orphanDependents: true}",
            ),
        ]
    }),
    Case::calls("an object with a finalizer stays, marked, until the finalizer is gone", || {
        vec![
            post("$widgets", widget("a, finalizers: [example.com/a, example.com/b]", "")).quiet(),
            delete("$widgets/a"),
            get("$widgets/a"),
            merge_patch("$widgets/a", "{metadata: {finalizers: [example.com/b]}}"),
            merge_patch("$widgets/a", "{metadata: {finalizers: []}}"),
            get("$widgets/a"),
        ]
    }),
    Case::calls("a built-in object with a finalizer stays too", || {
        vec![
            post("$secrets", secret("a, finalizers: [example.com/a]", "")).quiet(),
            delete("$secrets/a"),
            merge_patch("$secrets/a", "{metadata: {finalizers: null}}"),
            get("$secrets/a"),
        ]
    }),
    Case::calls("a second deletion of a marked object changes nothing", || {
        vec![
            post("$widgets", widget("a, finalizers: [example.com/a]", "")).quiet(),
            delete("$widgets/a"),
            delete("$widgets/a"),
            get("$widgets/a"),
        ]
    }),
    Case::calls("a marked object takes no new finalizers", || {
        vec![
            post("$widgets", widget("a, finalizers: [example.com/a]", "")).quiet(),
            delete("$widgets/a").quiet(),
            merge_patch("$widgets/a", "{metadata: {finalizers: [example.com/a, example.com/b]}}"),
            merge_patch("$widgets/a", "{spec: {size: 2}}"),
            merge_patch("$widgets/a", "{metadata: {deletionTimestamp: null}}"),
        ]
    }),
    Case::steps("a PUT without finalizers lets a marked object go", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a, finalizers: [example.com/a]", "")).quiet())
                .await?;
            let mut object = s.call(delete("$configmaps/a")).await?.body;
            object["metadata"]["finalizers"] = serde_json::json!([]);
            s.call(put("$configmaps/a", object)).await?;
            s.call(get("$configmaps/a")).await.map(drop)
        })
    }),
    Case::calls("a name is free again after a deletion, with another uid", || {
        vec![
            post("$configmaps", config_map("a", "")),
            delete("$configmaps/a").quiet(),
            post("$configmaps", config_map("a", "")),
        ]
    }),
    Case::calls("a grace period of nothing is understood", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            delete_with(
                "$configmaps/a",
                "{apiVersion: v1, kind: DeleteOptions, gracePeriodSeconds: 0}",
            ),
            post("$configmaps", config_map("b", "")).quiet(),
            delete_with(
                "$configmaps/b",
                "{apiVersion: v1, kind: DeleteOptions, gracePeriodSeconds: 30}",
            ),
        ]
    }),
    Case::calls("a deletion as a dry run deletes nothing", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            delete("$configmaps/a?dryRun=All"),
            get("$configmaps/a").only(&["/kind"]),
        ]
    }),
    Case::calls("options of another kind, or broken ones, are refused", || {
        wordless(vec![
            post("$configmaps", config_map("a", "")).quiet(),
            delete_with("$configmaps/a", "{apiVersion: v1, kind: ConfigMap}"),
            delete_with("$configmaps/a", "").text("{"),
            delete_with("$configmaps/a", "{}"),
            get("$configmaps/a"),
        ])
    }),
    Case::calls("a collection is deleted as a whole", || {
        let mut calls = labelled();
        calls.extend([delete("$configmaps"), get("$configmaps")]);
        calls
    }),
    Case::calls("a collection is deleted as far as a selector goes", || {
        let mut calls = labelled();
        calls.extend([
            delete("$configmaps?labelSelector=x=y"),
            get("$configmaps").only(&["/items/0/metadata/name", "/items/1"]),
            delete("$configmaps?fieldSelector=metadata.name=c"),
            get("$configmaps"),
        ]);
        calls
    }),
    Case::calls("a collection of custom objects is deleted", || {
        vec![
            post("$widgets", widget("a", "")).quiet(),
            post("$widgets", widget("b, finalizers: [example.com/a]", "")).quiet(),
            delete("$widgets"),
            get("$widgets"),
        ]
    }),
    Case::calls(
        "a collection is deleted in a dry run, or with an invalid selector, not at all",
        || {
            let mut calls = labelled();
            calls.extend([
                delete("$configmaps?dryRun=All"),
                get("$configmaps").only(&["/items/2/metadata/name"]),
                delete("$configmaps?labelSelector=a=b=c").wordless(),
            ]);
            calls
        },
    ),
    Case::calls("what cannot be deleted as a collection is refused", || {
        vec![
            delete("$namespaces"),
            delete("/api/v1/configmaps"),
            delete("/apis/$shared/v1/widgets"),
        ]
    }),
];
