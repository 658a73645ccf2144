//! Watches.

use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::watcher;
use kube::{Client, Resource};
use meshroot_runtime::kube::watch::{Readable, Watchable, Watched};
use meshroot_runtime::kube::write::{self, Failure};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_testkit::{api_server, wait};
use prometheus_client::metrics::counter::Counter;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::{LIMIT, config_map, holds, server, within};

#[tokio::test]
async fn open_watches_and_many_calls_at_a_time_starve_no_call() {
    let (_, client) = server("many").await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "many");
    let shutdown = Shutdown::manual();
    let watches: Vec<_> = (0..150)
        .map(|_| {
            let watched = Api::<Readable<ConfigMap>>::namespaced(client.clone(), "many");
            Watched::start(watched, watcher::Config::default(), &shutdown)
        })
        .collect();
    for watched in &watches {
        assert!(within("a watch", watched.synced()).await);
    }
    let writes =
        (0..150).map(|n| {
            let maps = maps.clone();
            async move {
                write::create_if_absent(&maps, &config_map("many", &format!("m{n}"), "x")).await
            }
        });
    let written = within("the writes", futures::future::join_all(writes)).await;
    assert!(written.into_iter().all(|written| written.unwrap().is_created()));
    shutdown.trigger();
}

fn followed<K>(client: Client, namespace: &str, shutdown: &Shutdown) -> Watched<K>
where
    K: Watchable + Resource<Scope = NamespaceResourceScope>,
{
    Watched::start(Api::namespaced(client, namespace), watcher::Config::default(), shutdown)
}

#[tokio::test]
async fn a_watch_reports_additions_changes_and_deletions() {
    let (_, client) = server("watch").await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "watch");
    let before = write::create_if_absent(&maps, &config_map("watch", "before", "x"))
        .await
        .unwrap()
        .into_object();
    let shutdown = Shutdown::manual();
    let watched = followed::<ConfigMap>(client, "watch", &shutdown);
    assert!(within("the list", watched.synced()).await);
    let mut changes = watched.changes();
    let mut slow = watched.changes();
    assert_eq!(within("the old", changes.next()).await.unwrap().name, "before");

    write::create_if_absent(&maps, &config_map("watch", "after", "x")).await.unwrap();
    assert_eq!(within("the new", changes.next()).await.unwrap().name, "after");
    assert!(watched.object(Some("watch"), "after").is_some());
    write::delete(&maps, &before).await.unwrap();
    assert_eq!(within("the deleted", changes.next()).await.unwrap().name, "before");
    assert!(watched.object(Some("watch"), "before").is_none());

    let mut seen = vec![
        within("one", slow.next()).await.unwrap().name,
        within("two", slow.next()).await.unwrap().name,
    ];
    seen.sort_unstable();
    assert_eq!(seen, ["after", "before"], "a slow reader gets each key once and misses none");
    shutdown.trigger();
    assert!(changes.next().await.is_none());
}

#[tokio::test]
async fn what_vanished_while_the_api_was_away_is_told_and_the_trouble_is_named() {
    let mut server = api_server::cluster("watch-away").await.unwrap();
    let client = server.admin_client().await.unwrap();
    wait::until("the namespace", LIMIT, async || server.create_namespace("default").await)
        .await
        .unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    write::create_if_absent(&maps, &config_map("default", "a", "x")).await.unwrap();
    let shutdown = Shutdown::manual();
    let watched = followed::<ConfigMap>(client, "default", &shutdown);
    assert!(within("the list", watched.synced()).await);
    assert_eq!(watched.error(), None);
    let mut changes = watched.changes();
    assert!(within("the old", changes.next()).await.is_some());
    server.process().kill_hard();
    wait::until("the trouble", LIMIT, async || holds(watched.error().is_some())).await.unwrap();
    assert!(watched.object(Some("default"), "a").is_some(), "the copy stays readable");
    server.restart().await.unwrap();
    write::create_if_absent(&maps, &config_map("default", "b", "x")).await.unwrap();
    wait::until("the recovery", LIMIT, async || {
        let key = within("a change", changes.next()).await.expect("no shutdown");
        holds(key.name == "b")
    })
    .await
    .unwrap();
    assert_eq!(watched.error(), None);
}

/// A kind of the test's own, whose definition says that `spec` is described so.
fn definition(description: &str) -> CustomResourceDefinition {
    serde_json::from_value(serde_json::json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "marks.watch.example.com" },
        "spec": {
            "group": "watch.example.com", "scope": "Namespaced",
            "names": { "kind": "Mark", "listKind": "MarkList", "plural": "marks", "singular": "mark" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object",
                "properties": { "spec": {
                    "type": "object", "description": description,
                    "properties": { "number": { "type": "integer" } },
                } },
            } } }],
        },
    }))
    .unwrap()
}

/// An object of that kind.
#[derive(kube::CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(group = "watch.example.com", version = "v1", kind = "Mark", namespaced, schema = "disabled")]
struct MarkSpec {
    number: u32,
}

/// The kind, once it is served.
async fn marks(client: &Client, namespace: &str) -> Api<Mark> {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    write::create_if_absent(&definitions, &definition("first")).await.unwrap();
    let marks: Api<Mark> = Api::namespaced(client.clone(), namespace);
    wait::until("the kind is served", LIMIT, async || {
        Ok(marks.list(&ListParams::default()).await?)
    })
    .await
    .unwrap();
    marks
}

/// Its schema takes numbers that the type does not.
#[tokio::test]
async fn an_object_that_cannot_be_read_is_left_out_and_the_others_are_followed() {
    let (_, client) = server("watch-odd").await;
    let marks = marks(&client, "watch-odd").await;
    let any: Api<Readable<Mark>> = Api::namespaced(client.clone(), "watch-odd");
    let set = async |name: &str, number: i64| {
        let patch = Patch::Merge(serde_json::json!({ "spec": { "number": number } }));
        let set = async || Ok(any.patch(name, &PatchParams::default(), &patch).await?);
        wait::until("it is written", LIMIT, set).await.unwrap();
    };
    for name in ["odd", "even"] {
        let mark = Mark::new(name, MarkSpec { number: 2 });
        let create = async || Ok(write::create_if_absent(&marks, &mark).await?);
        wait::until("it is written", LIMIT, create).await.unwrap();
    }
    set("odd", -1).await;
    let shutdown = Shutdown::manual();
    let watched = followed::<Mark>(client, "watch-odd", &shutdown);
    assert!(within("the list", watched.synced()).await);
    let copied = |name: &str| watched.object(Some("watch-odd"), name).map(|mark| mark.spec.number);
    assert_eq!((copied("odd"), copied("even")), (None, Some(2)));
    let is = async |name: &str, number: Option<u32>| {
        wait::until("the copy follows", LIMIT, async || {
            anyhow::ensure!(copied(name) == number, "{name} is {:?}", copied(name));
            Ok(())
        })
        .await
        .unwrap();
    };
    set("even", -1).await;
    is("even", None).await;
    set("odd", 3).await;
    is("odd", Some(3)).await;
    set("even", 4).await;
    is("even", Some(4)).await;
}

/// The server makes the storage of a kind anew at each change of its definition, and ends all watches on it.
#[tokio::test]
async fn a_watch_stays_alive_while_the_definition_of_its_kind_changes() {
    let (_, client) = server("watch-alive").await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let marks = marks(&client, "watch-alive").await;
    let shutdown = Shutdown::manual();
    let watched = followed::<Mark>(client, "watch-alive", &shutdown);
    assert!(within("the list", watched.synced()).await);
    let mut slowest = Duration::ZERO;
    for number in 0..40_u32 {
        let changed = serde_json::json!({ "spec": { "versions": definition(&format!("{number}")).spec.versions } });
        definitions
            .patch("marks.watch.example.com", &PatchParams::default(), &Patch::Merge(&changed))
            .await
            .unwrap();
        let name = format!("m{number}");
        wait::until("it is written", LIMIT, async || {
            let mark = Mark::new(&name, MarkSpec { number });
            match marks.create(&PostParams::default(), &mark).await {
                Err(error) if write::classify(&error) != Failure::AlreadyExists => {
                    Err(error.into())
                }
                _ => Ok(()),
            }
        })
        .await
        .unwrap();
        let written = Instant::now();
        wait::until("it is seen", LIMIT, async || {
            holds(watched.object(Some("watch-alive"), &name).is_some())
        })
        .await
        .unwrap();
        slowest = slowest.max(written.elapsed());
    }
    println!("slowest: {slowest:?}");
    assert!(slowest < Duration::from_secs(15), "one was {slowest:?} late");
}

#[tokio::test]
async fn a_copy_that_is_doubted_is_read_anew_and_stays_readable() {
    let (_, client) = server("watch-doubt").await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "watch-doubt");
    write::create_if_absent(&maps, &config_map("watch-doubt", "a", "x")).await.unwrap();
    let shutdown = Shutdown::manual();
    let watched = followed::<ConfigMap>(client, "watch-doubt", &shutdown);
    let relists = Counter::default();
    watched.count_relists(&relists);
    assert!(within("the list", watched.synced()).await);
    watched.doubt();
    wait::until("it is read again", LIMIT, async || {
        anyhow::ensure!(watched.object(Some("watch-doubt"), "a").is_some(), "the copy is gone");
        holds(relists.get() == 1)
    })
    .await
    .unwrap();
}
