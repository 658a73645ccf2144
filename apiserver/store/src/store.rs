//! The store's handle.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use redb::StorageBackend;
use tokio::sync::{Semaphore, oneshot};

use crate::{
    backend::Held,
    batch::Request,
    collection::Collection,
    failure::{OpenError, open_error},
    listing::{Expired, Listing, Selection},
    log::{self, Contents, Log},
    object::Object,
    options::Options,
    snapshot::{self, Marker, RestoreError, SnapshotError, SnapshotSummary},
    state::{Shared, State},
    verify::{self, Summary, VerifyError},
    watch::Watch,
    write::{Write, WriteError},
    writer::{Message, Writer},
};

/// A store of objects. Clones are handles to the same store; when the last one is dropped, what waits is written and
/// the file is closed.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    identity: u128,
    cache_bytes: usize,
    writing: Arc<Writing>,
}

/// The way to the writer thread.
#[derive(Debug)]
struct Writing {
    places: Arc<Semaphore>,
    /// None once the last handle is being dropped.
    queue: Option<mpsc::Sender<Message>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens the store's file at `path`, or makes it. The file is readable to its owner alone.
    ///
    /// A file that was not closed, since its process was killed, is repaired.
    pub fn open(path: &Path, options: Options) -> Result<Self, OpenError> {
        if !path.try_exists().map_err(|error| open_error(path, redb::Error::Io(error)))? {
            snapshot::create_empty(path, options.cache_bytes)?;
        }
        let (log, contents) = Log::open_file(path, options.cache_bytes)?;
        Self::start(log, contents, options, path)
    }

    /// Opens the store that `backend` holds, or begins one if it is empty.
    pub fn open_backend(backend: impl StorageBackend, options: Options) -> Result<Self, OpenError> {
        let path = Path::new("the storage backend");
        let (log, contents) = Log::open(Held::new(backend), path, options.cache_bytes)?;
        Self::start(log, contents, options, path)
    }

    /// A store without a file: it behaves like one with a file, and is gone with its process. If the system starts no
    /// thread for it, it is a closed store.
    pub fn in_memory(options: Options) -> Self {
        let contents =
            Contents { state: State::default(), identity: log::fresh_identity(), records: 0 };
        let (store, writer) = Self::new(None, contents, options);
        if let Err(error) = store.spawn(writer) {
            tracing::error!(%error, "the store's writer cannot be started");
        }
        store
    }

    fn start(
        log: Log,
        contents: Contents,
        options: Options,
        path: &Path,
    ) -> Result<Self, OpenError> {
        let (store, writer) = Self::new(Some(log), contents, options);
        store.spawn(writer).map_err(|error| open_error(path, redb::Error::Io(error)))?;
        Ok(store)
    }

    fn new(
        log: Option<Log>,
        contents: Contents,
        options: Options,
    ) -> (Self, (Writer, mpsc::Receiver<Message>)) {
        let shared = Arc::new(Shared::new(contents.state));
        let (queue, messages) = mpsc::channel();
        let places = Arc::new(Semaphore::new(options.queue.clamp(1, Semaphore::MAX_PERMITS)));
        let cache_bytes = options.cache_bytes;
        let writer = Writer::new(Arc::clone(&shared), log, options);
        let writing = Arc::new(Writing { places, queue: Some(queue), thread: Mutex::new(None) });
        (Self { shared, identity: contents.identity, cache_bytes, writing }, (writer, messages))
    }

    fn spawn(&self, (writer, messages): (Writer, mpsc::Receiver<Message>)) -> io::Result<()> {
        let thread = thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run(&messages))?;
        *self.writing.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Makes one change, if its condition holds at the commit, and answers the new version once it is durable; for a
    /// deletion the last version, at the deletion's revision.
    ///
    /// A caller that goes away does not undo its write.
    pub async fn write(&self, write: Write) -> Result<Arc<Object>, WriteError> {
        let places = Arc::clone(&self.writing.places);
        let place = places.acquire_owned().await.map_err(|_| WriteError::Closed)?;
        let (answer, answered) = oneshot::channel();
        self.writing
            .send(Message::Write(Box::new(Request { write, answer }), place))
            .map_err(|()| WriteError::Closed)?;
        answered.await.unwrap_or(Err(WriteError::Closed))
    }

    /// The object as it is now.
    pub fn read(&self, collection: &str, namespace: &str, name: &str) -> Option<Arc<Object>> {
        self.shared.read().read(collection, namespace, name).cloned()
    }

    /// The newest revision; 0 if nothing was ever written.
    pub fn revision(&self) -> u64 {
        self.shared.read().revision
    }

    /// What tells this store from others. A snapshot has the identity of its store. It is no secret.
    pub fn identity(&self) -> u128 {
        self.identity
    }

    /// The objects of a collection in the order of `namespace/name`: of the namespace `scope` or of all, those after
    /// the place `after` (namespace and name), at most `limit` unless it is 0; as they are, or as they were at the
    /// revision `at`. A revision that is still to come means now.
    ///
    /// # Errors
    ///
    /// [`Expired`] if `at` is older than the collection's history.
    pub fn list(
        &self,
        collection: &str,
        scope: Option<&str>,
        after: Option<(&str, &str)>,
        limit: usize,
        at: Option<u64>,
    ) -> Result<Listing, Expired> {
        self.shared.read().list(collection, Selection { scope, after, limit }, at)
    }

    /// Watches a collection, in the namespace `scope` or in all: all events of revisions later than `from`.
    ///
    /// # Errors
    ///
    /// [`Expired`] if `from` is older than the collection's history.
    pub fn watch(
        &self,
        collection: &str,
        scope: Option<&str>,
        from: u64,
    ) -> Result<Watch, Expired> {
        let shared = &self.shared;
        if let Some(collection) = shared.read().collections.get(collection) {
            return Watch::new(shared, collection, scope, from);
        }
        Watch::new(shared, shared.write().collection(&collection.into()), scope, from)
    }

    /// The collections that hold objects, with how many.
    pub fn collections(&self) -> Vec<(Arc<str>, usize)> {
        let state = self.shared.read();
        let counted = state
            .collections
            .values()
            .map(|collection| (Arc::clone(collection.name()), collection.count()));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// The revision of the newest change in a collection; 0 where there was none. Whoever makes something of its objects
    /// compares this to learn whether it is out of date.
    pub fn changed(&self, collection: &str) -> u64 {
        let state = self.shared.read();
        let history = state.collections.get(collection).map(|collection| &collection.history);
        history.map_or(0, |history| {
            history.events().last().map_or(history.compacted, |event| event.revision())
        })
    }

    /// How many objects a collection holds.
    pub fn count(&self, collection: &str) -> usize {
        self.shared.read().collections.get(collection).map_or(0, Collection::count)
    }

    /// How many objects a collection holds in a namespace.
    pub fn count_in(&self, collection: &str, namespace: &str) -> usize {
        let state = self.shared.read();
        state.collections.get(collection).map_or(0, |collection| collection.count_in(namespace))
    }

    /// Writes a complete copy of the store, as it is at one revision and with its history, into a new file at `path`.
    /// Writes and reads go on meanwhile. The copy is made beside `path`, with the ending `.partial`, and gets its name
    /// when it is durable. It must be awaited within a tokio runtime.
    pub async fn snapshot_to(&self, path: &Path) -> Result<SnapshotSummary, SnapshotError> {
        let (shared, identity, cache_bytes) =
            (Arc::clone(&self.shared), self.identity, self.cache_bytes);
        let path = path.to_path_buf();
        let written = tokio::task::spawn_blocking(move || {
            snapshot::write(&shared, identity, cache_bytes, &path)
        })
        .await;
        written
            .unwrap_or_else(|error| Err(SnapshotError::Interrupted { detail: error.to_string() }))
    }

    /// Reads a store's file wholly and checks each record. The file is not changed.
    pub fn verify(path: &Path) -> Result<Summary, VerifyError> {
        verify::verify(path)
    }

    /// Makes a new store at `path` of the objects in a snapshot, without their history. Its revisions begin far above
    /// the snapshot's, at `marker`'s: the store that the snapshot was taken from may have gone on since, and a revision
    /// means one thing only. Overwrites nothing.
    pub fn restore(
        snapshot: &Path,
        path: &Path,
        marker: &Marker,
    ) -> Result<SnapshotSummary, RestoreError> {
        snapshot::restore(snapshot, path, marker)
    }

    /// Writes what waits, closes the file and ends all watches. Reads go on; writes are answered with
    /// [`WriteError::Closed`].
    pub async fn close(&self) {
        self.writing.places.close();
        let (closed, waiting) = oneshot::channel();
        if self.writing.send(Message::Close(closed)).is_ok() {
            let _ = waiting.await;
        }
    }
}

impl Writing {
    fn send(&self, message: Message) -> Result<(), ()> {
        self.queue.as_ref().ok_or(())?.send(message).map_err(|_| ())
    }
}

impl Drop for Writing {
    /// Waits for the writer, so that the file is free afterwards. That takes one commit.
    fn drop(&mut self) {
        self.queue = None;
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}
