//! Many watches of one collection, a connection each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::task::JoinSet;

use super::load;
use super::object::{NAMESPACE, Template, collection};
use super::subject::Subject;
use crate::connection::{Call, Connection, Endpoint, once};

/// Events that each watch gets in a round.
pub(super) const EVENTS: usize = 100;
const LIMIT: Duration = Duration::from_mins(2);

/// Watches that are open.
pub(super) struct Watchers {
    count: usize,
    events: Arc<AtomicU64>,
    _reading: JoinSet<()>,
}

/// Until every watch has got every event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) milliseconds: f64,
    /// CPU milliseconds of the server meanwhile.
    pub(super) cpu: f64,
}

impl Watchers {
    /// From the newest revision on; returns when each has its headers.
    pub(super) async fn open(endpoint: &Endpoint, count: usize) -> Result<Self> {
        let list = once(endpoint, Call::get(format!("{}?limit=1", collection(NAMESPACE)))).await?;
        let revision =
            list["metadata"]["resourceVersion"].as_str().context("the list has no revision")?;
        let path = format!("{}?watch=1&resourceVersion={revision}", collection(NAMESPACE));
        let opening = stream::iter(0..count).map(|_| open_one(endpoint, &path));
        let bodies: Vec<(Connection, Incoming)> =
            opening.buffer_unordered(32).try_collect().await?;
        let events = Arc::new(AtomicU64::new(0));
        let mut reading = JoinSet::new();
        for (connection, body) in bodies {
            reading.spawn(read(connection, body, Arc::clone(&events)));
        }
        Ok(Self { count, events, _reading: reading })
    }

    /// Creates objects from number `first` on, and waits until every watch has got all of them.
    pub(super) async fn tell(
        &self,
        subject: &Subject,
        template: &Template,
        first: usize,
    ) -> Result<Told> {
        let target = self.events.load(Ordering::Relaxed) + u64::try_from(self.count * EVENTS)?;
        let (started, cpu) = (Instant::now(), subject.cpu()?);
        load::fill(subject.endpoint(), template, NAMESPACE, (first, first + EVENTS)).await?;
        loop {
            let events = self.events.load(Ordering::Relaxed);
            if events >= target {
                let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
                return Ok(Told { milliseconds, cpu: (subject.cpu()? - cpu) * 1000.0 });
            }
            ensure!(started.elapsed() < LIMIT, "{events} of {target} events came within {LIMIT:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn open_one(endpoint: &Endpoint, path: &str) -> Result<(Connection, Incoming)> {
    let mut connection = endpoint.connect().await?;
    let body = connection.begin(Call::get(path)).await?.into_body();
    Ok((connection, body))
}

/// An event is a line.
async fn read(_connection: Connection, mut body: Incoming, events: Arc<AtomicU64>) {
    while let Some(Ok(frame)) = body.frame().await {
        let lines =
            frame.data_ref().map_or(0, |data| data.split(|byte| *byte == b'\n').count() - 1);
        events.fetch_add(lines as u64, Ordering::Relaxed);
    }
}
