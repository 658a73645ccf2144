//! Failures of a real file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::{
    fs::OpenOptions,
    io,
    ops::Bound,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use apiserver_store::{OpenError, Options, Store, WriteError};
use common::{create, update};
use redb::{BackendError, StorageBackend, backends::FileBackend};

/// A file whose writes fail while the flag is set.
#[derive(Debug)]
struct Faulty(FileBackend, Arc<AtomicBool>);

impl Faulty {
    fn check(&self) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for Faulty {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.check()?;
        self.0.write(offset, data)
    }
    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.try_lock_range(start, end)
    }
    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.try_lock_shared_range(start, end)
    }
    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_range(start, end)
    }
    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.lock_shared_range(start, end)
    }
    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.query_lock_range(start, end)
    }
    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.unlock_range(start, end)
    }
    fn close(&self) -> Result<(), io::Error> {
        self.0.close()
    }
}

#[tokio::test]
async fn the_file_stays_locked_during_a_failure_and_is_used_again_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(Store::open(&path, Options::default()).unwrap());
    let full = Arc::new(AtomicBool::new(false));
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let backend = Faulty(FileBackend::new(file).unwrap(), Arc::clone(&full));
    let store = Store::open_backend(backend, Options::default()).unwrap();
    let first = create(&store, "pods", "a", "p", "one").await.unwrap();
    let mut watch = store.watch("pods", None, first.revision).unwrap();

    full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = update(&store, &first, "two").await.unwrap_err();
        assert!(matches!(error, WriteError::Full { .. }), "{error}");
        assert!(matches!(Store::open(&path, Options::default()), Err(OpenError::InUse { .. })));
        assert_eq!(store.read("pods", "a", "p").as_ref(), Some(&first));
        assert!(watch.try_next().unwrap().is_none());
    }
    full.store(false, Ordering::SeqCst);
    let second = update(&store, &first, "two").await.unwrap();
    assert_eq!(watch.next().await.unwrap().object, second);
    drop(store);
    let store = Store::open(&path, Options::default()).unwrap();
    assert_eq!(store.read("pods", "a", "p"), Some(second));
}

#[tokio::test]
#[ignore = "needs a small file system of its own, named by MESHROOT_SMALL_DISK"]
async fn a_full_file_system_refuses_writes_until_there_is_room() {
    let directory: PathBuf = std::env::var_os("MESHROOT_SMALL_DISK").unwrap().into();
    let (path, filler) = (directory.join("store"), directory.join("filler"));
    let store = Store::open(&path, Options { history_events: 10, ..Options::default() }).unwrap();
    let mut object = create(&store, "pods", "a", "p", "").await.unwrap();
    let free = std::iter::repeat_n(0u8, 4_096).collect::<Vec<_>>();
    let mut file = OpenOptions::new().create(true).append(true).open(&filler).unwrap();
    while io::Write::write_all(&mut file, &free).is_ok() {}
    let text = "x".repeat(100_000);
    let error = loop {
        match create(&store, "pods", "a", &format!("p{}", store.revision()), &text).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, WriteError::Full { .. }), "{error}");
    assert_eq!(store.read("pods", "a", "p").as_ref(), Some(&object));
    let revision = store.revision();
    drop(file);
    std::fs::remove_file(&filler).unwrap();
    for _ in 0..5 {
        object = update(&store, &object, &text).await.unwrap();
    }
    assert_eq!(object.revision, revision + 5);
    drop(store);
    assert_eq!(
        Store::open(&path, Options::default()).unwrap().read("pods", "a", "p"),
        Some(object)
    );
    std::fs::remove_file(&path).unwrap();
}
