//! The virtual clock: it stands while anybody has something to do, and is then moved.
//!
//! The wall clock of hub, agents and API servers and tokio's clock, by which they measure, are moved together. Tokio would
//! move its own whenever nothing can run at the moment, also while the thread of a store writes or a socket is read: a
//! blocking task that lasts as long as the simulation keeps it from that.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use meshroot_runtime::process::clock;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// Nothing ran for so long, and nothing is asked of an API: what goes over a socket of this process takes less.
const IDLE: Duration = Duration::from_micros(400);
const LOOK: Duration = Duration::from_micros(150);

/// What the runtime is at, seen from another thread.
#[derive(Default)]
pub(crate) struct Activity {
    /// When the runtime came to rest, in nanoseconds; 0 while it runs.
    rests_since: AtomicU64,
    /// Requests to APIs that were not answered yet.
    requests: AtomicUsize,
    is_awaited: AtomicBool,
    is_over: AtomicBool,
    rests: Notify,
}

/// A request to an API, until it is answered.
pub(crate) struct Pending(Arc<Activity>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Activity {
    pub(crate) fn request(self: &Arc<Self>) -> Pending {
        self.requests.fetch_add(1, Ordering::SeqCst);
        Pending(Arc::clone(self))
    }

    fn is_idle(&self, now: u64) -> bool {
        let since = self.rests_since.load(Ordering::SeqCst);
        let rested = Duration::from_nanos(now.saturating_sub(since));
        since != 0 && rested >= IDLE && self.requests.load(Ordering::SeqCst) == 0
    }
}

/// A runtime of one thread whose rest is seen, and who looks.
pub(crate) struct Watched {
    pub(crate) runtime: Runtime,
    pub(crate) activity: Arc<Activity>,
    looks: Option<JoinHandle<()>>,
}

impl Watched {
    pub(crate) fn start() -> Result<Self> {
        let (activity, begun) = (Arc::new(Activity::default()), Instant::now());
        let now = move || u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
        let (rests, runs) = (Arc::clone(&activity), Arc::clone(&activity));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .on_thread_park(move || rests.rests_since.store(now(), Ordering::SeqCst))
            .on_thread_unpark(move || runs.rests_since.store(0, Ordering::SeqCst))
            .build()?;
        let seen = Arc::clone(&activity);
        let looks = std::thread::Builder::new().name("idle".to_owned()).spawn(move || {
            while !seen.is_over.load(Ordering::SeqCst) {
                std::thread::park_timeout(LOOK);
                if seen.is_awaited.load(Ordering::SeqCst) && seen.is_idle(now()) {
                    seen.is_awaited.store(false, Ordering::SeqCst);
                    seen.rests.notify_one();
                }
            }
        })?;
        Ok(Self { runtime, activity, looks: Some(looks) })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.activity.is_over.store(true, Ordering::SeqCst);
        if let Some(looks) = self.looks.take() {
            let _ = looks.join();
        }
    }
}

/// The time, and the right to move it.
pub(crate) struct Time {
    now: Timestamp,
    activity: Arc<Activity>,
    /// Its end lets tokio's clock go.
    _held: mpsc::Sender<()>,
}

impl Drop for Time {
    fn drop(&mut self) {
        clock::stand_at(None);
    }
}

impl Time {
    /// Stops the clocks.
    pub(crate) fn stop(now: Timestamp, activity: &Arc<Activity>) -> Self {
        clock::stand_at(Some(now));
        tokio::time::pause();
        let (held, until) = mpsc::channel::<()>();
        // Ends when the sender is dropped.
        tokio::task::spawn_blocking(move || until.recv());
        Self { now, activity: Arc::clone(activity), _held: held }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass at once, and everybody do what is due by then.
    pub(crate) async fn pass(&mut self, span: Duration) -> Result<()> {
        self.now = self.now.checked_add(span)?;
        clock::stand_at(Some(self.now));
        tokio::time::advance(span).await;
        self.settle().await;
        Ok(())
    }

    /// Waits until nobody has anything to do before time passes.
    pub(crate) async fn settle(&self) {
        self.activity.is_awaited.store(true, Ordering::SeqCst);
        self.activity.rests.notified().await;
    }
}
