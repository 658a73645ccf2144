//! Strategic merge patch: maps.

use std::collections::BTreeSet;

use apiserver_object::go_text;
use apiserver_schema::{Merge, Schema};
use serde_json::{Map, Value};

use crate::atom::Shape;
use crate::patch_error::PatchError;
use crate::strategic_list::{self, ListMerge};

/// What to do with the map it is in, or with the list that map is in.
pub(crate) const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const ELEMENT_ORDER: &str = "$setElementOrder";

/// Applies a strategic merge patch: lists are merged by the keys their schema names, `$patch`, `$retainKeys`,
/// `$deleteFromPrimitiveList/…` and `$setElementOrder/…` steer it, null removes a field. The object may have been
/// changed in part where this fails.
///
/// # Errors
/// [`PatchError::Malformed`] for a misshapen directive, [`PatchError::Unprocessable`] for lists of lists,
/// [`PatchError::Internal`] for what the real server answers with 500: an unknown directive, an entry without its key.
pub fn strategic_merge_patch(
    schema: &Schema,
    object: &mut Value,
    patch: &Value,
) -> Result<(), PatchError> {
    let Value::Object(patch) = patch else {
        let found = go_text::json_kind(patch);
        let text = format!(
            "json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
        );
        return Err(PatchError::Malformed(text));
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(object) = object else { return Ok(()) };
    merge_maps(object, patch, Shape::root(schema))
}

/// Merges a map of the patch into a map of the object.
pub(crate) fn merge_maps(
    original: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    shape: Shape<'_>,
) -> Result<(), PatchError> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return obey(directive, original, patch);
    }
    retain_keys(original, patch)?;
    let ordered = order_lists(original, patch, shape)?;
    for (key, value) in patch {
        let is_done =
            key == RETAIN_KEYS || starts_with(key, ELEMENT_ORDER) || ordered.contains(key.as_str());
        if is_done {
            continue;
        }
        if starts_with(key, DELETE_FROM_LIST) {
            let Some((_, name)) =
                key.split_once('/').filter(|(prefix, _)| *prefix == DELETE_FROM_LIST)
            else {
                return Err(PatchError::Malformed(
                    "invalid patch format of primitive list".to_owned(),
                ));
            };
            delete_from_list(original, name, value)?;
        } else {
            merge_field(original, key, value, shape)?;
        }
    }
    Ok(())
}

fn starts_with(key: &str, prefix: &str) -> bool {
    key.starts_with('$') && key.starts_with(prefix)
}

fn obey(
    directive: &Value,
    original: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), PatchError> {
    match directive.as_str() {
        Some("replace") => {
            original.clone_from(patch);
            original.remove(DIRECTIVE);
            Ok(())
        }
        Some("delete") => {
            original.clear();
            Ok(())
        }
        _ => Err(unknown_directive(directive, patch)),
    }
}

pub(crate) fn unknown_directive(directive: &Value, patch: &Map<String, Value>) -> PatchError {
    let map = go_text::plain(&Value::Object(patch.clone()));
    PatchError::Internal(format!("unknown patch type: {} in map: {map}", go_text::plain(directive)))
}

fn retain_keys(
    original: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), PatchError> {
    let Some(names) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let malformed = || PatchError::Malformed("invalid patch format of retainKeys".to_owned());
    let names: BTreeSet<_> =
        names.as_array().ok_or_else(malformed)?.iter().filter_map(Value::as_str).collect();
    let is_exempt = |key: &str| {
        key == RETAIN_KEYS || starts_with(key, DELETE_FROM_LIST) || starts_with(key, ELEMENT_ORDER)
    };
    if patch
        .iter()
        .any(|(key, value)| !value.is_null() && !is_exempt(key) && !names.contains(key.as_str()))
    {
        return Err(malformed());
    }
    original.retain(|key, _| names.contains(key.as_str()));
    Ok(())
}

/// Merges the lists whose order the patch names. Returns the fields that are done with.
fn order_lists<'p>(
    original: &mut Map<String, Value>,
    patch: &'p Map<String, Value>,
    shape: Shape<'_>,
) -> Result<BTreeSet<&'p str>, PatchError> {
    let mut done = BTreeSet::new();
    for (key, order) in patch.iter().filter(|(key, _)| starts_with(key, ELEMENT_ORDER)) {
        let malformed =
            || PatchError::Malformed("invalid patch format of setElementOrder list".to_owned());
        let order = list_of(order)?;
        let (_, name) = key
            .split_once('/')
            .filter(|(prefix, _)| *prefix == ELEMENT_ORDER)
            .ok_or_else(malformed)?;
        let live = original.get(name).map(list_of).transpose()?;
        let patched = patch.get(name).map(list_of).transpose()?;
        let merge = list_merge(shape, name);
        merge.check_order(patched.unwrap_or_default(), order)?;
        let Some(merged) = merge.in_order(live, patched, order)? else { continue };
        original.insert(name.to_owned(), Value::Array(merged));
        done.extend(patch.get_key_value(name).map(|(name, _)| name.as_str()));
    }
    Ok(done)
}

fn list_of(value: &Value) -> Result<&[Value], PatchError> {
    let text =
        || format!("expected a []interface {{}}, but received a {}", go_text::type_name(value));
    value.as_array().map(Vec::as_slice).ok_or_else(|| PatchError::Internal(text()))
}

/// How the list at a field is merged.
fn list_merge<'a>(shape: Shape<'a>, name: &str) -> ListMerge<'a> {
    let field = child(shape, name);
    let items = field.and_then(|field| field.atom().list).map_or(Shape::Deduced, |list| list.items);
    let merge = match field {
        Some(Shape::Known { schema, .. }) => Some(&schema.merge),
        _ => None,
    };
    let key = merge.and_then(|merge: &Merge| merge.merge_key.as_deref());
    ListMerge { items, merges: merge.is_some_and(|merge| merge.merge), key }
}

fn child<'a>(shape: Shape<'a>, name: &str) -> Option<Shape<'a>> {
    shape.atom().map.map(|map| map.child(name))
}

fn delete_from_list(
    original: &mut Map<String, Value>,
    name: &str,
    values: &Value,
) -> Result<(), PatchError> {
    if values.is_null() {
        original.remove(name);
    } else if let (Some(Value::Array(list)), Value::Array(values)) =
        (original.get_mut(name), values)
    {
        strategic_list::delete_scalars(list, values)?;
    }
    Ok(())
}

fn merge_field(
    original: &mut Map<String, Value>,
    key: &str,
    value: &Value,
    shape: Shape<'_>,
) -> Result<(), PatchError> {
    match (original.get_mut(key), value) {
        (_, Value::Null) => {
            original.remove(key);
        }
        (Some(Value::Object(present)), Value::Object(patch)) => {
            merge_maps(present, patch, child(shape, key).unwrap_or(Shape::Deduced))?;
        }
        (Some(Value::Array(present)), Value::Array(patch)) => {
            let merge = list_merge(shape, key);
            let merged = if merge.merges {
                merge.merge(std::mem::take(present), patch)?
            } else {
                patch.clone()
            };
            *present = merged;
        }
        (_, value) => match without_directives(value) {
            Some(value) => {
                original.insert(key.to_owned(), value);
            }
            None => {
                original.remove(key);
            }
        },
    }
    Ok(())
}

/// What a patch puts where nothing was: without maps that carry a directive and without null fields.
pub(crate) fn without_directives(value: &Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            let kept =
                kept.filter_map(|(key, value)| Some((key.clone(), without_directives(value)?)));
            Some(Value::Object(kept.collect()))
        }
        Value::Array(items) => {
            Some(Value::Array(items.iter().filter_map(without_directives).collect()))
        }
        other => Some(other.clone()),
    }
}
