//! The ledger of a cluster is one chain; nothing is in it twice.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use meshroot_api::IssuanceRecord;
use meshroot_api::record::Verdict;
use meshroot_pki::Fingerprint;

/// The records of one cluster, in any order.
pub(crate) fn chain(records: &[&IssuanceRecord]) -> Result<()> {
    let mut records = records.to_vec();
    records.sort_by_key(|record| record.spec.sequence);
    let mut previous = String::new();
    for (expected, record) in (1..).zip(records) {
        let (name, spec) = (name(record), &record.spec);
        ensure!(
            spec.sequence == expected,
            "{name} has sequence {}, expected {expected}: the ledger forks or has a hole",
            spec.sequence
        );
        ensure!(spec.previous_sha256 == previous, "{name} does not follow the record before it");
        // The verdict is hashed as it was spelled when ledgers began.
        let text = serde_json::to_string(spec)?
            .replace(r#""verdict":"Approved""#, r#""verdict":"APPROVED""#)
            .replace(r#""verdict":"Denied""#, r#""verdict":"DENIED""#)
            .replace(r#""verdict":"Revoked""#, r#""verdict":"REVOKED""#);
        previous = Fingerprint::of(versioned(spec, text).as_bytes()).to_string();
    }
    Ok(())
}

/// The text that is hashed: what an entry of a former release cannot have is announced by a line.
pub(crate) fn versioned(spec: &meshroot_api::record::IssuanceRecordSpec, text: String) -> String {
    let decision = &spec.decision;
    let is_first =
        decision.people.is_empty() && decision.asked_sha256.is_empty() && spec.facts.is_empty();
    if is_first { text } else { format!("meshroot record v2\n{text}") }
}

/// No request, serial or key of two records is the same, in all clusters together.
pub(crate) fn nothing_twice(records: &[&IssuanceRecord]) -> Result<()> {
    let mut known = BTreeMap::new();
    for record in records {
        let spec = &record.spec;
        let mut marks = vec![format!("the request with uid {}", spec.request.uid)];
        if spec.decision.verdict == Verdict::Approved {
            let virtual_mesh = &spec.virtual_mesh_ref.name;
            marks.push(format!("the key {} in {virtual_mesh}", spec.public_key_sha256));
        }
        // A revocation repeats what it is about.
        if spec.decision.verdict != Verdict::Revoked {
            marks.extend(spec.prepared.iter().map(|it| format!("the serial {}", it.serial)));
        }
        for mark in marks {
            let other = known.insert(mark.clone(), name(record));
            ensure!(
                other.is_none(),
                "{} and {} have {mark}",
                name(record),
                other.unwrap_or_default()
            );
        }
    }
    Ok(())
}

pub(crate) fn name(record: &IssuanceRecord) -> String {
    let meta = &record.metadata;
    format!(
        "{}/{}",
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::judge::samples::{ledger, record};

    fn all(records: &[IssuanceRecord]) -> Vec<&IssuanceRecord> {
        records.iter().collect()
    }

    #[test]
    fn a_chain_holds_in_any_order() {
        let mut records = ledger(4);
        records.reverse();
        chain(&all(&records)).unwrap();
        nothing_twice(&all(&records)).unwrap();
        chain(&[]).unwrap();
    }

    #[test]
    fn a_hole_a_fork_and_a_changed_record_are_found() {
        let mut hole = ledger(4);
        hole.remove(1);
        assert!(chain(&all(&hole)).unwrap_err().to_string().contains("a hole"));
        let mut fork = ledger(3);
        fork.push(IssuanceRecord { metadata: record(9).metadata, ..fork[2].clone() });
        assert!(chain(&all(&fork)).unwrap_err().to_string().contains("forks"));
        let mut changed = ledger(3);
        changed[1].spec.decision.message.push('!');
        assert!(chain(&all(&changed)).unwrap_err().to_string().contains("does not follow"));
    }

    #[test]
    fn a_request_a_serial_or_a_key_that_comes_twice_is_found() {
        type Change = fn(&mut IssuanceRecord);
        let changes: [(Change, &str); 3] = [
            (|two| two.spec.request.uid = "uid-1".to_owned(), "the request with uid uid-1"),
            (|two| two.spec.public_key_sha256 = "key-1".to_owned(), "the key key-1"),
            (
                |two| two.spec.prepared.as_mut().unwrap().serial = "serial-1".to_owned(),
                "the serial serial-1",
            ),
        ];
        for (change, words) in changes {
            let mut records = ledger(2);
            change(&mut records[1]);
            let error = nothing_twice(&all(&records)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
