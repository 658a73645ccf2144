//! What came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use meshroot_api::IssuanceRecord;
use meshroot_api::names::RequestName;

use crate::handshakes::Tally;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// By which everything was drawn.
    pub seed: u64,
    /// How many clusters there were.
    pub clusters: usize,
    /// In days.
    pub days: i64,
    /// Handshakes, refused ones, and what had expired in use.
    pub tally: Tally,
    /// Rotations that were completed, by virtual mesh.
    pub rotations: BTreeMap<String, usize>,
    /// Certificates by cause.
    pub issued: Issued,
    /// Calls to APIs by hub and agents, and how many failed: refused or lost, done and unheard of, watches cut.
    pub calls: u64,
    /// The failed ones.
    pub faults: [u64; 3],
    /// How often the hub was away, and how long in all and at most.
    pub away: (usize, SignedDuration, SignedDuration),
    /// Statuses taken away, agents and control planes started anew.
    pub mishaps: [usize; 3],
    /// Keys that were believed stolen.
    pub stolen: Stolen,
    /// How many members said that the hub went back, of so many restores.
    pub went_back: Option<usize>,
    /// Leaps of the clock.
    pub leaps: u64,
    /// On the machine's clock.
    pub took: Duration,
    /// Of all threads.
    pub cpu: Duration,
}

/// Meshes whose key was believed stolen, while their agents were silent.
#[derive(Clone, Debug, Default)]
pub struct Stolen {
    /// How often.
    pub times: usize,
    /// Certificates of before that had not ended.
    pub certificates: usize,
    /// Those of them that the ledger does not call revoked.
    pub believed: Vec<String>,
}

impl Stolen {
    /// Looks once the time is over that the hub waits for the agent.
    pub(crate) fn look(
        &mut self,
        now: Timestamp,
        (namespace, said): (&str, &RequestName),
        records: &[IssuanceRecord],
        revoked: &BTreeSet<String>,
    ) {
        self.times += 1;
        let is_meant = |record: &&IssuanceRecord| {
            let (name, prepared) =
                (RequestName::parse(&record.spec.request.name), record.spec.prepared.as_ref());
            record.metadata.namespace.as_deref() == Some(namespace)
                && name
                    .is_some_and(|name| name.mesh == said.mesh && name.generation < said.generation)
                && prepared.is_some_and(|prepared| prepared.not_after.0 > now)
        };
        for record in records.iter().filter(is_meant) {
            self.certificates += 1;
            let prepared = record.spec.prepared.as_ref();
            if !prepared.is_some_and(|prepared| revoked.contains(&prepared.tbs_sha256)) {
                self.believed.push(format!("{}, {now}, says {said}", record.spec.request.name));
            }
        }
    }
}

/// Certificates that were recorded.
#[derive(Clone, Debug, Default)]
pub struct Issued {
    /// First ones of a mesh.
    pub first: usize,
    /// Because the root was replaced: as soon as they may be, on purpose.
    pub replaced: usize,
    /// Because it was time.
    pub renewed: usize,
    /// Most renewals within a window over what it has in the mean, in hundredths; by the window's length in days.
    pub peaks: BTreeMap<i64, u64>,
}

impl Issued {
    pub(crate) fn read(records: &[IssuanceRecord], (start, end): (Timestamp, Timestamp)) -> Self {
        let mut by_mesh: BTreeMap<(String, String), Vec<Certificate<'_>>> = BTreeMap::new();
        for record in records {
            let namespace = record.metadata.namespace.clone().unwrap_or_default();
            let Some(name) = RequestName::parse(&record.spec.request.name) else { continue };
            let Some(prepared) = &record.spec.prepared else { continue };
            let one =
                (name.generation, record.spec.decision.time.0, prepared.issuer_sha256.as_str());
            by_mesh.entry((namespace, name.mesh)).or_default().push(one);
        }
        let (mut issued, mut renewals) = (Self::default(), Vec::new());
        for all in by_mesh.values_mut() {
            all.sort_unstable();
            issued.first += 1;
            for pair in all.windows(2) {
                let (before, after) = (&pair[0], &pair[1]);
                if before.2 == after.2 {
                    issued.renewed += 1;
                    renewals.push(after.1);
                } else {
                    issued.replaced += 1;
                }
            }
        }
        issued.peaks = [1, 7, 30].map(|days| (days, peak(&renewals, (start, end), days))).into();
        issued
    }
}

/// Generation, when it was decided on, and who signed it.
type Certificate<'a> = (u32, Timestamp, &'a str);

/// Of windows that follow each other.
fn peak(renewals: &[Timestamp], (start, end): (Timestamp, Timestamp), days: i64) -> u64 {
    let window = days * 24 * 3600;
    let windows = u64::try_from(end.duration_since(start).as_secs() / window).unwrap_or(0).max(1);
    let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
    for at in renewals {
        *counts.entry(at.duration_since(start).as_secs() / window).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    (most * windows * 100).checked_div(renewals.len() as u64).unwrap_or(0)
}

impl Outcome {
    /// # Errors
    /// What must not be.
    pub fn check(&self) -> Result<()> {
        let Tally { refused, expired, told, .. } = &self.tally;
        ensure!(*refused == 0, "{refused} handshakes were refused:\n{}", told.join("\n"));
        if let Some(said) = self.went_back {
            let clusters = self.clusters;
            // At that moment one may say something else: what it could not read, or ask.
            ensure!(
                said * 10 >= clusters * 9,
                "{said} of {clusters} members said that the hub went back"
            );
        }
        // In less than a year the first certificates are too great a share.
        let peak = self.issued.peaks.get(&30).copied().filter(|_| self.days > 365).unwrap_or(0);
        ensure!(peak <= 300, "within 30 days there were {peak} % of the renewals of the mean");
        let believed = &self.stolen.believed;
        ensure!(believed.is_empty(), "stolen, and not revoked:\n{}", believed.join("\n"));
        ensure!(*expired == 0, "{expired} certificates in use had ended:\n{}", told.join("\n"));
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { handshakes, pairs, refused, expired, by_length, .. } = &self.tally;
        let (times, all, most) = &self.away;
        let hours = |span: &SignedDuration| span.as_hours();
        writeln!(
            f,
            "seed {}: {} clusters, {} days, {} leaps",
            self.seed, self.clusters, self.days, self.leaps
        )?;
        writeln!(
            f,
            "handshakes             {handshakes} runs of the validator, for {pairs} pairs of workloads"
        )?;
        for (length, count) in by_length {
            writeln!(f, "  {length} certificates sent {count}")?;
        }
        writeln!(f, "refused                {refused}")?;
        writeln!(f, "expired in use         {expired}")?;
        for (name, count) in &self.rotations {
            writeln!(f, "rotations, {name:<11} {count}")?;
        }
        let Issued { first, replaced, renewed, peaks } = &self.issued;
        writeln!(
            f,
            "certificates           {first} first, {replaced} of another root, {renewed} renewals"
        )?;
        for (days, peak) in peaks {
            writeln!(f, "  peak over mean       {}.{:02} in {days} days", peak / 100, peak % 100)?;
        }
        let [refused, unheard, cut] = self.faults;
        let failed = refused + unheard + cut;
        let share = (failed * 1000).checked_div(self.calls).unwrap_or(0);
        writeln!(
            f,
            "calls to APIs          {}, {failed} failed ({}.{} %): {refused} refused or lost, {unheard} done and not heard of, {cut} watches cut",
            self.calls,
            share / 10,
            share % 10
        )?;
        writeln!(
            f,
            "hub away               {times} times, {} h in all, {} h at most",
            hours(all),
            hours(most)
        )?;
        let [wiped, agents, control_planes] = self.mishaps;
        writeln!(
            f,
            "mishaps                statuses wiped {wiped} times, {agents} agents and {control_planes} control planes restarted"
        )?;
        let Stolen { times, certificates, .. } = &self.stolen;
        writeln!(
            f,
            "keys stolen            {times} while the agent was silent, {certificates} certificates revoked"
        )?;
        match self.went_back {
            Some(said) => writeln!(f, "restored an old backup {said} members said HubWentBack")?,
            None => writeln!(f, "restored an old backup no")?,
        }
        write!(
            f,
            "took                   {:.0} s, {:.0} s of CPU",
            self.took.as_secs_f64(),
            self.cpu.as_secs_f64()
        )
    }
}
