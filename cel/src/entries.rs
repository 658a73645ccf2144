//! Entries of lists and maps, wherever they are.

use std::rc::Rc;

use crate::budget::Budget;
use crate::fault::Fault;
use crate::value::{Shape, Value};

/// The entries of a list, if the value is one.
pub(crate) fn list_length(value: &Value<'_>) -> Option<usize> {
    match value {
        Value::JsonList(entries, _) => Some(entries.len()),
        Value::List(entries) => Some(entries.len()),
        _ => None,
    }
}

/// One entry of a list.
pub(crate) fn list_entry<'a>(value: &Value<'a>, at: usize) -> Option<Value<'a>> {
    match value {
        Value::JsonList(entries, list) => {
            entries.get(at).map(|json| Value::of_json(json, &list.items))
        }
        Value::List(entries) => entries.get(at).cloned(),
        _ => None,
    }
}

/// All entries of a list.
pub(crate) fn list_entries<'a>(value: &Value<'a>) -> Option<Vec<Value<'a>>> {
    (0..list_length(value)?).map(|at| list_entry(value, at)).collect()
}

/// One step of a range: the entry of a list or key of a map, or both position and entry, key and value.
pub(crate) fn range_entry<'a>(
    range: &Value<'a>,
    at: usize,
    two: bool,
) -> Result<Option<(Value<'a>, Option<Value<'a>>)>, Fault> {
    if list_length(range).is_some() {
        let position = Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
        return Ok(list_entry(range, at)
            .map(|entry| if two { (position, Some(entry)) } else { (entry, None) }));
    }
    match range {
        Value::Map(entries) => {
            Ok(entries.get(at).map(|(key, value)| (key.clone(), two.then(|| value.clone()))))
        }
        Value::Broken(message) => Err(Fault::new(&**message)),
        _ => Err(Fault::overload()),
    }
}

/// A JSON object as a map with its entries in order, so that steps need not search; other values as they are.
pub(crate) fn materialised<'a>(budget: &Budget, value: Value<'a>) -> Result<Value<'a>, Fault> {
    let Value::JsonMap(map, shape) = value else {
        return Ok(value);
    };
    budget.take(map.len() as u64)?;
    Ok(Value::Map(Rc::new(
        map.iter().filter_map(|(key, json)| shape_entry(key, json, shape)).collect(),
    )))
}

fn shape_entry<'a>(
    key: &'a str,
    json: &'a serde_json::Value,
    shape: Shape<'a>,
) -> Option<(Value<'a>, Value<'a>)> {
    match shape {
        Shape::Values(kind) => Some((Value::borrowed(key), Value::of_json(json, kind))),
        Shape::Object(object) => {
            let field = object.field(key).filter(|_| !json.is_null())?;
            let name = Value::borrowed(field.name.as_deref().unwrap_or(key));
            Some((name, Value::of_json(json, &field.kind)))
        }
    }
}

/// A position in a list; `None` where it is negative.
pub(crate) fn position(index: &Value<'_>) -> Result<Option<usize>, Fault> {
    match index {
        Value::Int(number) => Ok(usize::try_from(*number).ok()),
        Value::Uint(number) => Ok(usize::try_from(*number).ok()),
        Value::Double(number) if number.fract() == 0.0 && number.abs() < 1e15 =>
        {
            #[allow(clippy::cast_possible_truncation)]
            Ok(usize::try_from(*number as i64).ok())
        }
        other => Err(Fault::new(format!("unsupported index type '{}' in list", other.type_name()))),
    }
}
