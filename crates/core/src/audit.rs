//! Whether a ledger is whole: each record as it was written, in its place, and none taken away.

use std::collections::BTreeMap;
use std::fmt;

use meshroot_api::record::IssuanceRecordSpec;

use crate::ledger::{End, digest};

/// A record where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it says.
    pub entry: &'a IssuanceRecordSpec,
}

/// How far a ledger had come, by somebody who does not keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Who says so.
    pub by: String,
    /// The record that was the last.
    pub end: End,
}

/// What is wrong with a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A record lies under another name than that of its request.
    Renamed {
        /// Where it lies.
        name: String,
        /// What it is about.
        request: String,
    },
    /// Records are not there.
    Missing {
        /// Number of the first.
        first: u64,
        /// Number of the last of them that follow each other.
        last: u64,
    },
    /// Several records have one number.
    Forked {
        /// The number.
        sequence: u64,
        /// Their names.
        names: Vec<String>,
    },
    /// A record does not carry the digest of the one before it: one of the two is not what was written.
    Broken {
        /// The record.
        name: String,
        /// The one before it; `None` for the first, which has none.
        before: Option<String>,
    },
    /// The record of this number is another one than an anchor says.
    Differs {
        /// The record.
        name: String,
        /// The anchor.
        anchor: Anchor,
    },
    /// The ledger ends before an anchor does.
    Cut {
        /// Number of the last record that is there; 0 where there is none.
        last: u64,
        /// The anchor.
        anchor: Anchor,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { name, request } => {
                write!(f, "record {name} is about request {request}: it lies under another name")
            }
            Self::Missing { first, last } if first == last => {
                write!(f, "record number {first} is missing")
            }
            Self::Missing { first, last } => {
                write!(f, "records number {first} to {last} are missing")
            }
            Self::Forked { sequence, names } => {
                write!(f, "number {sequence} is that of several records: {}", names.join(", "))
            }
            Self::Broken { name, before: Some(before) } => {
                write!(
                    f,
                    "record {name} does not follow {before}: one of the two is not what was written"
                )
            }
            Self::Broken { name, before: None } => {
                write!(
                    f,
                    "record {name} is the first and names one before it: it is not what was written"
                )
            }
            Self::Differs { name, anchor: Anchor { by, end } } => write!(
                f,
                "record {name} is not what was written: {by} has digest {} for number {}",
                end.digest, end.sequence
            ),
            Self::Cut { last, anchor: Anchor { by, end } } => write!(
                f,
                "the ledger ends at number {last}, and {by} says that it came to {}: its end is cut",
                end.sequence
            ),
        }
    }
}

/// All that is wrong with the ledger of one namespace. An edit is found by the record that follows, or by an anchor: what comes
/// after the last anchor and is the end can be changed without a trace.
pub fn faults(records: &[Record<'_>], anchors: &[Anchor]) -> Vec<Fault> {
    let mut by_number: BTreeMap<u64, Vec<Record<'_>>> = BTreeMap::new();
    for record in records {
        by_number.entry(record.entry.sequence).or_default().push(*record);
    }
    let mut faults: Vec<Fault> = records.iter().filter_map(renamed).collect();
    let mut expected = 1;
    for (sequence, all) in &by_number {
        if *sequence > expected {
            faults.push(Fault::Missing { first: expected, last: sequence - 1 });
        }
        expected = sequence.saturating_add(1);
        if all.len() > 1 {
            let names = all.iter().map(|record| record.name.to_owned()).collect();
            faults.push(Fault::Forked { sequence: *sequence, names });
        }
        let before = sequence.checked_sub(1).and_then(|before| by_number.get(&before));
        faults.extend(all.iter().filter_map(|record| broken(record, before)));
    }
    let last = by_number.keys().next_back().copied().unwrap_or_default();
    for anchor in anchors.iter().filter(|anchor| anchor.end.sequence > 0) {
        match by_number.get(&anchor.end.sequence) {
            Some(all) => {
                let differs =
                    |record: &&Record<'_>| digest(record.entry).to_string() != anchor.end.digest;
                faults.extend(all.iter().filter(differs).map(|record| Fault::Differs {
                    name: record.name.to_owned(),
                    anchor: anchor.clone(),
                }));
            }
            None if anchor.end.sequence > last => {
                faults.push(Fault::Cut { last, anchor: anchor.clone() });
            }
            // It is missing, which is said.
            None => {}
        }
    }
    faults
}

fn renamed(record: &Record<'_>) -> Option<Fault> {
    let request = &record.entry.request.name;
    (record.name != request)
        .then(|| Fault::Renamed { name: record.name.to_owned(), request: request.clone() })
}

/// Whether it follows one of those before it.
fn broken(record: &Record<'_>, before: Option<&Vec<Record<'_>>>) -> Option<Fault> {
    let previous = &record.entry.previous_sha256;
    let name = || record.name.to_owned();
    match before {
        Some(all) => {
            let follows = all.iter().any(|before| digest(before.entry).to_string() == *previous);
            (!follows).then(|| Fault::Broken {
                name: name(),
                before: all.first().map(|before| before.name.to_owned()),
            })
        }
        None if record.entry.sequence <= 1 && !previous.is_empty() => {
            Some(Fault::Broken { name: name(), before: None })
        }
        None => None,
    }
}
