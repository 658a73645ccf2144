//! What is special about writes of a kind (`pkg/registry/*/strategy.go` of Kubernetes).

use apiserver_kinds::{self as kinds, Kind};
use apiserver_object::Subresource;
use serde_json::{Value, json};

use crate::object::metadata;

/// `group/plural` of a kind; the core group is empty.
fn resource(kind: &Kind) -> (&str, &str) {
    (kind.group.as_ref(), kind.plural.as_ref())
}

/// PUT on a name that does not exist creates the object.
pub(crate) fn creates_on_update(kind: &Kind) -> bool {
    matches!(
        resource(kind),
        ("rbac.authorization.k8s.io", _)
            | ("coordination.k8s.io", "leases")
            | ("" | "events.k8s.io", "events")
            | ("", "services" | "endpoints")
    )
}

/// A deletion is answered with the object, not with a Status.
pub(crate) fn returns_deleted(kind: &Kind) -> bool {
    matches!(
        resource(kind),
        ("", "namespaces" | "pods" | "resourcequotas" | "serviceaccounts" | "services")
    )
}

/// PUT without a resourceVersion overwrites whatever is there.
pub(crate) fn updates_unconditionally(kind: &Kind) -> bool {
    let conditional = matches!(
        resource(kind),
        ("coordination.k8s.io", "leases")
            | ("policy", "poddisruptionbudgets")
            | ("apiextensions.k8s.io" | "admissionregistration.k8s.io", _)
    );
    !kind.custom && !conditional
}

/// Fields that a writer of this subresource does not own.
pub(crate) fn not_owned(
    kind: &Kind,
    subresource: Subresource,
) -> &'static [&'static [&'static str]] {
    match (subresource, kind.subresources.status) {
        _ if resource(kind) == ("", "namespaces") => &[&["status"], &["spec"]],
        (Subresource::Whole, true) => &[&["status"]],
        (Subresource::Status, _) if kind.custom => &[&["spec"], &["metadata"]],
        (Subresource::Status, _) => &[&["spec"], &["metadata", "labels"]],
        _ => &[],
    }
}

/// Removes what only the server gives to a new object.
pub(crate) fn remove_system_fields(object: &mut Value) {
    let fields =
        ["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "selfLink", "uid"];
    for field in fields {
        metadata::of(object).remove(field);
    }
}

/// What a new object gets, and what it may not bring.
pub(crate) fn prepare_create(kind: &Kind, object: &mut Value) {
    for field in ["resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"]
    {
        metadata::of(object).remove(field);
    }
    if kind.subresources.status && !keeps_status_on_create(kind) {
        remove(object, "status");
        // Of a built-in kind it is there from the beginning, with what it begins with.
        kinds::default_builtin(kind, object);
    }
    if kind.generation {
        metadata::set(object, "generation", 1);
    }
}

fn keeps_status_on_create(kind: &Kind) -> bool {
    // Defaults that are part of the status of a new object.
    matches!(resource(kind), ("", "namespaces") | ("apiextensions.k8s.io", _))
}

/// What an update cannot change, taken from the object that is there.
pub(crate) fn prepare_update(
    kind: &Kind,
    subresource: Subresource,
    object: &mut Value,
    old: &Value,
) {
    match subresource {
        Subresource::Status => keep_all_but_status(object, old),
        Subresource::Whole if kind.subresources.status => keep_part(object, old, "status"),
        _ => {}
    }
    metadata::of(object).remove("selfLink");
    for field in ["creationTimestamp", "generation"] {
        metadata::keep(object, old, field);
    }
    // What is being deleted stays so; what is not is refused such a time by its validation.
    if metadata::is_being_deleted(old) {
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
            metadata::keep(object, old, field);
        }
    }
    if metadata::uid(object).is_empty() {
        metadata::keep(object, old, "uid");
    }
    match subresource {
        _ if resource(kind) != ("", "namespaces") => {}
        Subresource::Whole => keep_finalizers_of_namespace(object, old),
        Subresource::Finalize => keep_part(object, old, "status"),
        _ => {}
    }
    let counted = kind.generation && subresource != Subresource::Status;
    if counted && asks_for_something_else(kind, object, old) {
        let generation = metadata::generation(old).unwrap_or(0);
        metadata::set(object, "generation", generation + 1);
    }
}

fn keep_finalizers_of_namespace(object: &mut Value, old: &Value) {
    if let Some(finalizers) = old.pointer("/spec/finalizers") {
        object["spec"]["finalizers"] = finalizers.clone();
    }
    keep_part(object, old, "status");
}

fn keep_all_but_status(object: &mut Value, old: &Value) {
    let status = object.get("status").cloned();
    let managed = object.pointer("/metadata/managedFields").cloned();
    let version = object.pointer("/metadata/resourceVersion").cloned();
    *object = old.clone();
    match status {
        Some(status) => object["status"] = status,
        None => remove(object, "status"),
    }
    let metadata = metadata::of(object);
    for (field, value) in [("managedFields", managed), ("resourceVersion", version)] {
        match value {
            Some(value) => drop(metadata.insert(field.to_owned(), value)),
            None => drop(metadata.remove(field)),
        }
    }
}

fn keep_part(object: &mut Value, old: &Value, part: &str) {
    match old.get(part) {
        Some(value) => object[part] = value.clone(),
        None => remove(object, part),
    }
}

/// Custom objects: everything but metadata (and status, where it is a subresource). Built-in kinds: the spec.
fn asks_for_something_else(kind: &Kind, object: &Value, old: &Value) -> bool {
    if !kind.custom && object.get("spec").is_some() {
        return object.get("spec") != old.get("spec");
    }
    let part = |key: &str| {
        key != "metadata" && key != "apiVersion" && (key != "status" || !kind.subresources.status)
    };
    let parts = |object: &Value| -> Value {
        let fields = object.as_object().into_iter().flatten();
        fields
            .filter(|(key, _)| part(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    parts(object) != parts(old)
}

fn remove(object: &mut Value, field: &str) {
    if let Value::Object(fields) = object {
        fields.remove(field);
    }
}

/// A Namespace that begins to end.
pub(crate) fn terminate_namespace(namespace: &mut Value) {
    namespace["status"]["phase"] = json!("Terminating");
}
