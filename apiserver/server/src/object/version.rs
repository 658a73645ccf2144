//! From the form in which an object is stored to the one in which a version of its kind serves it, and back.

use apiserver_kinds::{self as kinds, Kind};
use apiserver_store as store;
use serde_json::Value;

use crate::failure::Failure;

/// Events of both groups are one object, stored in the form of the core group.
fn is_events_v1(kind: &Kind) -> bool {
    kind.group.as_ref() == "events.k8s.io"
}

/// Whether the stored bytes are what this version serves.
pub(crate) fn is_served_as_stored(kind: &Kind, object: &store::Object) -> bool {
    !is_events_v1(kind) && (!kind.custom || has_api_version(&object.json, &kind.api_version()))
}

/// The stored form begins with the apiVersion.
fn has_api_version(json: &[u8], api_version: &str) -> bool {
    let rest = json.strip_prefix(b"{\"apiVersion\":\"");
    rest.and_then(|rest| rest.strip_prefix(api_version.as_bytes()))
        .is_some_and(|rest| rest.first() == Some(&b'"'))
}

/// The object in this version.
pub(crate) fn served(kind: &Kind, object: &store::Object) -> Result<Value, Failure> {
    let unreadable = |error: serde_json::Error| {
        tracing::error!(collection = %object.key.collection, name = %object.key.name, %error, "a stored object cannot be read");
        Failure::internal(format!(
            "{} {:?} is stored in a form that cannot be read: {error}",
            kind.plural, object.key.name
        ))
    };
    Ok(in_version(kind, serde_json::from_slice(&object.json).map_err(unreadable)?))
}

/// A stored object as this version of its kind shows it.
pub(crate) fn in_version(kind: &Kind, mut stored: Value) -> Value {
    if is_events_v1(kind) {
        return kinds::events_v1_from_core(&stored);
    }
    if kind.custom {
        stored["apiVersion"] = kind.api_version().into();
    }
    stored
}

/// The object as it is stored.
pub(crate) fn stored(kind: &Kind, mut object: Value) -> Value {
    if is_events_v1(kind) {
        return kinds::core_from_events_v1(&object);
    }
    if kind.custom {
        let version = &kind.storage_version;
        object["apiVersion"] = format!("{}/{version}", kind.group).into();
    }
    object
}
