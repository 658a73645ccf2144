//! kube-rs as a client: watchers, controllers, entries, typed apply.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
    PostParams,
};
use kube::core::PartialObjectMeta;
use kube::runtime::controller::{Action, Controller};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, wait, watcher as watch};
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use super::objects::{config_map, widget};
use crate::call::{delete, get, merge_patch, post};
use crate::case::Case;
use crate::session::{LIMIT, Session};

pub(super) const CASES: &[Case] = &[
    Case::steps("a watcher that lists first sees each change", |s| {
        Box::pin(async move { changes(s, watcher::Config::default()).await })
    }),
    Case::steps("a watcher that lists in pages sees each change", |s| {
        Box::pin(async move { changes(s, watcher::Config::default().page_size(1)).await })
    }),
    Case::steps("a watcher with a streaming list sees each change", |s| {
        Box::pin(async move { changes(s, watcher::Config::default().streaming_lists()).await })
    }),
    Case::steps("a watcher with a selector sees what it selects", |s| {
        Box::pin(async move { changes(s, watcher::Config::default().labels("l=m")).await })
    }),
    Case::steps("a watcher of metadata sees no data", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "data: {k: v}")).quiet()).await?;
            let api: Api<PartialObjectMeta<ConfigMap>> =
                Api::namespaced(s.client().await?, &s.fill("$ns"));
            let stream = watch(api, watcher::Config::default()).applied_objects();
            let object = first(stream).await?;
            s.note("metadata", &json!({ "name": object.metadata.name, "types": object.types.map(|types| types.kind) }));
            Ok(())
        })
    }),
    Case::steps("a controller reconciles each object and its changes", |s| {
        Box::pin(async move {
            for name in ["a", "b"] {
                s.call(post("$widgets", widget(name, "spec: {size: 1}")).quiet()).await?;
            }
            let controller =
                tokio::spawn(controller(s.client().await?, s.fill("$shared"), s.fill("$ns")));
            for name in ["a", "b"] {
                s.call(
                    get(format!("$widgets/{name}"))
                        .until_value("/status/phase", "size 1")
                        .only(&["/status/phase"]),
                )
                .await?;
            }
            s.call(merge_patch("$widgets/a", "{spec: {size: 5}}").quiet()).await?;
            s.call(
                get("$widgets/a").until_value("/status/phase", "size 5").only(&["/status/phase"]),
            )
            .await?;
            s.call(post("$widgets", widget("c", "spec: {size: 2}")).quiet()).await?;
            s.call(
                get("$widgets/c").until_value("/status/phase", "size 2").only(&["/status/phase"]),
            )
            .await?;
            controller.abort();
            Ok(())
        })
    }),
    Case::steps("a controller tries again after conflicts", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("count", "data: {n: '0'}")).quiet()).await?;
            let mut tasks = Vec::new();
            for _ in 0..5 {
                tasks.push(tokio::spawn(count_up(s.client().await?, s.fill("$ns"))));
            }
            for task in tasks {
                task.await??;
            }
            s.call(get("$configmaps/count").only(&["/data"])).await.map(drop)
        })
    }),
    Case::steps("an entry is created, changed and left alone", |s| {
        Box::pin(async move {
            let api: Api<ConfigMap> = Api::namespaced(s.client().await?, &s.fill("$ns"));
            let parameters = PostParams::default();
            let mut entry = api.entry("a").await?.or_insert(ConfigMap::default);
            entry.commit(&parameters).await?;
            s.note("created", &serde_json::to_value(entry.get())?);
            let change = |object: &mut ConfigMap| {
                object.data = Some(BTreeMap::from([("k".to_owned(), "v".to_owned())]));
            };
            let mut entry = api.entry("a").await?.and_modify(change).or_insert(ConfigMap::default);
            entry.commit(&parameters).await?;
            s.note("changed", &serde_json::to_value(entry.get())?);
            Ok(())
        })
    }),
    Case::steps("an entry based on an old version is a conflict", |s| {
        Box::pin(async move {
            s.call(post("$configmaps", config_map("a", "")).quiet()).await?;
            let api: Api<ConfigMap> = Api::namespaced(s.client().await?, &s.fill("$ns"));
            let change = |object: &mut ConfigMap| {
                object.data = Some(BTreeMap::from([("k".to_owned(), "v".to_owned())]));
            };
            let mut entry = api.entry("a").await?.and_modify(change).or_insert(ConfigMap::default);
            s.call(merge_patch("$configmaps/a", "{data: {l: w}}").quiet()).await?;
            let refused = entry.commit(&PostParams::default()).await;
            s.note(
                "commit",
                &json!({ "refused": refused.is_err(), "error": refused.err().map(|error| error.to_string()) }),
            );
            Ok(())
        })
    }),
    Case::steps("a typed apply creates and changes", |s| {
        Box::pin(async move {
            let api: Api<Secret> = Api::namespaced(s.client().await?, &s.fill("$ns"));
            let parameters = PatchParams::apply("tester");
            for text in ["v", "w"] {
                let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" }, "stringData": { "k": text } });
                let object = api.patch("a", &parameters, &Patch::Apply(secret)).await?;
                s.note("applied", &serde_json::to_value(object)?);
            }
            Ok(())
        })
    }),
    Case::steps("an error has the Status in it", |s| {
        Box::pin(async move {
            let api: Api<Lease> = Api::namespaced(s.client().await?, &s.fill("$ns"));
            match api.get("none").await {
                Err(kube::Error::Api(status)) => {
                    s.note("get", &json!({ "code": status.code, "reason": status.reason, "message": status.message }));
                }
                other => anyhow::bail!("not an API error: {other:?}"),
            }
            s.note("get_opt", &json!(api.get_opt("none").await?.is_none()));
            Ok(())
        })
    }),
    Case::steps("a condition is awaited", |s| {
        Box::pin(async move {
            let api: Api<CustomResourceDefinition> = Api::all(s.client().await?);
            let name = s.fill("widgets.$shared");
            let established = tokio::time::timeout(
                LIMIT,
                wait::await_condition(api, &name, wait::conditions::is_crd_established()),
            )
            .await??;
            s.note("established", &json!(established.is_some()));
            Ok(())
        })
    }),
    Case::steps("a deletion is awaited", |s| {
        Box::pin(async move {
            let object = s
                .call(
                    post("$configmaps", config_map("a, finalizers: [example.com/hold]", ""))
                        .quiet(),
                )
                .await?
                .body;
            let api: Api<ConfigMap> = Api::namespaced(s.client().await?, &s.fill("$ns"));
            let uid = object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
            let waiting =
                wait::await_condition(api.clone(), "a", wait::conditions::is_deleted(&uid));
            let removing = async {
                let marked = api.delete("a", &DeleteParams::default()).await?;
                let patch = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
                api.patch("a", &PatchParams::default(), &patch).await?;
                Ok::<_, kube::Error>(marked.left().is_some())
            };
            let (gone, marked) =
                tokio::time::timeout(LIMIT, futures::future::join(waiting, removing)).await?;
            gone?;
            let marked = marked?;
            s.note("deleted", &json!({ "marked first": marked }));
            Ok(())
        })
    }),
    Case::steps("discovery finds a custom kind", |s| {
        Box::pin(async move {
            let group = s.fill("$shared");
            let found = kube::discovery::group(&s.client().await?, &group).await?;
            let (resource, capabilities) = found.recommended_kind("Widget").context("no Widget")?;
            s.note("resource", &json!({ "plural": resource.plural, "version": resource.version, "operations": capabilities.operations, "subresources": capabilities.subresources.iter().map(|(resource, _)| &resource.plural).collect::<Vec<_>>() }));
            Ok(())
        })
    }),
    Case::steps("aggregated discovery finds it too", |s| {
        Box::pin(async move {
            let group = s.fill("$shared");
            let list = s.client().await?.list_api_groups_aggregated().await?;
            let list = serde_json::to_value(list)?;
            let found = list["items"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|item| item["metadata"]["name"] == group.as_str());
            s.note("aggregated", &json!({ "found": found }));
            Ok(())
        })
    }),
    Case::steps("lists in pages, deletions of collections and scales", |s| {
        Box::pin(async move {
            for number in 0..3 {
                s.call(
                    post("$widgets", widget(&format!("w{number}"), "spec: {replicas: 2}")).quiet(),
                )
                .await?;
            }
            let api = widgets(s).await?;
            let first = api.list(&ListParams::default().limit(2)).await?;
            let token = first.metadata.continue_.clone().unwrap_or_default();
            let second = api.list(&ListParams::default().limit(2).continue_token(&token)).await?;
            s.note("pages", &json!([first.items.len(), second.items.len()]));
            let scale = api.get_scale("w0").await?;
            s.note("scale", &serde_json::to_value(scale)?);
            let deleted =
                api.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
            s.note("deleted", &json!({ "list": deleted.is_left() }));
            s.call(get("$widgets")).await.map(drop)
        })
    }),
];

async fn widgets(s: &Session) -> Result<Api<DynamicObject>> {
    Ok(widgets_of(s.client().await?, &s.fill("$shared"), &s.fill("$ns")))
}

fn widgets_of(client: Client, group: &str, namespace: &str) -> Api<DynamicObject> {
    Api::namespaced_with(client, namespace, &resource(group))
}

fn resource(group: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", "Widget"), "widgets")
}

async fn first<T, E>(stream: impl futures::Stream<Item = Result<T, E>>) -> Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut stream = std::pin::pin!(stream);
    let item = tokio::time::timeout(LIMIT, stream.try_next())
        .await
        .context("the stream gives nothing")??;
    item.context("the stream ended")
}

/// Watches widgets while they come, change and go.
async fn changes(s: &mut Session, config: watcher::Config) -> Result<()> {
    for name in ["a", "b"] {
        s.call(post("$widgets", widget(&format!("{name}, labels: {{l: m}}"), "")).quiet()).await?;
    }
    let mut events = Box::pin(watch(widgets(s).await?, config));
    until_done(s, &mut events).await?;
    s.call(post("$widgets", widget("c, labels: {l: m}", "")).quiet()).await?;
    s.call(merge_patch("$widgets/a", "{spec: {size: 2}}").quiet()).await?;
    s.call(merge_patch("$widgets/b", "{metadata: {labels: {l: other}}}").quiet()).await?;
    s.call(delete("$widgets/c").quiet()).await?;
    for _ in 0..4 {
        let event = first(&mut events).await?;
        s.note("event", &described(&event));
    }
    Ok(())
}

async fn until_done<S>(s: &mut Session, events: &mut S) -> Result<()>
where
    S: futures::Stream<Item = watcher::Result<Event<DynamicObject>>> + Unpin,
{
    loop {
        let event = first(&mut *events).await?;
        s.note("event", &described(&event));
        if matches!(event, Event::InitDone) {
            return Ok(());
        }
    }
}

fn described(event: &Event<DynamicObject>) -> Value {
    let (kind, object) = match event {
        Event::Apply(object) => ("Apply", Some(object)),
        Event::Delete(object) => ("Delete", Some(object)),
        Event::Init => ("Init", None),
        Event::InitApply(object) => ("InitApply", Some(object)),
        Event::InitDone => ("InitDone", None),
    };
    json!({ "event": kind, "name": object.map(kube::ResourceExt::name_any), "spec": object.map(|object| &object.data["spec"]), "types": object.and_then(|object| object.types.as_ref()).map(|types| &types.kind) })
}

/// Writes each widget's size into its status.
async fn controller(client: Client, group: String, namespace: String) {
    let api = widgets_of(client, &group, &namespace);
    let reconcile = async |object: Arc<DynamicObject>, api: Arc<Api<DynamicObject>>| {
        let phase = format!("size {}", object.data["spec"]["size"]);
        if object.data["status"]["phase"] != phase.as_str() {
            let patch = Patch::Merge(
                json!({ "metadata": { "resourceVersion": object.resource_version() }, "status": { "phase": phase } }),
            );
            api.patch_status(&object.name_any(), &PatchParams::default(), &patch).await?;
        }
        Ok::<_, kube::Error>(Action::await_change())
    };
    let again = |_, _: &kube::Error, _| Action::requeue(Duration::from_millis(50));
    let controller =
        Controller::new_with(api.clone(), watcher::Config::default(), resource(&group));
    controller.run(reconcile, again, Arc::new(api)).for_each(|_| std::future::ready(())).await;
}

/// Adds one ten times, each time based on what it read.
async fn count_up(client: Client, namespace: String) -> Result<()> {
    let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let mut done = 0;
    while done < 10 {
        let mut object = api.get("count").await?;
        let data = object.data.get_or_insert_default();
        let number: u32 = data.get("n").context("no count")?.parse()?;
        data.insert("n".to_owned(), (number + 1).to_string());
        match api.replace("count", &PostParams::default(), &object).await {
            Ok(_) => done += 1,
            Err(kube::Error::Api(status)) if status.is_conflict() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
