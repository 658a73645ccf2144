//! The store's limits.

/// Limits of a store. The defaults suit a server of some ten thousand objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Events of one collection that are kept for watches; at least one is kept. Default 4,096.
    pub history_events: usize,
    /// Bytes that one collection's history may hold beyond its live objects; the newest event is kept whatever its
    /// size. Default 16 MiB.
    pub history_bytes: usize,
    /// Memory for redb's page cache. Reads do not use it, so it need only hold the pages a commit touches.
    /// Default 8 MiB.
    pub cache_bytes: usize,
    /// Writes that may wait for the writer thread; further callers wait for a place. Default 1,024.
    pub queue: usize,
    /// Writes in one commit at most. Default 512.
    pub batch_writes: usize,
    /// Bytes of values in one commit at most; one larger write makes a commit of its own. Default 8 MiB.
    pub batch_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            history_events: 4_096,
            history_bytes: 16 << 20,
            cache_bytes: 8 << 20,
            queue: 1_024,
            batch_writes: 512,
            batch_bytes: 8 << 20,
        }
    }
}
