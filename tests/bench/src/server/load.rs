//! Writers that ask again as soon as they are answered, one connection each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use super::object::Template;
use super::subject::Subject;
use crate::account::cpu_seconds;
use crate::connection::{Call, Endpoint};

/// How long writers run before it counts.
const WARM_UP: Duration = Duration::from_millis(400);

/// What a round came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) per_second: f64,
    /// CPU milliseconds of the server for each write.
    pub(super) cpu_each: f64,
    /// CPU milliseconds of the benchmark for each write.
    pub(super) client_cpu_each: f64,
}

/// Writers that are running.
pub(super) struct Writers {
    /// Acknowledged writes of each.
    written: Vec<Arc<AtomicU64>>,
    stop: Arc<AtomicBool>,
    running: JoinSet<Result<()>>,
}

impl Writers {
    /// `call` gives the request of a writer by its number and by how many it made before.
    pub(super) async fn start<F>(endpoint: &Endpoint, workers: usize, call: F) -> Result<Self>
    where
        F: Fn(usize, usize) -> Call + Clone + Send + 'static,
    {
        let written: Vec<Arc<AtomicU64>> = (0..workers).map(|_| Arc::default()).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for (worker, written) in written.iter().enumerate() {
            let mut connection = endpoint.connect().await?;
            let (written, stop, call) = (Arc::clone(written), Arc::clone(&stop), call.clone());
            running.spawn(async move {
                let mut before = 0;
                while !stop.load(Ordering::Relaxed) {
                    connection.discard(call(worker, before)).await?;
                    before += 1;
                    written.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        Ok(Self { written, stop, running })
    }

    /// Writes that were acknowledged.
    pub(super) fn written(&self) -> u64 {
        self.written.iter().map(|written| written.load(Ordering::Relaxed)).sum()
    }

    /// Waits until each is answered.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.running.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Waits until the server that they write to is gone; how many writes of each writer were acknowledged.
    pub(super) async fn end_with_server(mut self) -> Vec<u64> {
        // Each ends with an error, which is what was wanted.
        while self.running.join_next().await.is_some() {}
        self.written.iter().map(|written| written.load(Ordering::Relaxed)).collect()
    }
}

/// Writes for a while and counts.
pub(super) async fn round<F>(
    subject: &Subject,
    workers: usize,
    length: Duration,
    call: F,
) -> Result<Round>
where
    F: Fn(usize, usize) -> Call + Clone + Send + 'static,
{
    let writers = Writers::start(subject.endpoint(), workers, call).await?;
    tokio::time::sleep(WARM_UP).await;
    let client = std::process::id();
    let (before, cpu, own) = (writers.written(), subject.cpu()?, cpu_seconds(client)?);
    let started = Instant::now();
    tokio::time::sleep(length).await;
    let (seconds, after) = (started.elapsed().as_secs_f64(), writers.written());
    let (cpu, own) = (subject.cpu()? - cpu, cpu_seconds(client)? - own);
    writers.stop().await?;
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let written = (after - before) as f64;
    let each = |seconds: f64| seconds * 1000.0 / written.max(1.0);
    Ok(Round { per_second: written / seconds, cpu_each: each(cpu), client_cpu_each: each(own) })
}

/// Creates objects `from` … `to` of a namespace, sixteen at a time.
pub(super) async fn fill(
    endpoint: &Endpoint,
    template: &Template,
    namespace: &str,
    (from, to): (usize, usize),
) -> Result<()> {
    const WORKERS: usize = 16;
    let mut running = JoinSet::new();
    for worker in 0..WORKERS.min(to - from) {
        let mut connection = endpoint.connect().await?;
        let (template, namespace) = (template.clone(), namespace.to_owned());
        running.spawn(async move {
            for number in (from + worker..to).step_by(WORKERS) {
                connection.discard(template.create(&namespace, &object_name(number))).await?;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(())
}

/// Name of an object of [`fill`].
pub(super) fn object_name(number: usize) -> String {
    format!("gateway-{number:06}")
}
