//! Which part of the old object a part of the new one corresponds to, and whether they are equal.

use serde_json::{Map, Value};

use super::node::Node;
use crate::schema::ListType;

/// The entry of `old` that has the keys of `entry`; `None` unless the list is one of type map.
pub(crate) fn corresponding<'a>(
    list_type: &ListType,
    entry: &Value,
    old: &'a Value,
) -> Option<&'a Value> {
    let ListType::Map(keys) = list_type else { return None };
    let (entry, old) = (entry.as_object()?, old.as_array()?);
    let sought: Vec<&Value> = keys.iter().map(|key| scalar(entry, key)).collect::<Option<_>>()?;
    let matches = |candidate: &&Value| {
        let Some(candidate) = candidate.as_object() else { return false };
        keys.iter().zip(&sought).all(|(key, value)| scalar(candidate, key) == Some(*value))
    };
    if sought.is_empty() { None } else { old.iter().find(matches) }
}

fn scalar<'a>(entry: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    entry.get(key).filter(|value| !value.is_null() && !value.is_array() && !value.is_object())
}

/// Equality by the schema: entries of a list of type map in any order; a field that the schema does not declare makes
/// objects differ, because nothing tells what it corresponds to.
pub(crate) fn equal(node: &Node, new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Array(new), Value::Array(entries)) => {
            new.len() == entries.len()
                && (new == entries || is_keyed(node) && equal_entries(node, new, old))
        }
        (Value::Object(new), Value::Object(old)) => {
            let same = |(name, value): (&String, &Value)| match (node.below(name), old.get(name)) {
                (Some(below), Some(old)) => equal(below, value, old),
                _ => false,
            };
            new.len() == old.len() && new.iter().all(same)
        }
        _ => new == old,
    }
}

fn is_keyed(node: &Node) -> bool {
    matches!(node.list_type, ListType::Map(_))
}

fn equal_entries(node: &Node, new: &[Value], old: &Value) -> bool {
    let Some(items) = node.items.as_deref() else { return false };
    let same = |entry: &Value| {
        corresponding(&node.list_type, entry, old).is_some_and(|old| equal(items, entry, old))
    };
    new.iter().all(same)
}
