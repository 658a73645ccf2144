//! Fields that a kind does not know.

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
