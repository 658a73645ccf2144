//! Updating with PUT: optimistic concurrency, generations, what must not change.

use serde_json::json;

use super::objects::{config_map, object, widget};
use crate::call::{get, merge_patch, post, put};
use crate::case::{Case, Difference};

pub(super) const CASES: &[Case] = &[
    Case::steps("an object that was read and changed is stored", |s| {
        Box::pin(async move {
            let mut object = s.call(post("$configmaps", config_map("a", "data: {k: v}"))).await?.body;
            object["data"] = json!({ "k": "w", "l": "x" });
            s.call(put("$configmaps/a", object)).await.map(drop)
        })
    }),
    Case::steps("an update of an old version is a conflict", |s| {
        Box::pin(async move {
            let mut object = s.call(post("$configmaps", config_map("a", "")).quiet()).await?.body;
            s.call(merge_patch("$configmaps/a", "{data: {k: v}}").quiet()).await?;
            object["data"] = json!({ "k": "w" });
            s.call(put("$configmaps/a", object)).await?;
            let mut object = s.call(post("$widgets", widget("a", "")).quiet()).await?.body;
            s.call(merge_patch("$widgets/a", "{spec: {size: 2}}").quiet()).await?;
            object["spec"]["size"] = json!(3);
            s.call(put("$widgets/a", object)).await.map(drop)
        })
    }),
    Case::calls("a version from nowhere is a conflict or invalid", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            put("$configmaps/a", config_map("a, resourceVersion: '999999999999'", "")),
            put("$configmaps/a", config_map("a, resourceVersion: x", "")).wordless(),
            post("$widgets", widget("a", "")).quiet(),
            put("$widgets/a", widget("a, resourceVersion: '999999999999'", "")),
            put("$widgets/a", widget("a, resourceVersion: x", "")).wordless(),
        ]
    }),
    Case::calls("an update without a version overwrites a ConfigMap", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v}")).quiet(),
            put("$configmaps/a", config_map("a", "data: {l: w}")),
        ]
    }),
    Case::calls("an update of a custom object needs a version", || {
        vec![post("$widgets", widget("a", "")).quiet(), put("$widgets/a", widget("a", "spec: {size: 2}"))]
    }),
    Case::calls("an update without a version overwrites a Lease only where the kind allows it", || {
        let lease = |holder: &str| {
            object("coordination.k8s.io/v1, kind: Lease", "a", &format!("spec: {{holderIdentity: {holder}}}"))
        };
        vec![post("$leases", lease("x")).quiet(), put("$leases/a", lease("y"))]
    }),
    Case::calls("a uid of another object is a conflict", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            put("$configmaps/a", config_map("a, uid: 11111111-1111-1111-1111-111111111111", "")),
            post("$widgets", widget("a", "")).save("rv", "/metadata/resourceVersion").quiet(),
            put("$widgets/a", widget("a, resourceVersion: '$rv', uid: 11111111-1111-1111-1111-111111111111", "")),
        ]
    })
    .differs(Difference {
        why: "The message does not name the key in the storage.",
        answers: &[
            (1, "/body/message", r#""Operation cannot be fulfilled on configmaps \"a\": Precondition failed: UID in precondition: <uid>, UID in object meta: <uid>""#),
            (2, "/body/message", r#""Operation cannot be fulfilled on widgets.<run>.conformance.example.com \"a\": Precondition failed: UID in precondition: <uid>, UID in object meta: <uid>""#),
        ],
    }),
    Case::calls("a name that is not the path's is refused", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            put("$configmaps/a", config_map("b", "")),
            post("$widgets", widget("a", "")).quiet(),
            put("$widgets/a", widget("b", "")),
            put("$configmaps/a", "{apiVersion: v1, kind: ConfigMap}"),
        ]
    }),
    Case::calls("a namespace that is not the path's is refused", || {
        vec![
            post("$configmaps", config_map("a", "")).quiet(),
            put("$configmaps/a", config_map("a, namespace: other", "")),
        ]
    }),
    Case::calls("an object that does not exist is not found", || {
        vec![
            put("$configmaps/none", config_map("none", "")),
            put("$widgets/none", widget("none, resourceVersion: '1'", "")),
        ]
    }),
    Case::calls("a PUT creates a Lease that does not exist only where the kind allows it", || {
        vec![
            put("$leases/a", object("coordination.k8s.io/v1, kind: Lease", "a", "spec: {holderIdentity: me}")),
            put(
                "$rolebindings/none",
                object(
                    "rbac.authorization.k8s.io/v1, kind: RoleBinding",
                    "none",
                    "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}",
                ),
            ),
        ]
    }),
    Case::steps("an update that changes nothing keeps the version", |s| {
        Box::pin(async move {
            let object = s.call(post("$configmaps", config_map("a", "data: {k: v}"))).await?.body;
            s.call(put("$configmaps/a", object)).await?;
            let object = s.call(post("$widgets", widget("a", ""))).await?.body;
            s.call(put("$widgets/a", object)).await.map(drop)
        })
    }),
    Case::steps("a change of the spec raises the generation, one of metadata does not", |s| {
        Box::pin(async move {
            let mut object = s.call(post("$widgets", widget("a", ""))).await?.body;
            object["spec"]["size"] = json!(2);
            let mut object = s.call(put("$widgets/a", object)).await?.body;
            object["metadata"]["labels"] = json!({ "x": "y" });
            let mut object = s.call(put("$widgets/a", object)).await?.body;
            object["metadata"]["generation"] = json!(77);
            s.call(put("$widgets/a", object)).await.map(drop)
        })
    }),
    Case::steps("the status is left alone by an update of the object", |s| {
        Box::pin(async move {
            let mut object = s.call(post("$widgets", widget("a", "status: {phase: New}"))).await?.body;
            object["status"] = json!({ "phase": "Changed" });
            object["spec"]["size"] = json!(2);
            s.call(put("$widgets/a", object)).await.map(drop)
        })
    }),
    Case::steps("the spec and metadata are left alone by an update of the status", |s| {
        Box::pin(async move {
            let mut object = s.call(post("$widgets", widget("a", ""))).await?.body;
            object["status"] = json!({ "phase": "Ready", "conditions": [{ "type": "Ready", "status": "True" }] });
            object["spec"]["size"] = json!(2);
            object["metadata"]["labels"] = json!({ "x": "y" });
            object["metadata"]["finalizers"] = json!(["example.com/hold"]);
            s.call(put("$widgets/a/status", object)).await?;
            s.call(get("$widgets/a/status")).await?;
            s.call(get("$widgets/a")).await.map(drop)
        })
    }),
    Case::calls("the status is checked against the schema", || {
        vec![
            post("$widgets", widget("a", "")).save("rv", "/metadata/resourceVersion").quiet(),
            put("$widgets/a/status", widget("a, resourceVersion: '$rv'", "status: {phase: 1}")),
            put("$widgets/a/status", widget("a", "status: {phase: x}")),
        ]
    }),
    Case::steps("server-owned metadata stays", |s| {
        Box::pin(async move {
            let mut object = s.call(post("$configmaps", config_map("a", ""))).await?.body;
            object["metadata"]["creationTimestamp"] = json!("2001-01-01T00:00:00Z");
            object["metadata"]["selfLink"] = json!("/x");
            object["metadata"]["deletionTimestamp"] = json!("2001-01-01T00:00:00Z");
            s.call(put("$configmaps/a", object)).await.map(drop)
        })
    }),
    Case::steps("creation and deletion times without a value are kept", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a", "")).save("rv", "/metadata/resourceVersion")).await?;
            s.call(put("$widgets/a", widget("a, resourceVersion: '$rv', creationTimestamp: null", "spec: {size: 2}")))
                .await
                .map(drop)
        })
    }),
    Case::calls("an update as a dry run stores nothing", || {
        vec![
            post("$configmaps", config_map("a", "data: {k: v}")).quiet(),
            put("$configmaps/a?dryRun=All", config_map("a", "data: {k: w}")).only(&["/data"]),
            get("$configmaps/a").only(&["/data"]),
        ]
    }),
    Case::calls("an invalid object is refused on update too", || {
        vec![
            post("$widgets", widget("a", "")).save("rv", "/metadata/resourceVersion").quiet(),
            put("$widgets/a", widget("a, resourceVersion: '$rv'", "spec: {size: 99, color: pink}")),
            post("$configmaps", config_map("a", "")).quiet(),
            put("$configmaps/a", config_map("a, labels: {'x y': z}", "")),
        ]
    }),
    Case::steps("of ten updates of one version exactly one wins", |s| {
        Box::pin(async move {
            let lease = s
                .call(
                    post(
                        "$leases",
                        object("coordination.k8s.io/v1, kind: Lease", "a", "spec: {holderIdentity: nobody}"),
                    )
                    .quiet(),
                )
                .await?
                .body;
            let candidates = (0..10).map(|number| {
                let mut lease = lease.clone();
                lease["spec"]["holderIdentity"] = json!(format!("candidate-{number}"));
                put("$leases/a", lease)
            });
            let calls: Vec<_> = candidates.collect();
            let answers = futures::future::join_all(calls.iter().map(|call| s.ask(call))).await;
            let mut statuses = Vec::new();
            for answer in answers {
                statuses.push(answer?.status);
            }
            statuses.sort_unstable();
            s.note("ten PUTs at the same time", &json!(statuses));
            Ok(())
        })
    }),
    Case::steps("of ten creates of one name exactly one wins", |s| {
        Box::pin(async move {
            let call = post("$configmaps", config_map("a", ""));
            let answers = futures::future::join_all((0..10).map(|_| s.ask(&call))).await;
            let mut statuses = Vec::new();
            for answer in answers {
                statuses.push(answer?.status);
            }
            statuses.sort_unstable();
            s.note("ten POSTs at the same time", &json!(statuses));
            Ok(())
        })
    }),
    Case::steps("patches at the same time are all done", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a", "")).quiet()).await?;
            let calls: Vec<_> = (0..5)
                .map(|number| merge_patch("$widgets/a", format!("{{spec: {{free: {{k{number}: v}}}}}}")))
                .collect();
            let answers = futures::future::join_all(calls.iter().map(|call| s.ask(call))).await;
            for answer in answers {
                let status = answer?.status;
                s.note("a patch", &json!({ "status": status }));
            }
            s.call(get("$widgets/a").only(&["/spec", "/metadata/generation"])).await.map(drop)
        })
    }),
];
