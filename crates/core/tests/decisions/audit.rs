//! Whether a ledger is whole.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::record::{IssuanceRecordSpec, Person};
use meshroot_core::audit::{Anchor, Fault, Record, faults};
use meshroot_core::ledger::{End, digest};
use serde_json::{Value, json};

use crate::recorded::record;
use crate::scene::Scene;

/// A ledger as it is exported, and how far it has come.
struct Ledger {
    records: Vec<(String, Value)>,
    anchor: Anchor,
}

/// So many records that follow each other; every third was denied.
fn ledger(length: u64) -> Ledger {
    let template = record(&Scene::new());
    let (mut records, mut end) = (Vec::new(), End::default());
    for sequence in 1..=length {
        let mut entry = template.clone();
        entry.request.name = format!("istio.demo.{sequence}");
        (entry.sequence, entry.previous_sha256) = (sequence, end.digest.clone());
        if sequence % 3 == 0 {
            entry.prepared = None;
        }
        if sequence % 2 == 0 {
            entry.decision.people = people();
            entry.decision.asked_sha256 = "a5".repeat(32);
        }
        if sequence % 5 == 0 {
            "{\"mesh\":{\"name\":\"istio\"}}".clone_into(&mut entry.facts);
        }
        end = End::after(&entry);
        records.push((entry.request.name.clone(), serde_json::to_value(entry).unwrap()));
    }
    Ledger { records, anchor: Anchor { by: "elsewhere".to_owned(), end } }
}

fn people() -> Vec<Person> {
    let person = |user: &str, message: &str| Person {
        user: user.to_owned(),
        message: message.to_owned(),
        time: Time(jiff::Timestamp::UNIX_EPOCH),
    };
    vec![person("alice", "CHG-1"), person("bob", "")]
}

impl Ledger {
    /// What is wrong; `None` where it is no ledger any more.
    fn faults(&self, anchors: &[Anchor]) -> Option<Vec<Fault>> {
        let read = |(name, entry): &(String, Value)| {
            let entry: IssuanceRecordSpec = serde_json::from_value(entry.clone()).ok()?;
            Some((name.clone(), entry))
        };
        let entries: Vec<_> = self.records.iter().map(read).collect::<Option<_>>()?;
        let records: Vec<Record<'_>> =
            entries.iter().map(|(name, entry)| Record { name, entry }).collect();
        Some(faults(&records, anchors))
    }

    fn said(&self) -> Vec<String> {
        let anchor = std::slice::from_ref(&self.anchor);
        self.faults(anchor).unwrap().iter().map(ToString::to_string).collect()
    }

    /// Has every record from this place on follow the one before it.
    fn chain_from(&mut self, place: usize) {
        for place in place.max(1)..self.records.len() {
            let before: IssuanceRecordSpec =
                serde_json::from_value(self.records[place - 1].1.clone()).unwrap();
            self.records[place].1["previousSha256"] = json!(digest(&before).to_string());
        }
    }
}

#[test]
fn a_ledger_as_it_was_written_has_no_fault() {
    for length in [1, 2, 12] {
        assert_eq!(ledger(length).said(), Vec::<String>::new());
    }
    let empty = Ledger { records: Vec::new(), ..ledger(1) };
    assert_eq!(empty.faults(&[]).unwrap(), []);
}

#[test]
fn each_fault_is_named_with_its_record() {
    let spoiled = |spoil: fn(&mut Ledger)| {
        let mut ledger = ledger(5);
        spoil(&mut ledger);
        ledger.said()
    };
    assert_eq!(
        spoiled(|ledger| ledger.records[1].1["decision"]["by"] = json!("somebody")),
        [
            "record istio.demo.3 does not follow istio.demo.2: one of the two is not what was written"
        ]
    );
    assert_eq!(
        spoiled(|ledger| drop(ledger.records.drain(1..3))),
        ["records number 2 to 3 are missing"]
    );
    assert_eq!(spoiled(|ledger| drop(ledger.records.drain(0..1))), ["record number 1 is missing"]);
    assert_eq!(
        spoiled(|ledger| ledger.records.truncate(3)),
        ["the ledger ends at number 3, and elsewhere says that it came to 5: its end is cut"]
    );
    assert_eq!(
        spoiled(|ledger| ledger.records.clear()),
        ["the ledger ends at number 0, and elsewhere says that it came to 5: its end is cut"]
    );
    assert_eq!(
        spoiled(|ledger| ledger.records[3].0 = "another".to_owned()),
        ["record another is about request istio.demo.4: it lies under another name"]
    );
    assert_eq!(
        spoiled(|ledger| ledger.records[0].1["previousSha256"] = json!("ab")),
        [
            "record istio.demo.1 is the first and names one before it: it is not what was written",
            "record istio.demo.2 does not follow istio.demo.1: one of the two is not what was written"
        ]
    );
    let forked = spoiled(|ledger| {
        let mut twin = ledger.records[2].clone();
        twin.0 = "twin".to_owned();
        twin.1["request"]["name"] = json!("twin");
        ledger.records.push(twin);
    });
    assert_eq!(forked, ["number 3 is that of several records: istio.demo.3, twin"]);
}

#[test]
fn a_ledger_that_was_written_anew_is_found_by_its_anchor_alone() {
    let mut rewritten = ledger(5);
    rewritten.records[1].1["decision"]["message"] = json!("ticket 4712");
    rewritten.chain_from(2);
    assert_eq!(rewritten.faults(&[]).unwrap(), []);
    let said = rewritten.said();
    let begins = "record istio.demo.5 is not what was written: elsewhere has digest ";
    assert!(said.len() == 1 && said[0].starts_with(begins), "{said:?}");
    let mut shorter = ledger(5);
    let five = shorter.anchor.clone();
    shorter.records.truncate(4);
    let end: IssuanceRecordSpec = serde_json::from_value(shorter.records[3].1.clone()).unwrap();
    let four = Anchor { by: "earlier".to_owned(), end: End::after(&end) };
    assert_eq!(shorter.faults(std::slice::from_ref(&four)).unwrap(), []);
    assert_eq!(shorter.faults(&[four, five]).unwrap().len(), 1, "the later one alone");
}

/// The same numbers whenever it runs.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

/// Changes one value that is not an object; what is empty already stays out.
fn change(value: &mut Value, chance: &mut Chance) {
    match value {
        Value::Object(fields) => {
            let place = chance.below(fields.len());
            change(fields.values_mut().nth(place).unwrap(), chance);
        }
        Value::String(text) if text.ends_with('Z') && text.contains('T') => {
            *text = text.replacen("1970", "1971", 1);
        }
        Value::String(text) => text.push('0'),
        Value::Number(number) => *value = json!(number.as_u64().unwrap() + 1),
        Value::Array(entries) if chance.below(2) == 0 => {
            let place = chance.below(entries.len());
            entries.remove(place);
        }
        Value::Array(entries) => {
            let place = chance.below(entries.len());
            change(&mut entries[place], chance);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn of_a_hundred_thousand_edits_each_is_found() {
    let whole = ledger(7);
    let (mut chance, mut kinds) = (Chance(0x9e37_79b9_7f4a_7c15), [0_usize; 7]);
    for _ in 0..100_000 {
        let mut ledger = Ledger { records: whole.records.clone(), anchor: whole.anchor.clone() };
        let place = chance.below(ledger.records.len());
        let other = (place + 1 + chance.below(ledger.records.len() - 1)) % ledger.records.len();
        let kind = chance.below(kinds.len());
        kinds[kind] += 1;
        match kind {
            0 => change(&mut ledger.records[place].1, &mut chance),
            1 => drop(ledger.records.remove(place)),
            2 => {
                let sequence = ledger.records[place].1["sequence"].clone();
                let taken = std::mem::replace(&mut ledger.records[other].1["sequence"], sequence);
                ledger.records[place].1["sequence"] = taken;
            }
            3 => {
                let mut twin = ledger.records[place].clone();
                change(&mut twin.1, &mut chance);
                twin.0 = twin.1["request"]["name"].as_str().unwrap().to_owned();
                ledger.records.push(twin);
            }
            4 => ledger.records.truncate(place),
            5 => {
                let entry = ledger.records[place].1.clone();
                ledger.records[other].1 = entry;
            }
            _ => {
                change(&mut ledger.records[place].1, &mut chance);
                let name = ledger.records[place].1["request"]["name"].as_str().unwrap();
                ledger.records[place].0 = name.to_owned();
                if ledger.faults(&[]).is_some() {
                    ledger.chain_from(place + 1);
                }
            }
        }
        let anchor = std::slice::from_ref(&whole.anchor);
        // What is no record any more is refused before it is judged.
        let found = ledger.faults(anchor).is_none_or(|faults| !faults.is_empty());
        assert!(found, "kind {kind} at {place}, {other}: {:?}", ledger.records);
    }
    assert!(kinds.iter().all(|count| *count > 10_000), "{kinds:?}");
}
