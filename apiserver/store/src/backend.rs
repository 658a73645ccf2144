//! The storage below redb, which outlives one opening of the database.

use std::{
    io,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{BackendError, StorageBackend};

/// A backend that can be given to redb again. redb refuses to go on after a failed operation, so the database is closed
/// and opened anew; the backend, and the file's lock with it, is held all the while.
///
/// It makes a failed sync repeatable. A system may forget pages whose writing failed: the next sync then succeeds
/// without them. So what was written since the last good sync is kept, and written again before the next attempt.
#[derive(Clone, Debug)]
pub(crate) struct Held(Arc<Device>);

#[derive(Debug)]
struct Device {
    backend: Box<dyn StorageBackend>,
    unsynced: Mutex<Unsynced>,
}

/// What was done since the last good sync.
#[derive(Debug, Default)]
struct Unsynced {
    operations: Vec<Operation>,
    /// A sync failed since.
    failed: bool,
}

#[derive(Debug)]
enum Operation {
    Write(u64, Box<[u8]>),
    Length(u64),
}

impl Held {
    pub(crate) fn new(backend: impl StorageBackend) -> Self {
        Self(Arc::new(Device { backend: Box::new(backend), unsynced: Mutex::default() }))
    }

    fn unsynced(&self) -> MutexGuard<'_, Unsynced> {
        self.0.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Held {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.backend.set_len(len)?;
        self.unsynced().operations.push(Operation::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut unsynced = self.unsynced();
        if unsynced.failed {
            for operation in &unsynced.operations {
                match operation {
                    Operation::Write(offset, data) => self.0.backend.write(*offset, data)?,
                    Operation::Length(length) => self.0.backend.set_len(*length)?,
                }
            }
        }
        unsynced.failed = true;
        self.0.backend.sync_data()?;
        *unsynced = Unsynced::default();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.backend.write(offset, data)?;
        self.unsynced().operations.push(Operation::Write(offset, data.into()));
        Ok(())
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.0.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.backend.lock_shared_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.backend.query_lock_range(start, end)
    }

    /// Keeps the lock: it goes with the backend.
    fn unlock_range(&self, _start: Bound<u64>, _end: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
