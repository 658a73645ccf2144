//! What a phase cost: writes by kind as the API server counted them, CPU seconds by process, resident memory.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result};
use http::Request;
use kube::Client;

/// Successful writes, or refused ones, by `VERB resource[/subresource]`.
pub(crate) type Writes = BTreeMap<String, u64>;

/// A process to account for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) name: &'static str,
    pub(crate) pid: u32,
}

/// The counters at one moment.
pub(crate) struct Reading {
    at: Instant,
    done: Writes,
    refused: Writes,
    cpu: Vec<(&'static str, f64)>,
}

/// The difference of two readings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    pub(crate) done: Writes,
    pub(crate) refused: Writes,
    /// CPU seconds, user and system.
    pub(crate) cpu: Vec<(&'static str, f64)>,
}

impl Reading {
    pub(crate) async fn take(api: &Client, processes: &[Watched]) -> Result<Self> {
        let text = api.request_text(Request::get("/metrics").body(Vec::new())?).await?;
        let (done, refused) = writes(&text);
        let cpu = processes.iter().map(|process| Ok((process.name, cpu_seconds(process.pid)?)));
        Ok(Self { at: Instant::now(), done, refused, cpu: cpu.collect::<Result<_>>()? })
    }

    pub(crate) fn until(&self, later: &Self) -> Cost {
        let cpu =
            self.cpu.iter().zip(&later.cpu).map(|(before, after)| (before.0, after.1 - before.1));
        Cost {
            seconds: later.at.duration_since(self.at).as_secs_f64(),
            done: difference(&self.done, &later.done),
            refused: difference(&self.refused, &later.refused),
            cpu: cpu.collect(),
        }
    }
}

impl Cost {
    /// Writes without the heartbeats and events, which come with time and not with certificates.
    pub(crate) fn writes(&self) -> u64 {
        self.done.iter().filter(|(what, _)| !is_aside(what)).map(|(_, count)| count).sum()
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.refused.iter().filter(|(what, _)| !is_aside(what)).map(|(_, count)| count).sum()
    }

    /// Writes whose `VERB resource` ends so.
    pub(crate) fn of(&self, ending: &str) -> u64 {
        self.done.iter().filter(|(what, _)| what.ends_with(ending)).map(|(_, count)| count).sum()
    }

    /// CPU milliseconds of one process for each of `count` pieces of work.
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    pub(crate) fn cpu_each(&self, process: &str, count: usize) -> f64 {
        let of_process = self.cpu.iter().filter(|(name, _)| *name == process);
        let seconds = of_process.fold(0.0, |sum, (_, seconds)| sum + seconds);
        seconds * 1000.0 / count.max(1) as f64
    }
}

fn is_aside(what: &str) -> bool {
    what.ends_with(" leases") || what.ends_with(" events")
}

fn difference(before: &Writes, after: &Writes) -> Writes {
    let gained = |(what, count): (&String, &u64)| {
        (what.clone(), count - before.get(what).copied().unwrap_or_default())
    };
    after.iter().map(gained).filter(|(_, count)| *count > 0).collect()
}

/// From `apiserver_request_total`: what was done, and what was refused (a conflict, a name that exists).
fn writes(metrics: &str) -> (Writes, Writes) {
    let (mut done, mut refused) = (Writes::new(), Writes::new());
    for line in metrics.lines().filter_map(|line| line.strip_prefix("apiserver_request_total{")) {
        let Some((labels, count)) = line.rsplit_once("} ") else { continue };
        let label = |name: &str| label(labels, name);
        let verb = label("verb");
        if !["POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"].contains(&verb) {
            continue;
        }
        let slash = if label("subresource").is_empty() { "" } else { "/" };
        let what = format!("{verb} {}{slash}{}", label("resource"), label("subresource"));
        let into = if label("code").starts_with('2') { &mut done } else { &mut refused };
        *into.entry(what).or_default() += count.parse::<u64>().unwrap_or_default();
    }
    // Asking for a token stores nothing.
    done.retain(|what, _| !what.ends_with("serviceaccounts/token") && !what.contains("review"));
    (done, refused)
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    labels
        .split(',')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix("=\"")?.strip_suffix('"'))
        .unwrap_or("")
}

/// User and system time, `/proc/PID/stat` fields 14 and 15 (proc_pid_stat(5)), in ticks of 10 ms.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(ticks(&stat)? / 100.0)
}

fn ticks(stat: &str) -> Result<f64> {
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no command")?;
    Ok(fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum())
}

/// CPU seconds so far of the threads of a process, by their names; threads that have ended are missing.
pub(crate) fn cpu_by_thread(pid: u32) -> Result<BTreeMap<String, f64>> {
    let mut all = BTreeMap::new();
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread that ended meanwhile has nothing to add.
        let Ok(stat) = std::fs::read_to_string(thread?.path().join("stat")) else { continue };
        let name = stat
            .split_once('(')
            .and_then(|(_, rest)| Some(rest.rsplit_once(')')?.0))
            .unwrap_or_default();
        *all.entry(name.to_owned()).or_default() += ticks(&stat)? / 100.0;
    }
    Ok(all)
}

/// Resident memory in MiB (`VmRSS`).
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    mib(pid, "VmRSS:")
}

/// The most that it ever was (`VmHWM`), or since it was forgotten.
pub(crate) fn peak_mib(pid: u32) -> Result<f64> {
    mib(pid, "VmHWM:")
}

/// Lets the peak begin at what is resident now (proc_pid_clear_refs(5)).
pub(crate) fn forget_peak(pid: u32) -> Result<()> {
    Ok(std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

fn mib(pid: u32, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.with_context(|| format!("no {field}"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}
