//! Columns: a title and how to read its cell.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use kube::api::DynamicObject;
use serde::de::DeserializeOwned;

use crate::age;

/// One column of the table of a kind.
pub(super) struct Column<K> {
    pub(super) title: &'static str,
    /// Shown with `-o wide` only.
    pub(super) wide: bool,
    pub(super) cell: fn(&K, Timestamp) -> String,
}

/// A column that is always there.
pub(super) const fn column<K>(title: &'static str, cell: fn(&K, Timestamp) -> String) -> Column<K> {
    Column { title, wide: false, cell }
}

/// A column for wide screens.
pub(super) const fn wide<K>(title: &'static str, cell: fn(&K, Timestamp) -> String) -> Column<K> {
    Column { title, wide: true, cell }
}

pub(super) fn titles<K>(columns: &[Column<K>], wide: bool) -> Vec<&'static str> {
    let own = columns.iter().filter(|column| wide || !column.wide).map(|column| column.title);
    ["NAMESPACE", "NAME"].into_iter().chain(own).collect()
}

/// The cells of one object; one that cannot be read says so in its last cell.
pub(super) fn cells<K>(
    columns: &[Column<K>],
    object: &DynamicObject,
    now: Timestamp,
    wide: bool,
) -> Vec<String>
where
    K: Resource + DeserializeOwned,
{
    let shown: Vec<_> = columns.iter().filter(|column| wide || !column.wide).collect();
    let metadata = &object.metadata;
    let mut row = vec![
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
    ];
    match object.clone().try_parse::<K>() {
        Ok(object) => row.extend(shown.iter().map(|column| (column.cell)(&object, now))),
        Err(error) => {
            row.resize(1 + shown.len(), String::new());
            row.push(format!("cannot be read: {error}"));
        }
    }
    row
}

/// How long ago the object was made.
pub(super) fn age_of<K: Resource>(object: &K, now: Timestamp) -> String {
    object.meta().creation_timestamp.as_ref().map(|made| age::age(made.0, now)).unwrap_or_default()
}

/// How far away an end of validity is.
pub(super) fn until(time: Option<&Time>, now: Timestamp) -> String {
    match time {
        Some(time) if time.0 <= now => format!("expired {}", age::distance(time.0, now)),
        Some(time) => age::short(time.0.duration_since(now)),
        None => String::new(),
    }
}
