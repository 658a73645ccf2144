//! Watches, each of which brings every change of a kind to the watcher.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client, Resource};
use meshroot_testkit::fleet::MESH_NAMESPACE;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::{Key, Watcher};
use crate::soak::now;

const TICK: Duration = Duration::from_millis(500);

/// Watches the hub and these clusters until the tasks are dropped.
pub(crate) fn start(
    watcher: &Arc<Watcher>,
    hub: &Client,
    clusters: &[(&'static str, Client)],
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(ticks(Arc::clone(watcher)));
    let there = |_: &Watcher, _: Key| {};
    let on = Arc::clone(watcher);
    let gone = |watcher: &Watcher, key: Key| drop(watcher.seen().requests.remove(&key));
    tasks.spawn(follow(on, Api::all(hub.clone()), Watcher::request, gone));
    let on = Arc::clone(watcher);
    let lost = |watcher: &Watcher, key: Key| {
        watcher.diary.found(&format!("the record {}/{} is gone", key.0, key.1));
    };
    tasks.spawn(follow(on, Api::all(hub.clone()), Watcher::record, lost));
    let on = Arc::clone(watcher);
    let take = |watcher: &Watcher, key, trust| drop(watcher.seen().trusts.insert(key, trust));
    tasks.spawn(follow(on, Api::all(hub.clone()), take, there));
    follow_governance(watcher, hub, &mut tasks);
    for (cluster, client) in clusters {
        tasks.spawn(follow_cacerts(Arc::clone(watcher), cluster, client.clone()));
    }
    tasks
}

fn follow_governance(watcher: &Arc<Watcher>, hub: &Client, tasks: &mut JoinSet<()>) {
    tasks.spawn(follow(
        Arc::clone(watcher),
        Api::all(hub.clone()),
        |watcher, key, policy| {
            watcher.governed(now(), |seen| drop(seen.policies.insert(key, policy)));
        },
        |watcher, key| watcher.governed(now(), |seen| drop(seen.policies.remove(&key))),
    ));
    tasks.spawn(follow(
        Arc::clone(watcher),
        Api::all(hub.clone()),
        |watcher, key, one| {
            watcher.governed(now(), |seen| drop(seen.virtual_meshes.insert(key, one)));
        },
        |watcher, key| watcher.governed(now(), |seen| drop(seen.virtual_meshes.remove(&key))),
    ));
}

async fn follow_cacerts(watcher: Arc<Watcher>, cluster: &'static str, client: Client) {
    let api: Api<Secret> = Api::namespaced(client, MESH_NAMESPACE);
    let take = move |watcher: &Watcher, key: Key, secret| {
        if key.1 == "cacerts" {
            watcher.cacerts(cluster, Some(secret), now());
        }
    };
    let gone = move |watcher: &Watcher, key: Key| {
        if key.1 == "cacerts" {
            watcher.cacerts(cluster, None, now());
        }
    };
    follow(watcher, api, take, gone).await;
}

async fn ticks(watcher: Arc<Watcher>) {
    let mut ticks = tokio::time::interval(TICK);
    loop {
        ticks.tick().await;
        watcher.tick(now());
    }
}

async fn follow<K>(
    watcher: Arc<Watcher>,
    api: Api<K>,
    take: impl Fn(&Watcher, Key, K),
    gone: impl Fn(&Watcher, Key),
) where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let changes = watch(api, watcher::Config::default()).default_backoff();
    let mut changes = std::pin::pin!(changes);
    while let Some(change) = changes.next().await {
        // A watch that fails begins anew by itself.
        match change {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                take(&watcher, key(&object), object);
            }
            Ok(Event::Delete(object)) => gone(&watcher, key(&object)),
            Ok(Event::Init | Event::InitDone) | Err(_) => {}
        }
    }
}

fn key<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}
