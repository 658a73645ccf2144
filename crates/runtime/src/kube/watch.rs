//! From a watch to a store and to the keys of what changed.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::runtime::WatchStreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store, store};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource};
use prometheus_client::metrics::counter::Counter;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

mod changes;
mod readable;

pub use changes::Changes;
pub use readable::Readable;

use super::connect::LONGEST_WATCH;
use crate::jitter::jittered;
use crate::process::shutdown::Shutdown;
use changes::Pending;

/// A kind of object that can be watched: any of ours and of Kubernetes' own.
pub trait Watchable:
    Resource<DynamicType: Default + Eq + Hash + Clone + Send + Sync>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
}

impl<K> Watchable for K where
    K: Resource<DynamicType: Default + Eq + Hash + Clone + Send + Sync>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// A local copy of a list of objects that follows the API, and the keys of what changed in it.
///
/// Broken watches are resumed or listed anew, with backoff; the copy stays readable meanwhile (and grows old). Clones
/// share the copy.
pub struct Watched<K: Watchable> {
    store: Store<K>,
    subscribers: Subscribers<K>,
    health: watch::Receiver<Health>,
    doubts: Arc<Doubts>,
    shutdown: Shutdown,
}

impl<K: Watchable> Clone for Watched<K> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            subscribers: Arc::clone(&self.subscribers),
            health: self.health.clone(),
            doubts: Arc::clone(&self.doubts),
            shutdown: self.shutdown.clone(),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Health {
    synced: bool,
    error: Option<(String, Instant)>,
}

type Subscribers<K> = Arc<Mutex<Vec<Weak<Pending<ObjectRef<K>>>>>>;

impl<K: Watchable> Watched<K> {
    /// Begins to follow what `api` and `config` select, in a task that ends at `shutdown`.
    ///
    /// An object that cannot be read (a schema may take what the type does not) is left out and said in the log: one
    /// object must not keep a whole kind from being read.
    #[must_use]
    pub fn start(api: Api<Readable<K>>, config: watcher::Config, shutdown: &Shutdown) -> Self {
        let (store, writer) = store();
        let subscribers: Subscribers<K> = Arc::default();
        let (sender, health) = watch::channel(Health::default());
        let lifetime = jittered(LONGEST_WATCH, 0.7).as_secs();
        let config = config.timeout(u32::try_from(lifetime).unwrap_or(u32::MAX));
        let doubts = Arc::new(Doubts::default());
        let follow = Follow {
            store: store.clone(),
            writer,
            subscribers: Arc::clone(&subscribers),
            health: sender,
            doubts: Arc::clone(&doubts),
            known: HashSet::new(),
        };
        let stop = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stop.wait() => {}
                () = follow.run(api, config) => {}
            }
        });
        Self { store, subscribers, health, doubts, shutdown: shutdown.clone() }
    }

    /// Reads the whole list anew, at most every [`BETWEEN_DOUBTS`]: somebody found the copy older than the API, and a
    /// watch that is open and silent says nothing of it. The copy stays readable meanwhile.
    pub fn doubt(&self) {
        self.doubts.raised.notify_one();
    }

    /// Counts in `counter` from now on how often the whole list is read again.
    pub fn count_relists(&self, counter: &Counter) {
        // The first counter counts.
        let _ = self.doubts.relists.set(counter.clone());
    }

    /// The local copy. Empty until [`synced`](Self::synced).
    #[must_use]
    pub fn store(&self) -> &Store<K> {
        &self.store
    }

    /// The object of that name in the local copy; `namespace` is `None` for cluster-scoped kinds.
    #[must_use]
    pub fn object(&self, namespace: Option<&str>, name: &str) -> Option<Arc<K>> {
        let key = ObjectRef::new(name);
        self.store.get(&match namespace {
            Some(namespace) => key.within(namespace),
            None => key,
        })
    }

    /// The keys of the local copy.
    pub fn keys(&self) -> impl Iterator<Item = ObjectRef<K>> {
        self.store.state().into_iter().map(|object| ObjectRef::from_obj(&*object))
    }

    /// Returns `true` once the whole list has been read; `false` if the shutdown came first.
    pub async fn synced(&self) -> bool {
        let mut health = self.health.clone();
        tokio::select! {
            synced = health.wait_for(|health| health.synced) => synced.is_ok(),
            () = self.shutdown.wait() => false,
        }
    }

    /// Whether the whole list has been read at least once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.health.borrow().synced
    }

    /// Why the watch does not work now, if it does not.
    ///
    /// A watch that was resumed and has nothing to report is silent, so an error is taken as over when it has not
    /// come again for longer than the backoff allows.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        let health = self.health.borrow();
        let (message, at) = health.error.as_ref()?;
        (at.elapsed() < ERROR_LIFETIME).then(|| message.clone())
    }

    /// The keys of every object that is there now and of all that change from now on, deletions included.
    #[must_use]
    pub fn changes(&self) -> Changes<K> {
        let pending = Arc::new(Pending::default());
        {
            // Subscribed before the store is read: a change in between is reported twice rather than not at all.
            let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
            subscribers.retain(|subscriber| subscriber.strong_count() > 0);
            subscribers.push(Arc::downgrade(&pending));
        }
        for object in self.store.state() {
            pending.add(ObjectRef::from_obj(&*object));
        }
        Changes { pending, shutdown: self.shutdown.clone() }
    }

    /// Calls `changed` with the key of every object that is there now and of all that change, until `term` is over.
    pub async fn follow(&self, term: &Shutdown, changed: impl Fn(ObjectRef<K>)) {
        let mut changes = self.changes();
        loop {
            tokio::select! {
                () = term.wait() => return,
                next = changes.next() => match next {
                    Some(object) => changed(object),
                    None => return,
                },
            }
        }
    }
}

/// Between a copy and those who find that it is old.
#[derive(Default)]
struct Doubts {
    raised: Notify,
    relists: OnceLock<Counter>,
}

struct Follow<K: Watchable> {
    store: Store<K>,
    writer: Writer<K>,
    subscribers: Subscribers<K>,
    health: watch::Sender<Health>,
    doubts: Arc<Doubts>,
    /// What the store held when the present listing began. The watch does not report what vanished while it was
    /// away; the difference to the new listing does.
    known: HashSet<ObjectRef<K>>,
}

impl<K: Watchable> Follow<K> {
    async fn run(mut self, api: Api<Readable<K>>, config: watcher::Config) {
        let doubts = Arc::clone(&self.doubts);
        loop {
            let events = watcher::watcher(api.clone(), config.clone()).default_backoff();
            let earliest = Instant::now() + BETWEEN_DOUBTS;
            let doubted = async {
                doubts.raised.notified().await;
                tokio::time::sleep_until(earliest).await;
            };
            tokio::select! {
                () = self.follow(events) => return,
                () = doubted => {
                    tracing::info!(kind = %K::kind(&K::DynamicType::default()), "copy doubted, read anew");
                }
            }
        }
    }

    async fn follow(&mut self, events: impl Stream<Item = watcher::Result<Event<Readable<K>>>>) {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            match event.map(|event| self.readable(event)) {
                Ok(Some(event)) => {
                    self.writer.apply_watcher_event(&event);
                    self.seen(&event);
                }
                Ok(None) => {}
                Err(error) => self.failed(&error),
            }
        }
    }

    /// An object that became unreadable is gone for those who read the copy.
    fn readable(&self, event: Event<Readable<K>>) -> Option<Event<K>> {
        Some(match event {
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
            Event::InitApply(object) => Event::InitApply(read(object).ok()?),
            Event::Apply(object) => match read(object) {
                Ok(object) => Event::Apply(object),
                Err(key) => Event::Delete(K::clone(&*self.store.get(&key)?)),
            },
            Event::Delete(object) => match read(object) {
                Ok(object) => Event::Delete(object),
                Err(key) => Event::Delete(K::clone(&*self.store.get(&key)?)),
            },
        })
    }

    fn seen(&mut self, event: &Event<K>) {
        match event {
            Event::Init => self.known = self.keys(),
            Event::InitApply(_) => {}
            Event::InitDone => {
                if self.health.borrow().synced
                    && let Some(relists) = self.doubts.relists.get()
                {
                    relists.inc();
                }
                let mut touched = std::mem::take(&mut self.known);
                touched.extend(self.keys());
                self.healthy();
                for key in &touched {
                    self.report(key);
                }
            }
            Event::Apply(object) | Event::Delete(object) => {
                self.healthy();
                self.report(&ObjectRef::from_obj(object));
            }
        }
    }

    fn keys(&self) -> HashSet<ObjectRef<K>> {
        self.store.state().iter().map(|object| ObjectRef::from_obj(&**object)).collect()
    }

    fn report(&self, key: &ObjectRef<K>) {
        let subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        for subscriber in subscribers.iter().filter_map(Weak::upgrade) {
            subscriber.add(key.clone());
        }
    }

    fn healthy(&self) {
        self.health.send_if_modified(|health| {
            let recovered = health.error.take().is_some();
            let first = !std::mem::replace(&mut health.synced, true);
            recovered || first
        });
    }

    fn failed(&self, error: &watcher::Error) {
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        let message = error.to_string();
        // The first of a series is worth a warning; its repetitions, once per backoff, are not.
        let is_new = self.health.send_if_modified(|health| {
            let before = health.error.replace((message.clone(), Instant::now()));
            before.is_none_or(|(before, _)| before != message)
        });
        if is_new {
            tracing::warn!(kind, error = message, "watch interrupted, trying again");
        } else {
            tracing::debug!(kind, error = message, "watch still interrupted");
        }
    }
}

fn read<K: Watchable>(object: Readable<K>) -> Result<K, ObjectRef<K>> {
    let key = ObjectRef::from_obj(&object).into_kind_unchecked(K::DynamicType::default());
    object.read().map_err(|error| {
        let kind = K::kind(&K::DynamicType::default()).into_owned();
        tracing::warn!(kind, object = %key, error, "an object cannot be read and is left out");
        key
    })
}

/// Longest backoff (30 s, doubled by jitter) plus the longest time for one attempt to fail.
const ERROR_LIFETIME: Duration = Duration::from_secs(150);

/// From the beginning of one reading to the next that is only made because of a doubt.
pub const BETWEEN_DOUBTS: Duration = Duration::from_secs(10);
