//! The ledgers of all clusters, from a hub or from a file, and what says how far they had come.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use meshroot_api::IssuanceRecord;
use meshroot_api::names::{self, LEDGER_CLAIM_ENTRY, SYSTEM_NAMESPACE};
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_core::audit::{Anchor, Record};
use meshroot_core::ledger::End;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::session::{Scope, Session};

/// All ledgers, by namespace.
#[derive(Default)]
pub(in crate::commands) struct Ledgers {
    all: BTreeMap<String, Ledger>,
    /// The ConfigMaps that say how far they have come.
    claims: Vec<ConfigMap>,
}

/// The ledger of one namespace.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) records: Vec<IssuanceRecord>,
    pub(super) anchors: Vec<Anchor>,
}

impl Ledger {
    pub(super) fn places(&self) -> Vec<Record<'_>> {
        let places = self.records.iter().map(|record| Record {
            name: record.metadata.name.as_deref().unwrap_or_default(),
            entry: &record.spec,
        });
        places.collect()
    }
}

impl Ledgers {
    /// Of a hub.
    pub(in crate::commands) async fn read(session: &Session) -> Result<Self, Failure> {
        let all = ListParams::default();
        let records: Vec<IssuanceRecord> =
            session.list("list issuance records", &Scope::All, &all).await?;
        let hub = Scope::Namespace(SYSTEM_NAMESPACE.to_owned());
        let doing = "list the ConfigMaps that say how far ledgers have come";
        let claims: Vec<ConfigMap> = session.list(doing, &hub, &all).await?;
        Self::of(records, claims)
    }

    /// Of a file with a list of objects; objects of other kinds are passed over.
    pub(in crate::commands) fn from_file(file: &Path) -> Result<Self, Failure> {
        let list: Value = json_of(file)?;
        let Some(items) = list["items"].as_array() else {
            return Err(unreadable(file, &"it has no list of objects (items)"));
        };
        let (mut records, mut claims) = (Vec::new(), Vec::new());
        for (place, item) in (1..).zip(items) {
            let failed = |error: serde_json::Error| {
                let name = item["metadata"]["name"].as_str().unwrap_or("without a name");
                unreadable(file, &format!("object {place}, {name}: {error}"))
            };
            match item["kind"].as_str() {
                Some("IssuanceRecord") => {
                    records.push(Deserialize::deserialize(item).map_err(failed)?);
                }
                Some("ConfigMap") => {
                    claims.push(Deserialize::deserialize(item).map_err(failed)?);
                }
                _ => {}
            }
        }
        Self::of(records, claims)
    }

    fn of(records: Vec<IssuanceRecord>, mut claims: Vec<ConfigMap>) -> Result<Self, Failure> {
        let mut all: BTreeMap<String, Ledger> = BTreeMap::new();
        for record in records {
            let namespace = record.metadata.namespace.clone().unwrap_or_default();
            all.entry(namespace).or_default().records.push(record);
        }
        claims.retain(|claim| names::ledger_of_claim(name(claim)).is_some());
        for claim in &claims {
            let Some(namespace) = names::ledger_of_claim(name(claim)) else { continue };
            let by = format!("ConfigMap {}", name(claim));
            let entry = claim.data.as_ref().and_then(|data| data.get(LEDGER_CLAIM_ENTRY));
            let entry: IssuanceRecordSpec = serde_json::from_str(entry.map_or("", String::as_str))
                .map_err(|error| {
                    Failure::no(format!("{by} does not hold the entry of a ledger: {error}"))
                        .see(format!("{by}, field data.entry"))
                })?;
            let anchor = Anchor { by, end: End::after(&entry) };
            all.entry(namespace.to_owned()).or_default().anchors.push(anchor);
        }
        Ok(Self { all, claims })
    }

    /// Has each ledger come as far as it had then.
    pub(super) fn hold_against(&mut self, checkpoint: Checkpoint, file: &str) {
        let by = format!("{file} of {}", checkpoint.time);
        for Point { namespace, sequence, sha256 } in checkpoint.ledgers {
            let end = End { sequence, digest: sha256 };
            let ledger = self.all.entry(namespace).or_default();
            ledger.anchors.push(Anchor { by: by.clone(), end });
        }
    }

    /// Only the ledger of this namespace.
    pub(super) fn keep(&mut self, namespace: &str) {
        self.all.retain(|own, _| own == namespace);
        self.claims.retain(|claim| names::ledger_of_claim(name(claim)) == Some(namespace));
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Ledger)> {
        self.all.iter()
    }

    pub(in crate::commands) fn records(&self) -> impl Iterator<Item = &IssuanceRecord> + Clone {
        self.all.values().flat_map(|ledger| &ledger.records)
    }

    /// All of it, as [`Ledgers::from_file`] reads it.
    pub(super) fn objects(&self) -> Vec<Value> {
        let typed = |kind: &str, version: &str, object: Result<Value, serde_json::Error>| {
            let mut object = object.unwrap_or_default();
            (object["kind"], object["apiVersion"]) = (json!(kind), json!(version));
            object
        };
        let records = self.records().map(|record| {
            typed("IssuanceRecord", "meshroot.dev/v1alpha1", serde_json::to_value(record))
        });
        let claims = self.claims.iter();
        let claims = claims.map(|claim| typed("ConfigMap", "v1", serde_json::to_value(claim)));
        records.chain(claims).collect()
    }
}

/// How far ledgers had come.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Checkpoint {
    api_version: String,
    kind: String,
    time: Timestamp,
    ledgers: Vec<Point>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Point {
    namespace: String,
    sequence: u64,
    sha256: String,
}

const VERSION: &str = "cli.meshroot.dev/v1";
const KIND: &str = "LedgerCheckpoint";

impl Checkpoint {
    /// Of the records that are there.
    pub(super) fn of(ledgers: &Ledgers, now: Timestamp) -> Self {
        let point = |(namespace, ledger): (&String, &Ledger)| {
            let last = ledger.records.iter().max_by_key(|record| record.spec.sequence)?;
            let End { sequence, digest } = End::after(&last.spec);
            Some(Point { namespace: namespace.clone(), sequence, sha256: digest })
        };
        Self {
            api_version: VERSION.to_owned(),
            kind: KIND.to_owned(),
            time: Timestamp::from_second(now.as_second()).unwrap_or(now),
            ledgers: ledgers.all().filter_map(point).collect(),
        }
    }

    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let checkpoint: Self = json_of(file)?;
        if (checkpoint.api_version.as_str(), checkpoint.kind.as_str()) != (VERSION, KIND) {
            let Self { api_version, kind, .. } = checkpoint;
            return Err(unreadable(
                file,
                &format!("it is a {kind} of {api_version}, not a {KIND} of {VERSION}"),
            ));
        }
        Ok(checkpoint)
    }

    pub(super) fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

fn name(claim: &ConfigMap) -> &str {
    claim.metadata.name.as_deref().unwrap_or_default()
}

fn json_of<T: serde::de::DeserializeOwned>(file: &Path) -> Result<T, Failure> {
    let failed = |error: &dyn std::fmt::Display| unreadable(file, error);
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    serde_json::from_slice(&bytes.map_err(|error| failed(&error))?).map_err(|error| failed(&error))
}

fn unreadable(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::no(format!("{} cannot be read: {error}", file.display()))
}
