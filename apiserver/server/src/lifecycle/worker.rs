//! The work after a write, until the server stops.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use apiserver_store::Key;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

use super::work::{Owner, Work};
use super::{Lifecycle, finalizers};
use crate::object::metadata;
use crate::state::collections::{DEFINITIONS, NAMESPACES, QUOTAS};

/// How often all that is left over is looked for: work that a crash or a full disk has interrupted.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How often the dependents of what is gone are looked for: each look goes over all objects.
const COLLECT_EVERY: Duration = Duration::from_secs(1);

/// How often what is used of quotas is written into them: not with each object that is made.
const COUNT_EVERY: Duration = Duration::from_secs(1);

/// What is put off, so that it is done once for many writes.
#[derive(Default)]
struct Gathered {
    /// Objects that are gone, whose dependents may have to go.
    gone: BTreeSet<Owner>,
    /// Namespaces whose quotas may have to say another number.
    counted: BTreeSet<String>,
}

impl Lifecycle {
    /// Works until the server stops.
    pub(crate) async fn run(&self, mut work: mpsc::UnboundedReceiver<Work>) {
        let (mut sweep, mut collect, mut count) =
            (ticks(SWEEP_EVERY), ticks(COLLECT_EVERY), ticks(COUNT_EVERY));
        let mut gathered = Gathered::default();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                first = work.recv() => {
                    let Some(first) = first else { return };
                    let mut all = HashSet::from([first]);
                    while let Ok(next) = work.try_recv() {
                        all.insert(next);
                    }
                    self.handle(all, &mut gathered).await;
                }
                _ = collect.tick(), if !gathered.gone.is_empty() => {
                    self.collect_dependents(&std::mem::take(&mut gathered.gone)).await;
                }
                _ = count.tick(), if !gathered.counted.is_empty() => {
                    for namespace in std::mem::take(&mut gathered.counted) {
                        self.count(&namespace).await;
                    }
                }
                _ = sweep.tick() => self.sweep_all().await,
            }
        }
    }

    /// Does what is to be done at once, and gathers the rest.
    async fn handle(&self, all: HashSet<Work>, gathered: &mut Gathered) {
        for work in all {
            match work {
                Work::Ending(key) => self.finish(&key).await,
                Work::Dependents(owner) => drop(gathered.gone.insert(owner)),
                Work::Count(namespace) => drop(gathered.counted.insert(namespace)),
                Work::NamespaceMaybeEmpty(name) => {
                    self.finish(&Key::new(NAMESPACES, "", name.as_str())).await;
                }
                Work::TokenSecrets(namespace) => {
                    self.settle_token_secrets(Some(&namespace)).await;
                }
                Work::DefinitionMaybeEmpty(collection) => {
                    let (group, plural) = collection.split_once('/').unwrap_or_default();
                    self.finish(&Key::new(DEFINITIONS, "", format!("{plural}.{group}"))).await;
                }
            }
        }
    }

    /// Takes up what was left: deletions that did not go on, definitions that were not established, Secrets without
    /// their token, counts of quotas, old events.
    async fn sweep_all(&self) {
        for object in self.objects.everything() {
            if self.stop.is_cancelled() {
                return;
            }
            if finalizers::is_ending(&object) {
                self.finish(&object.key).await;
            }
        }
        for definition in self.objects.values(DEFINITIONS) {
            if definition.pointer("/status/conditions").is_none() {
                self.settle_definition(metadata::name(&definition)).await;
            }
        }
        self.settle_token_secrets(None).await;
        for quota in self.objects.list(QUOTAS, None) {
            self.count(&quota.key.namespace).await;
        }
        self.remove_old_events().await;
    }

    /// Does for an object that is being deleted what its finalizers wait for.
    async fn finish(&self, key: &Key) {
        let Some(object) = self.objects.value(&key.collection, &key.namespace, &key.name) else {
            return;
        };
        if !metadata::is_being_deleted(&object) {
            return;
        }
        match key.collection.as_ref() {
            NAMESPACES => self.finish_namespace(&key.name).await,
            DEFINITIONS => self.finish_definition(&object).await,
            _ => {}
        }
        self.finish_dependents(key, &object).await;
    }
}

/// A machine that slept for days has nothing to make up for: one look finds all that is left.
fn ticks(every: Duration) -> Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_a_long_sleep_what_is_left_is_looked_for_once() {
        let mut ticks = ticks(SWEEP_EVERY);
        ticks.tick().await;
        tokio::time::advance(3 * 24 * 60 * SWEEP_EVERY).await;
        ticks.tick().await;
        assert!(ticks.tick().now_or_never().is_none());
        tokio::time::advance(SWEEP_EVERY).await;
        assert!(ticks.tick().now_or_never().is_some());
    }
}
