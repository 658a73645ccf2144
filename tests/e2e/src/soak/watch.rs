//! Sees every change from outside, and judges it.

mod feed;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use meshroot_api::{
    IssuanceRecord, MeshTrust, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};

use super::diary::Diary;
use super::judge::approval::{self, InForce, Said, Timeline};
use super::judge::installed::{self, Installed};
use super::judge::{answers, ledger};

pub(crate) use feed::start;

/// On `cacerts` that the soak itself has spoiled; the agent, which writes the whole Secret, takes it away.
pub(crate) const SPOILED: &str = "soak.example/spoiled";
/// Both virtual meshes of the soak.
pub(crate) const VIRTUAL_MESHES: [&str; 2] = ["demo", "other"];
/// A record is judged when what was in force around it is known.
const SETTLED: Duration = Duration::from_secs(6);
/// An answer that has no record by then was signed without one: watches bring both within moments.
const RECORDED: Duration = Duration::from_secs(15);

/// Namespace and name.
pub(crate) type Key = (String, String);

/// What is there, as last seen, and what is yet to be judged.
pub(crate) struct Watcher {
    diary: Arc<Diary>,
    seen: Mutex<Seen>,
    pub(crate) said: Mutex<Said>,
}

/// As last seen.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) requests: BTreeMap<Key, Request>,
    pub(crate) records: BTreeMap<Key, IssuanceRecord>,
    pub(crate) trusts: BTreeMap<Key, MeshTrust>,
    pub(crate) policies: BTreeMap<Key, TrustPolicy>,
    pub(crate) virtual_meshes: BTreeMap<Key, VirtualMesh>,
    /// By cluster.
    pub(crate) cacerts: BTreeMap<String, Secret>,
    installed: BTreeMap<String, Installed>,
    timeline: Timeline,
    young_records: VecDeque<(Instant, IssuanceRecord)>,
    open_answers: Vec<(Instant, Request)>,
    /// The answer to each request that ever had one, by its uid.
    answers: BTreeMap<String, Vec<u8>>,
    pub(crate) figures: Figures,
}

/// For the report.
#[derive(Default)]
pub(crate) struct Figures {
    /// Certificates that were seen in `cacerts`.
    pub(crate) installed: usize,
    pub(crate) judged_records: usize,
    pub(crate) judged_answers: usize,
    /// The fewest seconds that a certificate in use had left.
    pub(crate) least_left: Option<i64>,
}

impl Watcher {
    pub(crate) fn new(diary: Arc<Diary>) -> Self {
        Self { diary, seen: Mutex::default(), said: Mutex::default() }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.diary.found(&format!("{error:#}"));
        }
    }

    /// A mesh's Secret changed, or is gone.
    fn cacerts(&self, cluster: &str, secret: Option<Secret>, now: Timestamp) {
        let mut seen = self.seen();
        seen.installed.remove(cluster);
        let Some(secret) = secret else {
            seen.cacerts.remove(cluster);
            return;
        };
        if !is_spoiled(&secret) {
            match installed::read(&secret) {
                Ok(installed) => {
                    seen.installed.insert(cluster.to_owned(), installed);
                    seen.figures.installed += 1;
                }
                Err(error) => self.diary.found(&format!("cacerts of {cluster}: {error:#}")),
            }
        }
        seen.cacerts.insert(cluster.to_owned(), secret);
        self.judge_installed(&mut seen, now);
    }

    fn judge_installed(&self, seen: &mut Seen, now: Timestamp) {
        let all: Vec<&Installed> = seen.installed.values().collect();
        for (place, one) in all.iter().enumerate() {
            self.judge(one.check(now));
            all[place + 1..].iter().for_each(|two| self.judge(one.trusts(two, now)));
        }
        let least = all.iter().map(|one| one.left(now)).min();
        seen.figures.least_left = least.into_iter().chain(seen.figures.least_left).min();
    }

    fn request(&self, key: Key, request: Request) {
        let mut seen = self.seen();
        if request.is_answered() {
            let uid = request.metadata.uid.clone().unwrap_or_default();
            let answer = request.status_or_default().response.ca_certificate.0;
            match seen.answers.get(&uid) {
                None => {
                    seen.answers.insert(uid, answer);
                    seen.open_answers.push((Instant::now(), request.clone()));
                }
                Some(before) if *before != answer => {
                    self.diary.found(&format!("{}/{} was answered twice", key.0, key.1));
                }
                Some(_) => {}
            }
        }
        seen.requests.insert(key, request);
    }

    fn record(&self, key: Key, record: IssuanceRecord) {
        let mut seen = self.seen();
        match seen.records.get(&key) {
            Some(before) if before.spec == record.spec => return,
            Some(_) => self.diary.found(&format!("the record {}/{} was changed", key.0, key.1)),
            None => {}
        }
        seen.young_records.push_back((Instant::now(), record.clone()));
        seen.records.insert(key, record);
        self.judge_ledger(&seen);
    }

    fn judge_ledger(&self, seen: &Seen) {
        let mut ledgers: BTreeMap<&str, Vec<&IssuanceRecord>> = BTreeMap::new();
        for ((namespace, _), record) in &seen.records {
            ledgers.entry(namespace).or_default().push(record);
        }
        for records in ledgers.values() {
            self.judge(ledger::chain(records));
        }
        let all: Vec<&IssuanceRecord> = seen.records.values().collect();
        self.judge(ledger::nothing_twice(&all));
    }

    /// Policies or virtual meshes changed.
    fn governed(&self, now: Timestamp, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.seen();
        change(&mut seen);
        for name in VIRTUAL_MESHES {
            let in_force = in_force(&seen, name);
            seen.timeline.note(name, now, in_force);
        }
    }

    /// What time alone brings about.
    pub(crate) fn tick(&self, now: Timestamp) {
        let mut seen = self.seen();
        self.judge_installed(&mut seen, now);
        let is_old = |since: &Instant, age| since.elapsed() >= age;
        while seen.young_records.front().is_some_and(|(since, _)| is_old(since, SETTLED)) {
            let Some((_, record)) = seen.young_records.pop_front() else { break };
            self.judge(approval::check(&record, &seen.timeline, &self.said()));
            seen.figures.judged_records += 1;
        }
        let mut open = std::mem::take(&mut seen.open_answers);
        open.retain(|(since, request)| {
            let judged = self.judge_answer(&seen, request, is_old(since, RECORDED));
            seen.figures.judged_answers += usize::from(judged);
            !judged
        });
        seen.open_answers = open;
    }

    /// Whether its record was there, or should have been.
    fn judge_answer(&self, seen: &Seen, request: &Request, is_late: bool) -> bool {
        let meta = &request.metadata;
        let key =
            (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        let own = |record: &&IssuanceRecord| Some(&record.spec.request.uid) == meta.uid.as_ref();
        match seen.records.get(&key).filter(own) {
            Some(record) => self.judge(answers::agrees(request, record)),
            None if is_late => {
                self.diary.found(&format!("{}/{} was signed without a record", key.0, key.1));
            }
            None => return false,
        }
        true
    }
}

fn in_force(seen: &Seen, virtual_mesh: &str) -> InForce {
    approval::in_force(virtual_mesh, seen.virtual_meshes.values(), seen.policies.values())
}

pub(crate) fn is_spoiled(secret: &Secret) -> bool {
    secret.metadata.annotations.as_ref().is_some_and(|all| all.contains_key(SPOILED))
}

impl Seen {
    /// The request whose certificate a cluster's mesh has; `None` where there is none that can be read.
    pub(crate) fn request(&self, cluster: &str) -> Option<String> {
        Some(self.installed.get(cluster)?.request.to_string())
    }

    /// Seconds that the certificate of a cluster's mesh has left; `None` where there is none that can be read.
    pub(crate) fn left(&self, cluster: &str, now: Timestamp) -> Option<i64> {
        Some(self.installed.get(cluster)?.left(now))
    }
}
