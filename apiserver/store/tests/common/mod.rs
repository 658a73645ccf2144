//! Writes as tests make them.
#![allow(dead_code)]

pub(crate) mod disk;
pub(crate) mod ledger;

use std::sync::Arc;

use apiserver_store::{Change, Condition, Key, Labels, Object, Store, Value, Write, WriteError};

/// By how much more is tried than in every run: `cargo xtask ci --full` sets it.
pub(crate) fn times() -> u64 {
    std::env::var("MESHROOT_TEST_TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

pub(crate) fn value(text: &str) -> Value {
    Value {
        head: br#"{"resourceVersion":""#.to_vec(),
        tail: format!(r#"","text":"{text}"}}"#).into_bytes(),
    }
}

pub(crate) fn put(text: &str) -> Change {
    Change::Put(value(text))
}

pub(crate) fn write(
    collection: &str,
    namespace: &str,
    name: &str,
    condition: Condition,
    change: Change,
) -> Write {
    let labels: Labels = Arc::new([("app".into(), name.into())]);
    Write { key: Key::new(collection, namespace, name), condition, change, labels, given: None }
}

pub(crate) fn write_at(object: &Object, change: Change) -> Write {
    let Key { collection, namespace, name } = &object.key;
    write(collection, namespace, name, Condition::Revision(object.revision), change)
}

pub(crate) async fn create(
    store: &Store,
    collection: &str,
    ns: &str,
    name: &str,
    text: &str,
) -> Result<Arc<Object>, WriteError> {
    store.write(write(collection, ns, name, Condition::Absent, put(text))).await
}

pub(crate) async fn update(
    store: &Store,
    object: &Object,
    text: &str,
) -> Result<Arc<Object>, WriteError> {
    store.write(write_at(object, put(text))).await
}

pub(crate) async fn delete(store: &Store, object: &Object) -> Result<Arc<Object>, WriteError> {
    store.write(write_at(object, Change::Delete(value("gone")))).await
}
