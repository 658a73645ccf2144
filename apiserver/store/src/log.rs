//! The log of changes in its redb file.

use std::{
    fs::{File, OpenOptions},
    path::Path,
    sync::Arc,
};

use redb::{
    Database, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition, TableError,
    WriteTransaction, backends::FileBackend,
};

use crate::{
    backend::Held,
    batch::Batch,
    event::EventKind,
    failure::{Failure, OpenError, open_error},
    record::{Operation, Record, RecordError},
    state::State,
};

/// Revision to record.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// The format, the identity, and `compacted/<collection>`: the newest revision whose event is gone from the history.
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const FORMAT_KEY: &str = "format";
const IDENTITY_KEY: &str = "identity";
const COMPACTED_PREFIX: &str = "compacted/";

/// The format this crate reads and writes.
const FORMAT: u64 = 1;

/// The open file.
#[derive(Debug)]
pub(crate) struct Log {
    backend: Held,
    cache_bytes: usize,
    /// None while a failed operation has not been recovered from.
    database: Option<Database>,
    record: Vec<u8>,
}

/// What a log holds.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) state: State,
    pub(crate) identity: u128,
    pub(crate) records: u64,
}

impl Log {
    /// Opens the file of `path`, which must exist.
    pub(crate) fn open_file(
        path: &Path,
        cache_bytes: usize,
    ) -> Result<(Self, Contents), OpenError> {
        let backend = file_backend(path).map_err(|error| open_error(path, error))?;
        Self::open(Held::new(backend), path, cache_bytes)
    }

    /// Opens what `backend` holds, or begins a log in it if it is empty. Errors call it `path`.
    pub(crate) fn open(
        backend: Held,
        path: &Path,
        cache_bytes: usize,
    ) -> Result<(Self, Contents), OpenError> {
        let database =
            database(backend.clone(), cache_bytes).map_err(|error| open_error(path, error))?;
        if is_blank(&database).map_err(|error| open_error(path, error))? {
            begin(&database, fresh_identity()).map_err(|error| open_error(path, error))?;
        }
        let contents = contents(&database, path)?;
        Ok((Self { backend, cache_bytes, database: Some(database), record: Vec::new() }, contents))
    }

    /// Makes the batch durable. After a failure nothing more can be done before [`Self::recover`].
    pub(crate) fn commit(&mut self, batch: &Batch) -> Result<(), Failure> {
        let Some(database) = &self.database else {
            return Err(Failure {
                full: false,
                detail: "an earlier failure is not recovered from".into(),
            });
        };
        let transaction = database.begin_write()?;
        write_batch(&transaction, batch, &mut self.record)?;
        transaction.commit()?;
        Ok(())
    }

    /// Opens the database anew after a failure and answers the newest revision that is in it, and durable.
    ///
    /// What the failed commit left in the file is synced first. Otherwise a commit whose sync failed could be read
    /// here, and be gone after a crash.
    pub(crate) fn recover(&mut self) -> Result<u64, Failure> {
        self.database = None;
        self.backend.sync_data().map_err(redb::Error::Io)?;
        let database = database(self.backend.clone(), self.cache_bytes)?;
        let newest = newest(&database)?;
        self.database = Some(database);
        Ok(newest)
    }

    /// Closes the file.
    pub(crate) fn close(&mut self) -> Result<(), Failure> {
        match self.database.take() {
            Some(database) => Ok(database.close()?),
            None => Ok(()),
        }
    }
}

fn file_backend(path: &Path) -> Result<FileBackend, redb::Error> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(redb::Error::Io)?;
    Ok(FileBackend::new(file)?)
}

fn database(backend: impl StorageBackend, cache_bytes: usize) -> Result<Database, redb::Error> {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    Ok(builder.create_with_backend(backend)?)
}

/// Whether there is no table yet.
fn is_blank(database: &Database) -> Result<bool, redb::Error> {
    let read = database.begin_read()?;
    Ok(read.list_tables()?.next().is_none() && read.list_multimap_tables()?.next().is_none())
}

fn begin(database: &Database, identity: u128) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        transaction.open_table(LOG)?;
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT_KEY, FORMAT.to_le_bytes().as_slice())?;
        meta.insert(IDENTITY_KEY, identity.to_le_bytes().as_slice())?;
    }
    transaction.commit()?;
    Ok(())
}

/// A new store's identity. It tells stores apart and is no secret, so the seeds of the standard hasher suffice.
pub(crate) fn fresh_identity() -> u128 {
    use std::hash::{BuildHasher, RandomState};
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    half() << 64 | half()
}

fn write_batch(
    transaction: &WriteTransaction,
    batch: &Batch,
    record: &mut Vec<u8>,
) -> Result<(), redb::Error> {
    let mut log = transaction.open_table(LOG)?;
    for event in &batch.events {
        let deleted = event.kind == EventKind::Deleted;
        let operation = if deleted { Operation::Delete } else { Operation::Put };
        Record { operation, object: Arc::clone(&event.object) }.encode(record);
        log.insert(event.revision(), record.as_slice())?;
    }
    for revision in &batch.removals {
        log.remove(revision)?;
    }
    if !batch.compacted.is_empty() {
        write_compacted(
            transaction,
            batch.compacted.iter().map(|(name, revision)| (&**name, *revision)),
        )?;
    }
    Ok(())
}

fn write_compacted<'a>(
    transaction: &WriteTransaction,
    compacted: impl Iterator<Item = (&'a str, u64)>,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    for (collection, revision) in compacted {
        meta.insert(
            format!("{COMPACTED_PREFIX}{collection}").as_str(),
            revision.to_le_bytes().as_slice(),
        )?;
    }
    Ok(())
}

fn newest(database: &Database) -> Result<u64, redb::Error> {
    let log = database.begin_read()?.open_table(LOG)?;
    Ok(log.last()?.map_or(0, |(revision, _)| revision.value()))
}

/// Reads the whole log. `path` is for errors.
pub(crate) fn contents(
    database: &impl ReadableDatabase,
    path: &Path,
) -> Result<Contents, OpenError> {
    let failed = |error: redb::Error| open_error(path, error);
    let damaged = |detail: String| OpenError::Damaged { path: path.into(), detail };
    let mut state = State::default();
    let identity = read_meta(database, path, &mut state)?;
    let read = database.begin_read().map_err(|error| failed(error.into()))?;
    let log = read.open_table(LOG).map_err(|error| failed(error.into()))?;
    let mut records = 0;
    for entry in log.iter().map_err(|error| failed(error.into()))? {
        let (revision, bytes) = entry.map_err(|error| failed(error.into()))?;
        let revision = revision.value();
        let record = Record::decode(revision, bytes.value(), |collection, namespace, name| {
            state.intern(collection, namespace, name)
        });
        let record = record.map_err(|error| match error {
            RecordError::Newer { found } => {
                OpenError::Newer { path: path.into(), found: found.into(), known: FORMAT }
            }
            error => damaged(format!("the record of revision {revision}: {error}")),
        })?;
        state
            .replay(&record)
            .map_err(|error| damaged(format!("the record of revision {revision}: {error}")))?;
        records += 1;
    }
    Ok(Contents { state, identity, records })
}

/// Reads the format, the identity and the collections' compacted revisions.
fn read_meta(
    database: &impl ReadableDatabase,
    path: &Path,
    state: &mut State,
) -> Result<u128, OpenError> {
    let foreign = |detail: &str| OpenError::Foreign { path: path.into(), detail: detail.into() };
    let failed = |error: redb::Error| open_error(path, error);
    let read = database.begin_read().map_err(|error| failed(error.into()))?;
    let meta = read.open_table(META).map_err(|error| match error {
        TableError::Storage(error) => failed(error.into()),
        error => foreign(&format!("it is a redb file of another program: {error}")),
    })?;
    let value = |key: &str| meta.get(key).map_err(|error| failed(error.into()));
    let format =
        value(FORMAT_KEY)?.and_then(|bytes| bytes.value().try_into().ok().map(u64::from_le_bytes));
    match format {
        Some(FORMAT) => {}
        Some(found) => return Err(OpenError::Newer { path: path.into(), found, known: FORMAT }),
        None => {
            return Err(foreign(
                "it is a redb file of another program: it has no format in its table meta",
            ));
        }
    }
    let identity = value(IDENTITY_KEY)?
        .and_then(|bytes| bytes.value().try_into().ok().map(u128::from_le_bytes));
    for entry in meta.range(COMPACTED_PREFIX..).map_err(|error| failed(error.into()))? {
        let (key, bytes) = entry.map_err(|error| failed(error.into()))?;
        let Some(collection) = key.value().strip_prefix(COMPACTED_PREFIX) else { break };
        let revision = bytes.value().try_into().map(u64::from_le_bytes);
        let revision = revision.map_err(|_| foreign("a compacted revision has not 8 bytes"))?;
        state.collection(&collection.into()).history.compacted = revision;
    }
    identity.ok_or_else(|| foreign("it has no identity of 16 bytes in its table meta"))
}

/// Writes a new, complete log into `file`, which must be empty, and makes it durable.
pub(crate) fn write_new<'a>(
    file: File,
    identity: u128,
    compacted: &[(Arc<str>, u64)],
    records: impl Iterator<Item = &'a Record>,
    cache_bytes: usize,
) -> Result<(), Failure> {
    let database = database(FileBackend::new(file)?, cache_bytes)?;
    begin(&database, identity)?;
    let transaction = database.begin_write()?;
    {
        let mut log = transaction.open_table(LOG)?;
        let mut end = log.upper_bound_mut(std::ops::Bound::<u64>::Unbounded)?;
        let mut bytes = Vec::new();
        for record in records {
            record.encode(&mut bytes);
            end.insert_before(record.object.revision, bytes.as_slice())?;
        }
        end.close()?;
    }
    write_compacted(&transaction, compacted.iter().map(|(name, revision)| (&**name, *revision)))?;
    transaction.commit()?;
    database.close()?;
    Ok(())
}

/// Opens the file for reading alone.
pub(crate) fn open_read_only(
    path: &Path,
    cache_bytes: usize,
) -> Result<redb::ReadOnlyDatabase, redb::Error> {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    Ok(builder.open_read_only(path)?)
}
