//! Another client, who does nothing wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

use super::Target;

/// How long a bystander may wait for an answer, whatever others do.
pub const UNHARMED: Duration = Duration::from_secs(1);

const PAUSE: Duration = Duration::from_millis(20);

/// One bystander at a time: each is there to tell what its own test does to others, and two tests
/// of this process on one machine would be measured by each other.
static TURN: Mutex<()> = Mutex::const_new(());

/// Asks for an object again and again, on one connection, and notes the longest wait.
pub struct Bystander {
    enough: Arc<AtomicBool>,
    task: JoinHandle<(usize, Duration)>,
    _turn: MutexGuard<'static, ()>,
}

impl Bystander {
    pub async fn begin(target: &Target) -> Self {
        let turn = TURN.lock().await;
        let mut connection = target.connect().await;
        let enough = Arc::new(AtomicBool::new(false));
        let ends = enough.clone();
        let task = tokio::spawn(async move {
            let (mut answers, mut slowest) = (0, Duration::ZERO);
            let mut pace = tokio::time::interval(PAUSE);
            while answers == 0 || !ends.load(Ordering::Relaxed) {
                pace.tick().await;
                let start = Instant::now();
                let answer = connection.get("/api/v1/namespaces/default").await;
                answer.assert_code("bystander", 200);
                slowest = slowest.max(start.elapsed());
                answers += 1;
            }
            (answers, slowest)
        });
        Self { enough, task, _turn: turn }
    }

    /// Ends, and fails if one answer took too long.
    pub async fn assert_unharmed(self, what: &str) {
        self.enough.store(true, Ordering::Relaxed);
        let (answers, slowest) = self.task.await.unwrap();
        println!("{what}: the bystander's slowest of {answers} answers took {slowest:?}");
        assert!(
            slowest < UNHARMED,
            "{what}: a bystander waited {slowest:?} for one of {answers} answers"
        );
    }
}
