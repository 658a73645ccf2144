//! Fields that a kind does not know, and fields that are null.

use apiserver_schema::{Additional, Schema};
use serde_json::Value;

use crate::decode::object_meta;
use crate::state::served::Served;

/// Removes unknown fields and adds them to `found`.
pub(super) fn prune(served: &Served, object: &mut Value, found: &mut Vec<String>) {
    let unknown = served.validator().prune(object, true);
    found.extend(unknown.iter().map(|field| format!("unknown field {field:?}")));
    found.extend(prune_metadata(object));
    if served.embeds_objects() {
        prune_embedded(served.schema(), object, "", found);
    }
}

/// Removes fields that are null where a typed decoder reads them: in metadata always, in built-in kinds anywhere.
pub(super) fn drop_absent(served: &Served, object: &mut Value) {
    if served.kind.custom {
        drop_nulls(object_meta::validator().schema(), &mut object["metadata"]);
    } else {
        drop_nulls(served.schema(), object);
    }
}

fn prune_metadata(object: &mut Value) -> Vec<String> {
    let removed = object_meta::validator().prune(&mut object["metadata"], false);
    removed.into_iter().map(|field| format!("unknown field \"metadata.{field}\"")).collect()
}

/// The same for objects within the object.
fn prune_embedded(schema: &Schema, value: &mut Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(entries) => {
            let Some(items) = schema.items.as_deref() else { return };
            for (index, entry) in entries.iter_mut().enumerate() {
                prune_embedded(items, entry, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            for (name, field) in fields.iter_mut() {
                let below = match (schema.properties.get(name), &schema.additional) {
                    _ if schema.embedded_resource && name == "metadata" => {
                        let removed = object_meta::validator().prune(field, false);
                        let unknown =
                            |name: &String| format!("unknown field \"{path}.metadata.{name}\"");
                        found.extend(removed.iter().map(unknown));
                        continue;
                    }
                    (Some(below), _) => below,
                    (None, Additional::Values(below)) => below,
                    _ => continue,
                };
                prune_embedded(below, field, &format!("{path}{dot}{name}"), found);
            }
        }
        _ => {}
    }
}

/// Removes fields that are null: a typed decoder takes them for absent ones. Clients in Go write
/// `creationTimestamp: null` into all that they create.
pub(super) fn drop_nulls(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| !field.is_null() || !schema.properties.contains_key(name));
            for (name, field) in
                fields.iter_mut().filter(|(_, field)| field.is_object() || field.is_array())
            {
                match (schema.properties.get(name), &schema.additional) {
                    (Some(below), _) => drop_nulls(below, field),
                    (None, Additional::Values(below)) => drop_nulls(below, field),
                    _ => {}
                }
            }
        }
        Value::Array(entries) => {
            let Some(items) = schema.items.as_deref() else { return };
            for entry in entries {
                drop_nulls(items, entry);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use apiserver_kinds::{self as kinds, Kind};
    use serde_json::json;

    use super::*;

    fn builtin(name: &str) -> Arc<Kind> {
        kinds::builtin().into_iter().find(|kind| kind.kind.as_ref() == name).unwrap()
    }

    #[test]
    fn a_field_that_is_null_is_an_absent_one() {
        let mut object = json!({
            "metadata": { "name": "a", "creationTimestamp": null, "labels": null },
            "spec": { "holderIdentity": null, "leaseDurationSeconds": 5 },
        });
        drop_nulls(builtin("Lease").schema(), &mut object);
        assert_eq!(
            object,
            json!({ "metadata": { "name": "a" }, "spec": { "leaseDurationSeconds": 5 } })
        );
    }

    #[test]
    fn a_null_in_a_map_is_left_to_the_defaults() {
        let mut object = json!({ "data": { "k": null } });
        drop_nulls(builtin("ConfigMap").schema(), &mut object);
        assert_eq!(object, json!({ "data": { "k": null } }));
    }
}
