//! Workloads that verify each other, in threads of their own: each leaf with what is sent above it against each set of anchors
//! that a workload of its virtual mesh holds.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};
use jiff::Timestamp;
use meshroot_demo::control_plane::Authority;
use meshroot_pki::{Certificate, PathOptions, Purpose, build_path};

const THREADS: usize = 2;
/// So many moments may wait.
const WAITING: usize = 64;
/// So many refusals are told in full.
const MOST_TOLD: usize = 12;

/// All workloads of a virtual mesh at one moment.
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    pub(crate) sent: Vec<Sent>,
    /// Each different set of anchors, with a workload that has it and how many have it.
    pub(crate) held: Vec<(Arc<Authority>, String, u64)>,
}

/// What a workload shows.
pub(crate) struct Sent {
    pub(crate) who: String,
    pub(crate) leaf: Arc<Certificate>,
    pub(crate) above: Arc<Authority>,
}

/// What became of them.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs of the validator.
    pub handshakes: u64,
    /// Pairs of workloads that these stand for: who holds the same anchors comes to the same.
    pub pairs: u64,
    /// Of the runs.
    pub refused: u64,
    /// Leaves, and certificates that are sent above them, that had ended.
    pub expired: u64,
    /// Some of what was wrong.
    pub told: Vec<String>,
    /// Runs by the number of certificates that are sent.
    pub by_length: BTreeMap<usize, u64>,
}

/// The threads.
pub(crate) struct Handshakes {
    moments: SyncSender<Moment>,
    threads: Vec<JoinHandle<Tally>>,
}

impl Handshakes {
    pub(crate) fn start() -> Result<Self> {
        let (moments, coming) = sync_channel(WAITING);
        let coming = Arc::new(Mutex::new(coming));
        let thread = |_| {
            let coming = Arc::clone(&coming);
            std::thread::Builder::new().name("handshakes".to_owned()).spawn(move || work(&coming))
        };
        let threads = (0..THREADS).map(thread).collect::<Result<_, _>>()?;
        Ok(Self { moments, threads })
    }

    pub(crate) fn at(&self, moment: Moment) -> Result<()> {
        self.moments.send(moment).map_err(|_| anyhow!("nobody shakes hands any more"))
    }

    /// Waits for all of them.
    pub(crate) fn end(self) -> Result<Tally> {
        drop(self.moments);
        let mut sum = Tally::default();
        for thread in self.threads {
            sum.add(thread.join().map_err(|_| anyhow!("a thread of handshakes panicked"))?);
        }
        Ok(sum)
    }
}

fn work(coming: &Mutex<Receiver<Moment>>) -> Tally {
    let mut tally = Tally::default();
    loop {
        let next = coming.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(moment) = next else { return tally };
        moment.sent.iter().for_each(|sent| tally.show(sent, &moment));
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.handshakes += other.handshakes;
        self.pairs += other.pairs;
        self.refused += other.refused;
        self.expired += other.expired;
        self.told.extend(other.told);
        for (length, count) in other.by_length {
            *self.by_length.entry(length).or_default() += count;
        }
    }

    fn show(&mut self, sent: &Sent, moment: &Moment) {
        let above = sent.above.chain();
        for certificate in std::iter::once(sent.leaf.as_ref()).chain(above) {
            if certificate.not_after() < moment.at {
                self.expired += 1;
                let end = certificate.not_after();
                self.tell(|| {
                    format!("{}: {} uses a certificate that ended {end}", moment.at, sent.who)
                });
            }
        }
        let options = PathOptions::new(moment.at, Purpose::Any);
        for (held, by, count) in &moment.held {
            self.handshakes += 1;
            self.pairs += count;
            *self.by_length.entry(above.len() + 1).or_default() += 1;
            if let Err(error) = build_path(&sent.leaf, above, held.roots(), &options) {
                self.refused += 1;
                self.tell(|| {
                    format!(
                        "{}: {by} refuses {}: {error}; sent {:?}; trusted {:?}",
                        moment.at,
                        sent.who,
                        named(above),
                        named(held.roots())
                    )
                });
            }
        }
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.told.len() < MOST_TOLD {
            self.told.push(what());
        }
    }
}

fn named(certificates: &[Certificate]) -> Vec<String> {
    certificates.iter().map(|one| format!("{} by {}", one.subject(), one.issuer())).collect()
}
