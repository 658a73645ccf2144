//! Each MeshTrust that the hub wrote, from the watches of all clusters: what it tells, and how often that was written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use futures::TryStreamExt as _;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::clusters::Scene;
use crate::objects::TRUST;

/// The specs of each MeshTrust by their generation.
#[derive(Default)]
struct Seen(BTreeMap<String, BTreeMap<i64, Value>>);

pub(super) struct Told {
    seen: Arc<Mutex<Seen>>,
    _watches: JoinSet<()>,
}

/// One thing that members are told.
pub(super) struct Line {
    pub(super) tells: String,
    pub(super) members: usize,
    pub(super) writes: u64,
    /// For one member.
    pub(super) most: u64,
}

impl Told {
    pub(super) fn follow(scene: &Scene) -> Self {
        let (seen, mut watches) = (Arc::<Mutex<Seen>>::default(), JoinSet::new());
        for (namespace, client) in &scene.agents {
            let (api, seen) = (TRUST.api(client, namespace), Arc::clone(&seen));
            watches.spawn(async move {
                let events = watcher::watcher(api, watcher::Config::default());
                let ended = events.try_for_each(|event| {
                    if let Event::InitApply(object) | Event::Apply(object) = event {
                        lock(&seen).learn(object);
                    }
                    std::future::ready(Ok(()))
                });
                if let Err(error) = ended.await {
                    println!("    a watch of the benchmark ended: {error}");
                }
            });
        }
        Self { seen, _watches: watches }
    }

    /// What was told so far belongs to no rotation that comes.
    pub(super) fn forget(&self) {
        for told in lock(&self.seen).0.values_mut() {
            if let Some((newest, spec)) = told.pop_last() {
                *told = [(newest, spec)].into();
            }
        }
    }

    /// What members were told since then, as it came first. A generation that no watch brought is an error: it could be a
    /// write too many.
    pub(super) fn lines(&self) -> Result<Vec<Line>> {
        let (mut lines, mut known) = (Vec::<(String, BTreeMap<String, u64>)>::new(), Vec::new());
        for (mesh, told) in &lock(&self.seen).0 {
            for ((before, was), (after, is)) in told.iter().zip(told.iter().skip(1)) {
                (*after == before + 1)
                    .then_some(())
                    .with_context(|| format!("{mesh}: generation {after} after {before}"))?;
                let tells = tells(was, is, &mut known);
                let place = lines.iter().position(|(known, _)| *known == tells);
                let place = place.unwrap_or_else(|| {
                    lines.push((tells, BTreeMap::new()));
                    lines.len() - 1
                });
                *lines[place].1.entry(mesh.clone()).or_default() += 1;
            }
        }
        let line = |(tells, writes): (String, BTreeMap<String, u64>)| Line {
            tells,
            members: writes.len(),
            writes: writes.values().sum(),
            most: writes.values().copied().max().unwrap_or_default(),
        };
        Ok(lines.into_iter().map(line).collect())
    }
}

impl Seen {
    fn learn(&mut self, trust: DynamicObject) {
        let (Some(name), Some(generation)) = (trust.metadata.name, trust.metadata.generation)
        else {
            return;
        };
        let specs = self.0.entry(name).or_default();
        specs.entry(generation).or_insert_with(|| trust.data["spec"].clone());
    }
}

/// What a member is told now, in words that are the same for all.
fn tells(was: &Value, is: &Value, known: &mut Vec<String>) -> String {
    if was["rotation"]["goal"] != is["rotation"]["goal"] {
        return "the goal".to_owned();
    }
    let changed =
        [("certificate", "request"), ("chain", "chainCertificates"), ("anchors", "trustAnchors")];
    let changed = changed.into_iter().filter(|(_, field)| was[field] != is[field]);
    let changed: Vec<&str> = changed.map(|(what, _)| what).collect();
    let [above, anchors] = ["chainCertificates", "trustAnchors"].map(|field| {
        let numbers =
            is[field].as_str().unwrap_or_default().split_inclusive("-----END CERTIFICATE-----");
        let certificates = numbers.map(str::trim).filter(|text| !text.is_empty());
        let numbers: Vec<String> =
            certificates.map(|text| number(text, known).to_string()).collect();
        numbers.join(" ")
    });
    format!("{} (sends [{above}], trusts [{anchors}])", changed.join(", "))
}

/// Certificates are numbered as they come.
fn number(certificate: &str, known: &mut Vec<String>) -> usize {
    let place = known.iter().position(|one| one == certificate);
    place.unwrap_or_else(|| {
        known.push(certificate.to_owned());
        known.len() - 1
    }) + 1
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
