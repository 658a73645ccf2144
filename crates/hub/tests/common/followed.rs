//! Every version of some objects, as they are written.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use futures::TryStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;

/// What was seen so far. Who looks finds the newest missing where the watch has ended.
pub(crate) struct Followed<K> {
    seen: Arc<Mutex<Vec<K>>>,
    watch: JoinHandle<()>,
}

impl<K> Drop for Followed<K> {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl<K> Followed<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    /// Follows all that the API server has and gets.
    pub(crate) fn new(api: Api<K>, which: watcher::Config) -> Self {
        let seen = Arc::<Mutex<Vec<K>>>::default();
        let written = Arc::clone(&seen);
        let watch = tokio::spawn(async move {
            let ended = watcher::watcher(api, which).try_for_each(|event| {
                if let Event::InitApply(object) | Event::Apply(object) = event {
                    written.lock().unwrap_or_else(PoisonError::into_inner).push(object);
                }
                std::future::ready(Ok(()))
            });
            let _ = ended.await;
        });
        Self { seen, watch }
    }

    pub(crate) fn seen(&self) -> Vec<K> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
