//! Ownership after a write (structured-merge-diff: `Updater`, with the managers apimachinery puts around it).

use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value;

use crate::atom::{Shape, Unidentified};
use crate::compare::{Comparison, compare};
use crate::conflict::{Conflict, Conflicts};
use crate::field_set::FieldSet;
use crate::managed::{Entry, Managed};
use crate::reconcile::reconcile;
use crate::writer::{Operation, Writer};

/// Fields that no one ever owns.
static UNOWNED: LazyLock<FieldSet<'static>> = LazyLock::new(|| {
    let metadata = |name| -> [&'static str; 2] { ["metadata", name] };
    let below = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ]
    .map(metadata);
    let mut paths: Vec<&[&'static str]> = vec![&["apiVersion"], &["kind"], &["metadata"]];
    paths.extend(below.iter().map(<[&'static str; 2]>::as_slice));
    FieldSet::of_names(&paths)
});

/// Without the fields that no one ever owns.
pub(crate) fn ownable<'a>(set: &FieldSet<'a>) -> FieldSet<'a> {
    let unowned: &FieldSet<'a> = &UNOWNED;
    set.difference(unowned)
}

/// Brings every entry into line with the schema.
pub(crate) fn reconcile_all<'a>(shape: Shape<'a>, managed: &mut Managed<'a>) {
    for entry in &mut managed.entries {
        if let Some(set) = reconcile(shape, &entry.set) {
            entry.replace_set(set);
        }
    }
}

/// Takes from every manager, but the one at `except`, what was written or removed.
pub(crate) fn relinquish(
    managed: &mut Managed<'_>,
    changes: &Comparison<'_>,
    except: Option<usize>,
) {
    let written = changes.written();
    for (index, entry) in managed.entries.iter_mut().enumerate() {
        if Some(index) == except {
            continue;
        }
        if entry.set.intersects(&written) || entry.set.intersects(&changes.removed) {
            let set = entry.set.difference(&written).difference(&changes.removed);
            entry.replace_set(set);
        }
    }
}

/// The other managers' fields that an apply would change.
pub(crate) fn conflicts<'a>(
    managed: &Managed<'a>,
    changes: &Comparison<'_>,
    applier: usize,
) -> Vec<Contested<'a>> {
    let written = changes.written();
    let others = managed.entries.iter().enumerate().filter(|(index, _)| *index != applier);
    let mut found: Vec<_> = others
        .filter(|(_, entry)| entry.set.intersects(&written))
        .map(|(_, entry)| Contested {
            entry: entry.clone(),
            fields: entry.set.intersection(&written),
        })
        .collect();
    found.sort_by_cached_key(|contested| contested.entry.identity());
    found
}

/// A manager and the fields it would lose.
pub(crate) struct Contested<'a> {
    pub(crate) entry: Entry<'a>,
    pub(crate) fields: FieldSet<'a>,
}

/// The conflicts as they are reported.
pub(crate) fn report(contested: &[Contested<'_>]) -> Conflicts {
    let one = |contested: &Contested<'_>| Conflict {
        manager: contested.entry.manager.to_string(),
        operation: contested.entry.operation,
        api_version: contested.entry.api_version.to_string(),
        subresource: contested.entry.subresource.to_string(),
        time: contested.entry.time.as_ref().and_then(|time| time.parse::<Timestamp>().ok()),
        fields: contested.fields.paths(),
    };
    Conflicts(contested.iter().map(one).collect())
}

/// Moves what differs between two objects to the writer.
pub(crate) fn update<'a>(
    shape: Shape<'a>,
    (old, new): (&'a Value, &'a Value),
    managed: &mut Managed<'a>,
    writer: &Writer<'a>,
    excluded: &FieldSet<'a>,
) -> Result<(), Unidentified> {
    reconcile_all(shape, managed);
    let changes = compare(shape, old, new)?.without(excluded);
    if changes.is_empty() {
        managed.entries.retain(|entry| !entry.set.is_empty());
    } else {
        relinquish(managed, &changes, None);
        managed.entries.retain(|entry| !entry.set.is_empty());
        take_over(managed, &ownable(&changes.written()), writer);
    }
    managed.cap_updaters();
    Ok(())
}

fn take_over<'a>(managed: &mut Managed<'a>, written: &FieldSet<'a>, writer: &Writer<'a>) {
    if written.is_empty() {
        return;
    }
    let mut entry = Entry::of(writer, Operation::Update);
    entry.time = Some(writer.time_text().into());
    entry.set = written.clone();
    match managed.position(&entry).and_then(|place| managed.entries.get_mut(place)) {
        Some(previous) => {
            let set = written.union(&previous.set);
            previous.replace_set(set);
            previous.time = entry.time;
        }
        None => managed.entries.push(entry),
    }
}
