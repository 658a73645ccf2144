//! The work after a write, until the server stops.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use apiserver_store::Key;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::work::{Owner, Work};
use super::{Lifecycle, finalizers};
use crate::object::metadata;
use crate::state::collections::{DEFINITIONS, NAMESPACES};

/// How often all that is left over is looked for: work that a crash or a full disk has interrupted.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// How often the dependents of what is gone are looked for: each look goes over all objects.
const COLLECT_EVERY: Duration = Duration::from_secs(1);

impl Lifecycle {
    /// Works until the server stops.
    pub(crate) async fn run(&self, mut work: mpsc::UnboundedReceiver<Work>) {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut collect = tokio::time::interval(COLLECT_EVERY);
        collect.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut gone = BTreeSet::new();
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                first = work.recv() => {
                    let Some(first) = first else { return };
                    let mut all = HashSet::from([first]);
                    while let Ok(next) = work.try_recv() {
                        all.insert(next);
                    }
                    self.handle(all, &mut gone).await;
                }
                _ = collect.tick(), if !gone.is_empty() => {
                    self.collect_dependents(&std::mem::take(&mut gone)).await;
                }
                _ = sweep.tick() => self.sweep_all().await,
            }
        }
    }

    /// Does what is to be done at once; objects that are gone are added to `gone`.
    async fn handle(&self, all: HashSet<Work>, gone: &mut BTreeSet<Owner>) {
        for work in all {
            match work {
                Work::Ending(key) => self.finish(&key).await,
                Work::Dependents(owner) => drop(gone.insert(owner)),
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
    /// their token, old events.
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
