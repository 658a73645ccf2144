//! Copies of a store in new files.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    event::EventKind,
    failure::OpenError,
    log,
    object::{Key, Labels, Object},
    record::{Operation, Record},
    state::{Shared, State},
    verify::{self, VerifyError},
    write::Value,
};

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// The revision it is of.
    pub revision: u64,
    /// Its live objects.
    pub objects: usize,
    /// The length of its file.
    pub bytes: u64,
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// There is a file of this name already.
    #[error("{} exists: a snapshot overwrites nothing, give it another name", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another snapshot is being written to the same place.
    #[error("{} is being written by another snapshot", path.display())]
    InUse {
        /// The unfinished file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("{} cannot be written: {detail}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        detail: String,
    },
    /// The runtime ended meanwhile.
    #[error("the snapshot was interrupted: {detail}")]
    Interrupted {
        /// What the runtime answered.
        detail: String,
    },
}

/// An object that tells a restored store from the one of the snapshot.
#[derive(Clone, Debug)]
pub struct Marker {
    /// Where it is stored; an older object there is replaced.
    pub key: Key,
    /// What is stored.
    pub value: Value,
}

/// The records of a state and what a new log needs beside them.
struct Copy {
    revision: u64,
    objects: usize,
    compacted: Vec<(Arc<str>, u64)>,
    records: BTreeMap<u64, Record>,
}

impl Copy {
    /// The records that make `state`: of the live objects, the events, and the versions the events replaced. All of
    /// them are in memory, so a snapshot does not touch the store's own file.
    fn of(state: &State) -> Self {
        let mut copy = Self {
            revision: state.revision,
            objects: 0,
            compacted: Vec::new(),
            records: BTreeMap::new(),
        };
        for collection in state.collections.values() {
            copy.objects += collection.count();
            if collection.history.compacted > 0 {
                copy.compacted.push((Arc::clone(collection.name()), collection.history.compacted));
            }
            let events = collection.history.events();
            let previous = events
                .filter_map(|event| event.previous.as_ref())
                .chain(collection.objects(None, None));
            for object in previous {
                let record = Record { operation: Operation::Put, object: Arc::clone(object) };
                copy.records.insert(object.revision, record);
            }
            for event in collection.history.events() {
                let deleted = event.kind == EventKind::Deleted;
                let operation = if deleted { Operation::Delete } else { Operation::Put };
                copy.records.insert(
                    event.revision(),
                    Record { operation, object: Arc::clone(&event.object) },
                );
            }
        }
        copy
    }
}

/// Why a snapshot was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The snapshot cannot be used.
    #[error(transparent)]
    Snapshot(#[from] VerifyError),
    /// The new file cannot be written.
    #[error(transparent)]
    New(#[from] SnapshotError),
}

/// How far ahead of its snapshot a restored store begins. The store that the snapshot was taken from may have gone on
/// meanwhile: no revision that it gave since may be given again for something else.
const REVISIONS_AHEAD: u64 = 1_000_000_000;

/// Makes a new store at `path` of the live objects of a snapshot. It has no history: what was watched before is listed
/// anew. `marker` is stored with the revision that the new store begins at.
pub(crate) fn restore(
    snapshot: &Path,
    path: &Path,
    marker: &Marker,
) -> Result<SnapshotSummary, RestoreError> {
    let contents = verify::contents(snapshot)?;
    let floor = contents.state.revision.saturating_add(REVISIONS_AHEAD);
    let mut copy =
        Copy { revision: floor, objects: 0, compacted: Vec::new(), records: BTreeMap::new() };
    for collection in contents.state.collections.values() {
        copy.compacted.push((Arc::clone(collection.name()), floor));
        for object in collection.objects(None, None).filter(|object| object.key != marker.key) {
            copy.objects += 1;
            let record = Record { operation: Operation::Put, object: Arc::clone(object) };
            copy.records.insert(object.revision, record);
        }
    }
    let json = marker.value.at(floor);
    let object = Object {
        key: marker.key.clone(),
        revision: floor,
        created: floor,
        json,
        labels: Labels::default(),
    };
    copy.records.insert(floor, Record { operation: Operation::Put, object: Arc::new(object) });
    let bytes = create(path, log::fresh_identity(), verify::CACHE_BYTES, &copy)?;
    Ok(SnapshotSummary { revision: floor, objects: copy.objects, bytes })
}

/// Writes a copy of the state to a new file at `path`. The state is locked while the copy's list of records is made,
/// not while it is written.
pub(crate) fn write(
    shared: &Shared,
    identity: u128,
    cache_bytes: usize,
    path: &Path,
) -> Result<SnapshotSummary, SnapshotError> {
    let copy = Copy::of(&shared.read());
    let bytes = create(path, identity, cache_bytes, &copy)?;
    Ok(SnapshotSummary { revision: copy.revision, objects: copy.objects, bytes })
}

/// Makes the file of a new store. A crash on the way leaves no file at `path`, where an unfinished one could not be
/// told from damage.
pub(crate) fn create_empty(path: &Path, cache_bytes: usize) -> Result<(), OpenError> {
    let copy = Copy::of(&State::default());
    match create(path, log::fresh_identity(), cache_bytes, &copy) {
        Ok(_) | Err(SnapshotError::Exists { .. }) => Ok(()),
        Err(SnapshotError::InUse { .. }) => Err(OpenError::InUse { path: path.into() }),
        Err(error) => Err(OpenError::Storage { path: path.into(), detail: error.to_string() }),
    }
}

/// Writes the copy beside `path` and then gives it its name. The unfinished file is locked all the while, so that two
/// snapshots to one place do not meet in it.
fn create(
    path: &Path,
    identity: u128,
    cache_bytes: usize,
    copy: &Copy,
) -> Result<u64, SnapshotError> {
    let partial = with_ending(path, ".partial");
    absent(path)?;
    let file = open_private(&partial).map_err(|error| failed(&partial, &error))?;
    lock(&file, &partial)?;
    // Another snapshot may have finished, and its file be the one that is open now.
    absent(path)?;
    let finished =
        fill(&file, &partial, identity, cache_bytes, copy).and_then(|()| publish(&partial, path));
    if finished.is_err() && lock(&file, &partial).is_ok() {
        let _ = fs::remove_file(&partial);
    }
    finished
}

fn failed(path: &Path, error: &io::Error) -> SnapshotError {
    SnapshotError::Storage { path: path.into(), detail: error.to_string() }
}

fn absent(path: &Path) -> Result<(), SnapshotError> {
    match path.try_exists() {
        Ok(false) => Ok(()),
        Ok(true) => Err(SnapshotError::Exists { path: path.into() }),
        Err(error) => Err(failed(path, &error)),
    }
}

fn lock(file: &File, path: &Path) -> Result<(), SnapshotError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => SnapshotError::InUse { path: path.into() },
        TryLockError::Error(error) => failed(path, &error),
    })
}

/// Opens the unfinished file, which may be left over from an interrupted snapshot, readable to its owner alone.
fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn fill(
    file: &File,
    path: &Path,
    identity: u128,
    cache_bytes: usize,
    copy: &Copy,
) -> Result<(), SnapshotError> {
    file.set_len(0).map_err(|error| failed(path, &error))?;
    let written = file.try_clone().map_err(|error| failed(path, &error))?;
    log::write_new(written, identity, &copy.compacted, copy.records.values(), cache_bytes)
        .map_err(|failure| SnapshotError::Storage { path: path.into(), detail: failure.detail })?;
    // redb released the lock when it closed the file.
    lock(file, path)?;
    file.sync_all().map_err(|error| failed(path, &error))
}

/// Gives the finished file its name, unless there is a file of this name by now, and makes the name durable.
fn publish(partial: &Path, path: &Path) -> Result<u64, SnapshotError> {
    absent(path)?;
    let directory =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::rename(partial, path)
        .and_then(|()| File::open(directory)?.sync_all())
        .and_then(|()| Ok(fs::metadata(path)?.len()))
        .map_err(|error| failed(path, &error))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
