//! What holds an object that is being deleted.

use apiserver_store as store;
use serde_json::Value;

use crate::object::metadata;
use crate::state::collections::NAMESPACES;

/// Holds a definition that is being deleted until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Holds an object until its dependents have lost their reference to it.
pub(crate) const ORPHAN: &str = "orphan";
/// Holds an object until its dependents are gone.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";

/// Whether a deletion must wait for what holds the object.
pub(crate) fn is_held(collection: &str, object: &Value) -> bool {
    let of_namespace = object
        .pointer("/spec/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    !metadata::finalizers(object).is_empty() || collection == NAMESPACES && of_namespace
}

/// Whether an object carries a deletion timestamp; looks for the word before it parses anything.
pub(crate) fn is_ending(object: &store::Object) -> bool {
    memchr::memmem::find(&object.json, b"\"deletionTimestamp\":").is_some()
        && serde_json::from_slice::<Value>(&object.json)
            .is_ok_and(|object| metadata::is_being_deleted(&object))
}

pub(super) fn remove(object: &mut Value, finalizer: &str) {
    let left = metadata::finalizers(object).into_iter().filter(|one| *one != finalizer);
    let left = left.map(str::to_owned).collect();
    metadata::set_finalizers(object, left);
}
