//! Requests as the agents of all clusters see them: one watch a cluster.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures::TryStreamExt as _;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use meshroot_testkit::wait;
use tokio::task::JoinSet;

use crate::clusters::Scene;
use crate::objects::{REQUEST, is_answered};

/// How long the whole of a phase may take.
pub(crate) const LIMIT: Duration = Duration::from_mins(10);

/// The newest state of every request, and when each was answered.
pub(crate) struct Requests {
    seen: Arc<Mutex<Seen>>,
    _watches: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    newest: HashMap<String, DynamicObject>,
    answered: HashMap<String, Instant>,
}

impl Requests {
    /// Follows the requests of all clusters that the benchmark speaks for.
    pub(crate) fn follow(scene: &Scene) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let mut watches = JoinSet::new();
        for (namespace, client) in &scene.agents {
            let (api, seen) = (REQUEST.api(client, namespace), Arc::clone(&seen));
            watches.spawn(async move {
                let events = watcher::watcher(api, watcher::Config::default());
                let ended = events.try_for_each(|event| {
                    if let Event::InitApply(object) | Event::Apply(object) = event {
                        seen.lock().unwrap_or_else(PoisonError::into_inner).learn(object);
                    }
                    std::future::ready(Ok(()))
                });
                if let Err(error) = ended.await {
                    println!("    a watch of the benchmark ended: {error}");
                }
            });
        }
        Self { seen, _watches: watches }
    }

    /// Waits until so many requests satisfy `test`, and returns them.
    pub(crate) async fn until(
        &self,
        what: &str,
        count: usize,
        test: impl Fn(&DynamicObject) -> bool,
    ) -> Result<Vec<DynamicObject>> {
        let attempt = async || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let found = seen.newest.values().filter(|object| test(object)).count();
            ensure!(found >= count, "{found} of {count}; one that is not: {}", seen.laggard(&test));
            Ok(seen.newest.values().filter(|object| test(object)).cloned().collect())
        };
        wait::until(what, LIMIT, attempt).await
    }

    /// When each request was seen to be answered.
    pub(crate) fn answered(&self) -> HashMap<String, Instant> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).answered.clone()
    }
}

impl Seen {
    fn learn(&mut self, object: DynamicObject) {
        let Some(name) = object.metadata.name.clone() else { return };
        if is_answered(&object) {
            self.answered.entry(name.clone()).or_insert_with(Instant::now);
        }
        self.newest.insert(name, object);
    }

    fn laggard(&self, test: impl Fn(&DynamicObject) -> bool) -> String {
        let found = self.newest.values().find(|object| !test(object));
        found.map_or_else(String::new, |object| {
            format!("{:?}: {}", object.metadata.name, object.data["status"]["computedStatus"])
        })
    }
}
