//! The durable store of the embedded API server: objects as bytes, their keys and revisions, and the history that
//! watches read.
//!
//! One ordered log of changes is the whole of what is kept. Every change has a revision, a number that grows by one
//! from change to change across all collections, and is one record in a [redb](https://docs.rs/redb) file. All live
//! objects and the recent history are in memory too, so reads, lists and watches never touch the file.
//!
//! # Guarantees
//!
//! - A write that was acknowledged survives a crash of the process and of the machine.
//! - Nothing can be read or watched before it is durable.
//! - A revision is used once, also across crashes. A write that was durable but not acknowledged is there afterwards.
//! - A watch gives every change of its collection once, in the order of revisions, or says that it was
//!   [`Lost`].
//!
//! # Commits
//!
//! One thread writes. It takes all writes that wait, gives them revisions, and makes one commit of them: it never
//! waits for more writes to come, since those that arrive during a commit make the next batch by themselves.
//!
//! redb's one-phase commit is used: one `fsync` for a commit instead of two. The two commit slots carry checksums of
//! their whole trees, and a slot whose pages did not reach the disk is not used. Quick repair is off for the same
//! reason: it needs the second `fsync` and writes the allocator's state with each commit, to save a walk over the file
//! after a crash. Start-up reads the whole log in any case, and the walk costs less than that.

mod backend;
mod batch;
mod collection;
mod event;
mod failure;
mod history;
mod listing;
mod log;
mod object;
mod options;
mod record;
mod snapshot;
mod state;
mod store;
mod verify;
mod watch;
mod write;
mod writer;

pub use event::{Event, EventKind};
pub use failure::OpenError;
pub use listing::{Expired, Listing};
pub use object::{Key, Labels, Object};
pub use options::Options;
pub use snapshot::{Marker, RestoreError, SnapshotError, SnapshotSummary};
pub use store::Store;
pub use verify::{Summary, VerifyError};
pub use watch::{Lost, Watch};
pub use write::{Change, Condition, Value, Write, WriteError};
