//! Ownership after a create, an update or a patch.

use apiserver_schema::Schema;
use serde_json::{Map, Value};

use crate::atom::Shape;
use crate::field_set::FieldSet;
use crate::managed::Managed;
use crate::updater;
use crate::writer::Writer;

/// Moves the ownership of what changed between `old` and `new` to the writer and writes `metadata.managedFields` of `new`.
///
/// `old` is `None` on create; the object is then compared with the schema's default, what an object of a built-in kind
/// holds before anyone wrote to it.
/// `excluded` names fields this resource does not write (`[["status"]]` for an object
/// whose kind has a status subresource, `[["metadata"], ["spec"]]` for that subresource): nobody gains or loses them.
///
/// What `new` brings along decides where to start: an empty list or a list of one empty entry clears all ownership,
/// a valid list is taken as it is, anything else gives way to the list of `old`. A subresource always takes that of
/// `old`. An object that has no managers after its creation gets none before its first apply. Entries keep their time
/// unless they gained fields, so that an update without a change leaves all as it was.
pub fn track(
    schema: &Schema,
    old: Option<&Value>,
    new: &mut Value,
    writer: &Writer<'_>,
    excluded: &[&[&str]],
) {
    let sent = take_managed_fields(new);
    let outcome = owners(schema, old, new, sent.as_ref(), writer, excluded);
    let list = match outcome {
        Outcome::Sent => sent,
        Outcome::Old => old.and_then(Managed::of).cloned(),
        Outcome::List(list) => list,
    };
    put_managed_fields(new, list);
}

/// Which list of managers the new object gets.
enum Outcome {
    /// The one it brought.
    Sent,
    /// The old object's.
    Old,
    List(Option<Value>),
}

fn owners(
    schema: &Schema,
    old: Option<&Value>,
    new: &Value,
    sent: Option<&Value>,
    writer: &Writer<'_>,
    excluded: &[&[&str]],
) -> Outcome {
    let live = old.and_then(Managed::of);
    let Ok(mut managed) = starting_point(live, sent, writer) else { return Outcome::List(None) };
    let is_create = old.is_none_or(|old| !has_uid(old));
    if managed.entries.is_empty() && !is_create {
        return Outcome::List(None);
    }
    let nothing = Value::Object(Map::new());
    let old = old.or(schema.default.as_ref()).unwrap_or(&nothing);
    let excluded = FieldSet::of_names(excluded);
    match updater::update(Shape::root(schema), (old, new), &mut managed, writer, &excluded) {
        Ok(()) if managed.is_as_read(sent) => Outcome::Sent,
        Ok(()) => Outcome::List(managed.encode()),
        Err(_) => Outcome::Old,
    }
}

/// The managers before the write.
fn starting_point<'a>(
    live: Option<&'a Value>,
    sent: Option<&'a Value>,
    writer: &Writer<'_>,
) -> Result<Managed<'a>, crate::managed::ManagedError> {
    if !writer.subresource.is_empty() {
        return Managed::decode(live, live);
    }
    if sent.is_some_and(is_reset) {
        return Ok(Managed::default());
    }
    match Managed::decode(sent, live) {
        Ok(managed) if !managed.entries.is_empty() => Ok(managed),
        _ => Managed::decode(live, live),
    }
}

/// Whether a client asks to forget all managers: `[]` or `[{}]`.
fn is_reset(sent: &Value) -> bool {
    match sent.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(entry)]) => entry.values().all(|value| value.is_null() || value == ""),
        _ => false,
    }
}

pub(crate) fn has_uid(object: &Value) -> bool {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get("uid"))
        .is_some_and(|uid| uid.as_str() != Some(""))
}

pub(crate) fn take_managed_fields(object: &mut Value) -> Option<Value> {
    object
        .get_mut("metadata")?
        .as_object_mut()?
        .remove("managedFields")
        .filter(|list| !list.is_null())
}

pub(crate) fn put_managed_fields(object: &mut Value, list: Option<Value>) {
    let Some(list) = list else {
        take_managed_fields(object);
        return;
    };
    let Some(object) = object.as_object_mut() else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert("managedFields".to_owned(), list);
    }
}

/// Gives `new` the times of `old` where the two objects differ in nothing but the times of their managers. To be called
/// when the object is complete (defaulted, admitted), before it is compared with the stored one: a write that changes
/// nothing must not count as a change.
pub fn restore_times(old: &Value, new: &mut Value) {
    let (Some(Value::Array(before)), Some(Value::Array(after))) =
        (Managed::of(old), Managed::of(new))
    else {
        return;
    };
    if before.len() != after.len()
        || before == after
        || !before.iter().zip(after).all(|(old, new)| same_but_time(old, new))
    {
        return;
    }
    let Some(list) = Managed::of(old).cloned() else { return };
    let sent = take_managed_fields(new);
    let same = same_but_managed_fields(old, new);
    put_managed_fields(new, if same { Some(list) } else { sent });
}

fn same_but_time(old: &Value, new: &Value) -> bool {
    same_but(old, new, "time", |_, _| true)
}

fn same_but_managed_fields(old: &Value, new: &Value) -> bool {
    same_but(old, new, "metadata", |old, new| same_but(old, new, "managedFields", |_, _| true))
}

/// Whether two objects have the same fields, one of which is compared differently or, if absent, not at all.
fn same_but(old: &Value, new: &Value, name: &str, same: impl Fn(&Value, &Value) -> bool) -> bool {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return old == new };
    let others = |map: &Map<String, Value>| map.len() - usize::from(map.contains_key(name));
    let named = match (old.get(name), new.get(name)) {
        (Some(old), Some(new)) => same(old, new),
        _ => true,
    };
    named
        && others(old) == others(new)
        && old
            .iter()
            .filter(|(key, _)| *key != name)
            .all(|(key, value)| new.get(key) == Some(value))
}
