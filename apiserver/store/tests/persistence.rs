//! What is there after a restart.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::path::Path;

use apiserver_store::{
    EventKind, Expired, OpenError, Options, SnapshotError, Store, VerifyError, Watch,
};
use common::{create, delete, update};
use redb::{Database, ReadableDatabase, TableDefinition, TableHandle};

fn events(watch: &mut Watch) -> Vec<(EventKind, String, u64, Option<u64>)> {
    let mut events = Vec::new();
    while let Some(event) = watch.try_next().unwrap() {
        let previous = event.previous.as_ref().map(|previous| previous.revision);
        events.push((event.kind, event.object.key.name.to_string(), event.revision(), previous));
    }
    events
}

async fn changes(store: &Store) {
    for number in 0..6 {
        let object = create(store, "pods", "a", &format!("p{number}"), "one").await.unwrap();
        let object = update(store, &object, "two").await.unwrap();
        if number % 2 == 0 {
            delete(store, &object).await.unwrap();
        }
        create(store, "secrets", "", &format!("s{number}"), "one").await.unwrap();
    }
}

fn open(path: &Path, options: &Options) -> Store {
    Store::open(path, options.clone()).unwrap()
}

#[tokio::test]
async fn a_reopened_store_has_the_same_objects_history_and_revision() {
    for history_events in [1, 2, 3, 5, 7, 100] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let options = Options { history_events, ..Options::default() };
        let before = open(&path, &options);
        changes(&before).await;
        let listed = before.list("pods", None, None, 0, None).unwrap();
        let Expired { oldest } =
            before.watch("pods", None, 0).err().unwrap_or(Expired { oldest: 0 });
        let history = events(&mut before.watch("pods", None, oldest).unwrap());
        let snapshot = before.list("pods", None, None, 0, Some(oldest)).unwrap();
        let (revision, identity, counts) =
            (before.revision(), before.identity(), before.collections());
        drop(before);

        let after = open(&path, &options);
        assert_eq!(after.list("pods", None, None, 0, None).unwrap(), listed);
        assert_eq!(after.list("pods", None, None, 0, Some(oldest)).unwrap(), snapshot);
        assert_eq!(
            (after.revision(), after.identity(), after.collections()),
            (revision, identity, counts)
        );
        assert_eq!(events(&mut after.watch("pods", None, oldest).unwrap()), history);
        let expired = oldest.checked_sub(1).map(|older| after.watch("pods", None, older).map(drop));
        assert!(expired.is_none_or(|expired| expired == Err(Expired { oldest })));
        assert_eq!(create(&after, "pods", "a", "new", "").await.unwrap().revision, revision + 1);
    }
}

#[tokio::test]
async fn the_file_does_not_grow_while_one_object_is_rewritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = open(&path, &Options { history_events: 20, ..Options::default() });
    let text = "x".repeat(3_000);
    let mut object = create(&store, "leases", "a", "l", &text).await.unwrap();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        for _ in 0..100 {
            object = update(&store, &object, &text).await.unwrap();
        }
        sizes.push(std::fs::metadata(&path).unwrap().len());
    }
    assert!(sizes[3] <= sizes[0] && sizes[3] < 1 << 20, "{sizes:?}");
    store.close().await;
    assert_eq!(Store::verify(&path).unwrap().records, 21);
}

#[tokio::test]
async fn a_file_in_use_is_refused_by_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = open(&path, &Options::default());
    let error = Store::open(&path, Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(matches!(Store::verify(&path), Err(VerifyError::Open(OpenError::InUse { .. }))));
    store.close().await;
    open(&path, &Options::default());
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    let diary = "a diary of some length, which is no database at all\n".repeat(100);
    std::fs::write(&text, &diary).unwrap();
    let other = directory.path().join("other");
    let songs = TableDefinition::<u64, u64>::new("songs");
    let database = Database::create(&other).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(songs).unwrap().insert(1, 2).unwrap();
    transaction.commit().unwrap();
    drop(database);
    for path in [&text, &other] {
        let error = Store::open(path, Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
        let error = Store::verify(path).unwrap_err();
        assert!(matches!(error, VerifyError::Open(OpenError::Foreign { .. })), "{error}");
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap(), diary);
    let database = Database::open(&other).unwrap();
    let read = database.begin_read().unwrap();
    assert_eq!(
        read.list_tables().unwrap().map(|table| table.name().to_owned()).collect::<Vec<_>>(),
        ["songs"]
    );
}

#[test]
fn a_file_of_a_newer_release_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(open(&path, &Options::default()));
    let database = Database::create(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, &[u8]>::new("meta");
    transaction.open_table(meta).unwrap().insert("format", 2u64.to_le_bytes().as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = Store::open(&path, Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { found: 2, .. }), "{error}");
}

#[tokio::test]
async fn a_damaged_record_is_found_when_the_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = open(&path, &Options::default());
    create(&store, "pods", "a", "p", "a text to be found again").await.unwrap();
    store.close().await;
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(24).position(|window| window == b"a text to be found again").unwrap();
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let error = Store::verify(&path).unwrap_err();
    assert!(matches!(error, VerifyError::Open(OpenError::Damaged { .. })), "{error}");
    assert!(matches!(Store::open(&path, Options::default()), Err(OpenError::Damaged { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_is_a_complete_store_and_overwrites_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("store"), directory.path().join("copy"));
    let options = Options { history_events: 8, ..Options::default() };
    let store = open(&path, &options);
    changes(&store).await;
    let summary = store.snapshot_to(&copy).await.unwrap();
    assert!(matches!(store.snapshot_to(&copy).await, Err(SnapshotError::Exists { .. })));
    let listed = store.list("pods", None, None, 0, None).unwrap();
    let Expired { oldest } = store.watch("pods", None, 0).unwrap_err();
    let history = events(&mut store.watch("pods", None, oldest).unwrap());
    changes_more(&store).await;

    let verified = Store::verify(&copy).unwrap();
    assert_eq!(
        (verified.revision, verified.objects, verified.bytes),
        (summary.revision, summary.objects, summary.bytes)
    );
    assert_eq!(verified.identity, store.identity());
    let opened = open(&copy, &options);
    assert_eq!(opened.list("pods", None, None, 0, None).unwrap(), listed);
    assert_eq!(events(&mut opened.watch("pods", None, oldest).unwrap()), history);
    assert!(!directory.path().join("copy.partial").exists());
}

async fn changes_more(store: &Store) {
    let object = store.read("pods", "a", "p1").unwrap();
    update(store, &object, "later").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_in_memory_can_be_saved_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("copy");
    let store = Store::in_memory(Options::default());
    changes(&store).await;
    store.snapshot_to(&path).await.unwrap();
    let opened = open(&path, &Options::default());
    assert_eq!((opened.revision(), opened.collections()), (store.revision(), store.collections()));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_are_readable_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let (path, copy) = (directory.path().join("store"), directory.path().join("copy"));
    open(&path, &Options::default()).snapshot_to(&copy).await.unwrap();
    for path in [path, copy] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
