//! Watching: each change once, in order, from a version on.

use serde_json::json;

use super::objects::{config_map, object, secret, widget};
use crate::call::{delete, get, merge_patch, post, wordless};
use crate::case::{Case, Difference};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PARTIAL: &str = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
const STREAMED: &str =
    "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

pub(super) const CASES: &[Case] = &[
    Case::steps("a watch without a version starts with what there is", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "")).quiet()).await?;
            s.call(post("$configmaps", config_map("b", "")).quiet()).await?;
            let mut watch = s.watch("$configmaps?watch=1").await?;
            s.events(&mut watch, 2).await?;
            s.call(post("$configmaps", config_map("c", "")).quiet()).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a watch from a version has each later change once", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a", "")).save("rv", "/metadata/resourceVersion").quiet()).await?;
            s.call(merge_patch("$widgets/a", "{spec: {size: 2}}").quiet()).await?;
            let mut watch = s.watch("$widgets?watch=1&resourceVersion=$rv").await?;
            s.call(merge_patch("$widgets/a", "{spec: {size: 3}}").quiet()).await?;
            s.call(delete("$widgets/a").quiet()).await?;
            s.events(&mut watch, 3).await
        })
    }),
    Case::steps("a deleted object comes with its last state and the version of the deletion", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "data: {k: v}")).save("rv", "/metadata/resourceVersion"))
                .await?;
            let mut watch = s.watch("$configmaps?watch=1&resourceVersion=$rv").await?;
            s.call(delete("$configmaps/a").quiet()).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a change that leaves an object as it was is no event", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a", "spec: {size: 1}")).save("rv", "/metadata/resourceVersion").quiet())
                .await?;
            let mut watch = s.watch("$widgets?watch=1&resourceVersion=$rv").await?;
            s.call(merge_patch("$widgets/a", "{spec: {size: 1}}").quiet()).await?;
            s.call(merge_patch("$widgets/a", "{spec: {size: 2}}").quiet()).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("an object that comes to match a selector is added, one that ceases is deleted", |s| {
        Box::pin(async move {
            s.call(
                post("$configmaps", config_map("a, labels: {on: 'no'}", ""))
                    .save("rv", "/metadata/resourceVersion")
                    .quiet(),
            )
            .await?;
            let mut watch = s.watch("$configmaps?watch=1&resourceVersion=$rv&labelSelector=on=yes").await?;
            for labels in ["{on: 'yes'}", "{on: 'yes', more: x}", "{on: 'no'}", "{more: y}", "{on: 'yes'}"] {
                s.call(merge_patch("$configmaps/a", format!("{{metadata: {{labels: {labels}}}}}")).quiet()).await?;
            }
            s.call(delete("$configmaps/a").quiet()).await?;
            s.events(&mut watch, 5).await
        })
    }),
    Case::steps("a field selector moves objects in and out of a watch too", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a", "spec: {color: red}")).save("rv", "/metadata/resourceVersion").quiet())
                .await?;
            let mut watch = s.watch("$widgets?watch=1&resourceVersion=$rv&fieldSelector=spec.color=blue").await?;
            for color in ["blue", "green", "blue"] {
                s.call(merge_patch("$widgets/a", format!("{{spec: {{color: {color}}}}}")).quiet()).await?;
            }
            s.events(&mut watch, 3).await
        })
    }),
    Case::steps("one object is watched by its name", |s| {
        Box::pin(async move {
            s.call(post("$secrets", secret("a", "")).save("rv", "/metadata/resourceVersion").quiet()).await?;
            let mut watch = s.watch("$secrets?watch=1&resourceVersion=$rv&fieldSelector=metadata.name=b").await?;
            s.call(merge_patch("$secrets/a", "{metadata: {labels: {x: y}}}").quiet()).await?;
            s.call(post("$secrets", secret("b", "")).quiet()).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a kind is watched in all namespaces", |s| {
        Box::pin(async move {
            s.call(
                post("$widgets", widget("a, labels: {case: $id}", "")).save("rv", "/metadata/resourceVersion").quiet(),
            )
            .await?;
            let mut watch =
                s.watch("/apis/$shared/v1/widgets?watch=1&resourceVersion=$rv&labelSelector=case=$id").await?;
            s.call(post("$namespaces", object("v1, kind: Namespace", "other-$id", "")).quiet()).await?;
            s.call(post("/apis/$shared/v1/namespaces/other-$id/widgets", widget("b, labels: {case: $id}", "")).quiet())
                .await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("cluster-scoped objects are watched", |s| {
        Box::pin(async move {
            s.call(get("$namespaces/$ns").save("rv", "/metadata/resourceVersion").quiet()).await?;
            let mut watch = s.watch("$namespaces?watch=1&resourceVersion=$rv&labelSelector=case=$id").await?;
            s.call(post("$namespaces", object("v1, kind: Namespace", "other-$id, labels: {case: $id}", "")).quiet())
                .await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a streaming list sends what there is, then a bookmark that says so", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("b", "")).quiet()).await?;
            s.call(post("$widgets", widget("a", "")).quiet()).await?;
            let mut watch = s.watch(&format!("$widgets?{STREAMED}")).await?;
            s.all_events(&mut watch, 3).await?;
            s.call(post("$widgets", widget("c", "")).quiet()).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a streaming list of nothing is a bookmark", |s| {
        Box::pin(async move {
            for path in ["$configmaps", "$widgets", "$secrets"] {
                let mut watch = s.watch(&format!("{path}?{STREAMED}")).await?;
                s.all_events(&mut watch, 1).await?;
            }
            Ok(())
        })
    }),
    Case::steps("a streaming list keeps to a selector", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a, labels: {x: y}", "")).quiet()).await?;
            s.call(post("$configmaps", config_map("b", "")).quiet()).await?;
            let mut watch = s.watch(&format!("$configmaps?{STREAMED}&labelSelector=x=y")).await?;
            s.all_events(&mut watch, 2).await
        })
    }),
    Case::calls("a streaming list needs the right parameters", || {
        vec![
            get("$configmaps?watch=1&sendInitialEvents=true"),
            get("$configmaps?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1"),
            get("$configmaps?watch=1&sendInitialEvents=true&allowWatchBookmarks=true"),
            get("$configmaps?sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
            get("$configmaps?watch=1&resourceVersionMatch=NotOlderThan"),
        ]
    }),
    Case::steps("sendInitialEvents=false starts with the next change", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "")).quiet()).await?;
            let mut watch =
                s.watch("$configmaps?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan").await?;
            s.call(post("$configmaps", config_map("b", "")).quiet()).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a watch ends by itself after timeoutSeconds", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "")).quiet()).await?;
            for path in
                ["$configmaps?watch=1&timeoutSeconds=1", "$widgets?watch=1&timeoutSeconds=1&allowWatchBookmarks=true"]
            {
                let mut watch = s.watch(path).await?;
                s.end(&mut watch).await?;
            }
            Ok(())
        })
    }),
    Case::steps("a version that is too old is an ERROR event with 410", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a", "")).quiet()).await?;
            // A selector, so that where the history goes back that far the objects of other cases are not seen.
            let only = "fieldSelector=metadata.namespace=$ns&timeoutSeconds=2";
            let mut watch = s.watch(&format!("$widgets?watch=1&resourceVersion=1&{only}")).await?;
            let event = watch.next_change().await?;
            s.note("the first event", &json!({ "type": event["type"], "code": event["object"]["code"] }));
            s.end(&mut watch).await
        })
    })
    .differs(Difference {
        why: "The history goes back further than the watch cache of kube-apiserver; where it has ended, the answer is the same.",
        answers: &[
            (2, "/type", r#""ADDED""#),
            (2, "/code", "null"),
        ],
    }),
    Case::steps("a watch from the future waits for it", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "")).quiet()).await?;
            let mut watch = s.watch("$configmaps?watch=1&resourceVersion=999999999999&timeoutSeconds=1").await?;
            s.call(post("$configmaps", config_map("b", "")).quiet()).await?;
            s.end(&mut watch).await
        })
    })
    .differs(Difference {
        why: "A client that is ahead of the server has seen another history, before a backup was restored: it must list again.",
        answers: &[
            (2, "/event", r#""ERROR""#),
            (2, "/object", r#"{"apiVersion":"v1","code":410,"kind":"Status","message":"too old resource version: <rv> (<rv>)","metadata":{},"reason":"Expired","status":"Failure"}"#),
            (3, "", r#"{"event":"end"}"#),
        ],
    }),
    Case::calls("a version that is no number is refused", || {
        wordless(vec![get("$configmaps?watch=1&resourceVersion=x"), get("$widgets?watch=1&resourceVersion=x")])
    }),
    Case::steps("a watch is answered as tables", |s| {
        Box::pin(async move {
            s.call(post("$widgets", widget("a", "spec: {color: blue, size: 2}")).quiet()).await?;
            let mut watch = s.watch_call(get("$widgets?watch=1").header("accept", TABLE)).await?;
            s.events(&mut watch, 1).await?;
            s.call(merge_patch("$widgets/a", "{spec: {color: green}}").quiet()).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a watch is answered with metadata alone", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "data: {k: v}")).quiet()).await?;
            let mut watch = s.watch_call(get("$configmaps?watch=1").header("accept", PARTIAL)).await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("the old path of a watch still works", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "")).quiet()).await?;
            let mut watch = s.watch("/api/v1/watch/namespaces/$ns/configmaps").await?;
            s.events(&mut watch, 1).await
        })
    }),
    Case::steps("a watcher sees a finalizer's steps", |s| {
        Box::pin(async move {
            let body = widget("a, finalizers: [example.com/hold]", "");
            s.call(post("$widgets", body).save("rv", "/metadata/resourceVersion").quiet()).await?;
            let mut watch = s.watch("$widgets?watch=1&resourceVersion=$rv").await?;
            s.call(delete("$widgets/a").quiet()).await?;
            s.call(merge_patch("$widgets/a", "{metadata: {finalizers: null}}").quiet()).await?;
            s.events(&mut watch, 2).await
        })
    }),
    Case::steps("a hundred changes come to ten watchers in one order", |s| {
        Box::pin(async move {
            let list = s.ask(&get("$configmaps")).await?.body;
            s.set("rv", list["metadata"]["resourceVersion"].as_str().unwrap_or_default());
            let mut watches = Vec::new();
            for _ in 0..10 {
                watches.push(s.watch("$configmaps?watch=1&resourceVersion=$rv").await?);
            }
            for number in 0..100 {
                s.call(post("$configmaps", config_map(&format!("c{number}"), "")).quiet()).await?;
            }
            for watch in &mut watches {
                let mut names = Vec::new();
                for _ in 0..100 {
                    names.push(watch.next_change().await?["object"]["metadata"]["name"].clone());
                }
                s.note("names", &json!(names));
            }
            Ok(())
        })
    }),
];
