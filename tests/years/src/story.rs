//! The years, leap by leap.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use meshroot_api::names;
use meshroot_demo::control_plane::Authority;
use meshroot_runtime::process::clock;
use tempfile::TempDir;

use crate::chance::Chance;
use crate::cluster::{Character, Cluster};
use crate::fate::{self, Event};
use crate::handshakes::{Handshakes, Moment, Sent};
use crate::hub::Hub;
use crate::istiod::{LEAF, Serving};
use crate::line::Faults;
use crate::outcome::{Issued, Outcome};
use crate::time::{Activity, Time};
use crate::virtual_mesh::{self, BOTH, Rotations};
use crate::workload::Habits;
use crate::{Mutant, Options};

/// 2030-01-01.
const START: i64 = 1_893_456_000;
/// How time goes after each leap, so that what is due can be done: a minute in all.
const AFTER: [u64; 9] = [20, 100, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 25_000];
/// The longest leap while a root is replaced: a quarter of a leaf's life.
const SOON: SignedDuration = SignedDuration::from_hours(6);
/// So long the hub waits for an agent before it revokes what was stolen from it.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

struct Story<'a> {
    options: &'a Options,
    time: Time,
    start: Timestamp,
    end: Timestamp,
    hub: Hub,
    clusters: Vec<Cluster>,
    faults: Arc<Faults>,
    handshakes: Handshakes,
    fate: VecDeque<(Timestamp, Event)>,
    chance: Chance,
    rotations: Rotations,
    left: Option<Timestamp>,
    backups: Backups,
    outcome: Outcome,
}

#[derive(Default)]
struct Backups {
    old: Option<PathBuf>,
    new: Option<PathBuf>,
}

pub(crate) async fn tell(options: &Options, activity: &Arc<Activity>) -> Result<Outcome> {
    let began = Instant::now();
    let directory = directory()?;
    let serving = Serving::make()?;
    let start = Timestamp::from_second(START)?;
    clock::stand_at(Some(start));
    apiserver::follow_clock(clock::now);
    let faults = Arc::new(Faults::new(options.seed, options.faults));
    let hub = Hub::install(directory.path(), &faults, activity).await?;
    let mut clusters = Vec::new();
    for number in 0..options.clusters {
        let name = format!("c{number:03}");
        // Every second one of each virtual mesh.
        let live = (number / BOTH.len()).is_multiple_of(2);
        let character = Character { live, habits: habits(options), pretends: pretends(options) };
        let joined = Cluster::join(&name, character, &hub, &serving, &faults, activity);
        clusters.push(joined.await?);
    }
    virtual_mesh::make(&hub.admin, &clusters, options).await?;
    let mut story = Story {
        options,
        time: Time::stop(start, activity),
        start,
        end: start + options.span,
        hub,
        clusters,
        faults,
        handshakes: Handshakes::start()?,
        fate: fate::drawn(options, start).into(),
        chance: Chance::new(options.seed, 0),
        rotations: Rotations::default(),
        left: None,
        backups: Backups::default(),
        outcome: Outcome {
            seed: options.seed,
            clusters: options.clusters,
            days: options.span.as_hours() / 24,
            ..Outcome::default()
        },
    };
    story.begin().await?;
    story.live().await?;
    story.finish(began).await
}

/// Where backups and restored states are: in memory where the system has such a place, since nothing is to be kept.
fn directory() -> Result<TempDir> {
    Ok(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())?)
}

/// Of the workloads of a cluster: the first two keep their leaves as long as they can.
fn habits(options: &Options) -> Vec<Habits> {
    let lifetime = if options.mutant == Some(Mutant::LongLeaves) { LEAF * 10 } else { LEAF };
    let turns = [100, 100, 50, 93, 85, 77, 69, 61, 53].into_iter().cycle();
    let habits = turns.enumerate().map(|(number, renews_at)| Habits {
        lifetime,
        renews_at,
        is_pushed: number % 2 == 1,
    });
    habits.take(options.workloads).collect()
}

/// By how long control planes lie about what they sign with.
fn pretends(options: &Options) -> SignedDuration {
    match options.mutant {
        Some(Mutant::Pretence) => SignedDuration::from_hours(48),
        _ => SignedDuration::ZERO,
    }
}

impl Story<'_> {
    /// Until every control plane has its first certificate. Nothing fails yet.
    async fn begin(&mut self) -> Result<()> {
        self.hub.start();
        self.clusters.iter_mut().for_each(Cluster::start_agent);
        self.time.settle().await;
        for _ in 0..MOST_BEGINNING {
            self.go_on().await?;
            if self.clusters.iter().all(|cluster| !cluster.workloads.is_empty()) {
                self.faults.begin();
                return Ok(());
            }
        }
        let missing = self.clusters.iter().filter(|cluster| cluster.workloads.is_empty()).count();
        anyhow::bail!("{missing} meshes have no certificate after {MOST_BEGINNING} minutes");
    }

    async fn live(&mut self) -> Result<()> {
        while self.time.now() < self.end {
            self.leap().await?;
            while self.fate.front().is_some_and(|(at, _)| *at <= self.time.now()) {
                if let Some((_, event)) = self.fate.pop_front() {
                    self.befall(event).await?;
                }
            }
            self.go_on().await?;
            self.shake_hands()?;
            self.look().await?;
            ensure!(self.outcome.leaps < MOST_LEAPS, "time does not pass");
        }
        Ok(())
    }

    /// To the next moment, at which all that was due since is done at once.
    async fn leap(&mut self) -> Result<()> {
        // Else three days of ninety.
        let later = SignedDuration::from_hours(24 * self.options.intermediate_days) / 30;
        let longest = if self.rotations.is_running { SOON } else { later };
        let mut then = self.time.now() + self.chance.span(longest / 2, longest);
        if let Some((at, _)) = self.fate.front() {
            then = then.min((*at).max(self.time.now() + SignedDuration::from_secs(1)));
        }
        self.faults.next_moment();
        self.outcome.leaps += 1;
        let span = Duration::try_from(then.duration_since(self.time.now()))?;
        self.time.pass(span).await?;
        self.shake_hands()
    }

    /// A minute, in steps.
    async fn go_on(&mut self) -> Result<()> {
        for span in AFTER {
            self.faults.next_moment();
            self.time.pass(Duration::from_millis(span)).await?;
            let now = self.time.now();
            for cluster in &mut self.clusters {
                cluster.follow(now, &mut self.chance).await?;
            }
        }
        self.hub.check()?;
        self.clusters.iter().try_for_each(Cluster::check)
    }

    async fn look(&mut self) -> Result<()> {
        if !self.hub.is_there() {
            return Ok(());
        }
        self.rotations.follow(&self.hub.admin).await?;
        if self.options.talks {
            let day = self.time.now().duration_since(self.start).as_hours() / 24;
            eprintln!("day {day} {:?} {:?}", self.rotations.complete, self.rotations.said);
        }
        Ok(())
    }

    async fn befall(&mut self, event: Event) -> Result<()> {
        match event {
            Event::HubAway => {
                self.hub.go_away(&mut self.time).await?;
                self.left = Some(self.time.now());
            }
            Event::HubBack => {
                if let Some(left) = self.left.take() {
                    let span = self.time.now().duration_since(left);
                    let (times, all, most) = self.outcome.away;
                    self.outcome.away = (times + 1, all + span, most.max(span));
                }
                self.hub.come_back().await?;
            }
            Event::Wipe(drawn) if self.hub.is_there() => {
                if drawn % 2 == 0 {
                    virtual_mesh::wipe(&self.hub.admin, drawn / 2).await?;
                } else {
                    for cluster in &self.clusters {
                        cluster.wipe().await?;
                    }
                }
                self.outcome.mishaps[0] += 1;
            }
            Event::Wipe(_) => {}
            Event::AgentRestarts(number) => {
                self.clusters[number].restart_agent(&mut self.time).await?;
                self.outcome.mishaps[1] += 1;
            }
            Event::Stolen(number) => {
                self.clusters[number].stop_agent(&mut self.time).await?;
                let namespace = names::cluster_namespace(&self.clusters[number].name);
                let said = virtual_mesh::key_was_stolen(&self.hub.admin, &namespace).await?;
                self.time.pass(LONGEST_WAIT).await?;
                self.go_on().await?;
                let records = virtual_mesh::records(&self.hub.admin).await?;
                let revoked = virtual_mesh::revoked(&self.hub.admin).await?;
                let reason = virtual_mesh::reason(&self.hub.admin, &namespace, &said).await?;
                ensure!(reason == "Revoked", "{said} of {namespace} says {reason:?}");
                let said = (namespace.as_str(), &said);
                self.outcome.stolen.look(self.time.now(), said, &records, &revoked);
            }
            Event::ControlPlaneRestarts(number) => {
                self.clusters[number].restart_control_plane(self.time.now());
                self.outcome.mishaps[2] += 1;
            }
            Event::OldBackup => self.backups.old = Some(self.hub.back_up("old").await?),
            Event::OldRestored => {
                self.backups.new = Some(self.hub.back_up("new").await?);
                let old = self.backups.old.take().context("there is no old backup")?;
                self.hub.restore(&old, &mut self.time).await?;
            }
            Event::NewRestored => {
                self.outcome.went_back = Some(virtual_mesh::hub_went_back(&self.hub.admin).await?);
                let new = self.backups.new.take().context("there is no new backup")?;
                self.hub.restore(&new, &mut self.time).await?;
            }
        }
        Ok(())
    }

    fn shake_hands(&mut self) -> Result<()> {
        let now = self.time.now();
        self.clusters.iter_mut().try_for_each(|cluster| cluster.live_until(now))?;
        for place in 0..BOTH.len() {
            let mut moment = Moment { at: now, sent: Vec::new(), held: Vec::new() };
            for cluster in self.clusters.iter().skip(place).step_by(BOTH.len()) {
                for (number, workload) in cluster.workloads.iter().enumerate() {
                    let who = format!("{}-{number}", cluster.name);
                    hold(&mut moment.held, &workload.trusts, &who);
                    let (leaf, above) = (Arc::clone(&workload.leaf), Arc::clone(&workload.sends));
                    moment.sent.push(Sent { who, leaf, above });
                }
            }
            self.handshakes.at(moment)?;
        }
        Ok(())
    }

    async fn finish(mut self, began: Instant) -> Result<Outcome> {
        if !self.hub.is_there() {
            self.hub.come_back().await?;
        }
        let records = virtual_mesh::records(&self.hub.admin).await?;
        let mut outcome = self.outcome;
        let complete = self.rotations.complete.into_iter();
        outcome.rotations = complete.map(|(of, all)| (of, all.len())).collect();
        outcome.issued = Issued::read(&records, (self.start, self.end));
        outcome.tally = self.handshakes.end()?;
        outcome.calls = self.faults.calls.load(Ordering::Relaxed);
        let failed = [&self.faults.refused, &self.faults.unheard, &self.faults.cut];
        outcome.faults = failed.map(|one| one.load(Ordering::Relaxed));
        outcome.took = began.elapsed();
        outcome.cpu = cpu()?;
        Ok(outcome)
    }
}

/// Counts a workload that holds these anchors.
fn hold(held: &mut Vec<(Arc<Authority>, String, u64)>, trusts: &Arc<Authority>, who: &str) {
    match held.iter_mut().find(|(other, ..)| other.roots() == trusts.roots()) {
        Some((.., count)) => *count += 1,
        None => held.push((Arc::clone(trusts), who.to_owned(), 1)),
    }
}

/// What this process has used so far.
fn cpu() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(") ").context("/proc/self/stat has no name")?;
    // utime and stime are fields 14 and 15, in hundredths of a second.
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

const MOST_BEGINNING: u32 = 60;
const MOST_LEAPS: u64 = 100_000;
