//! Equality and order of values.

use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

use crate::budget::Budget;
use crate::entries::{list_entry, list_length, materialised, range_entry};
use crate::fault::Fault;
use crate::types::Type;
use crate::value::{Message, Shape, Value};

/// Whether two values are equal: never so between values of different kinds, but numbers compare by their value.
pub(crate) fn equal(budget: &Budget, one: &Value<'_>, other: &Value<'_>) -> Result<bool, Fault> {
    budget.take(1)?;
    Ok(match (one, other) {
        (Value::Broken(message), _) | (_, Value::Broken(message)) => {
            return Err(Fault::new(&**message));
        }
        (Value::String(one), Value::String(other)) => {
            let (one, other) = (one.as_str(), other.as_str());
            budget.take_bytes(one.len().min(other.len()))?;
            one == other
        }
        (Value::Bytes(one), Value::Bytes(other)) => {
            budget.take_bytes(one.len().min(other.len()))?;
            one == other
        }
        (Value::Message(one), Value::Message(other)) => equal_messages(budget, one, other)?,
        (Value::Optional(Some(one)), Value::Optional(Some(other))) => equal(budget, one, other)?,
        (Value::Optional(one), Value::Optional(other)) => one.is_none() && other.is_none(),
        (Value::JsonMap(one, shape), Value::JsonMap(other, _)) => {
            equal_json_maps(budget, one, other, *shape)?
        }
        (Value::JsonMap(..) | Value::Map(_), Value::JsonMap(..) | Value::Map(_)) => {
            equal_maps(budget, one, other)?
        }
        _ => match (list_length(one), list_length(other)) {
            (Some(length), Some(others)) => {
                length == others && equal_lists(budget, one, other, length)?
            }
            _ => equal_scalars(one, other),
        },
    })
}

/// Messages of one type whose fields are equal, or set in neither.
fn equal_messages(budget: &Budget, one: &Message<'_>, other: &Message<'_>) -> Result<bool, Fault> {
    if one.type_name() != other.type_name() {
        return Ok(false);
    }
    for name in one.names() {
        let same = match (one.compared(name), other.compared(name)) {
            (Some(one), Some(other)) => equal(budget, &one, &other)?,
            (one, other) => one.is_none() && other.is_none(),
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_scalars(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Timestamp(one), Value::Timestamp(other)) => one == other,
        (Value::Duration(one), Value::Duration(other)) => one == other,
        (Value::Type(one), Value::Type(other)) => one == other,
        (Value::Opaque(one), Value::Opaque(other)) => one.equals(&**other),
        _ => order_numbers(one, other) == Some(Ordering::Equal),
    }
}

fn equal_lists(
    budget: &Budget,
    one: &Value<'_>,
    other: &Value<'_>,
    length: usize,
) -> Result<bool, Fault> {
    if matches!(one, Value::JsonList(_, list) if list.unordered) {
        return equal_unordered(budget, one, other, length);
    }
    for at in 0..length {
        let same = match (list_entry(one, at), list_entry(other, at)) {
            (Some(one), Some(other)) => equal(budget, &one, &other)?,
            _ => false,
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The lists hold the same entries, in any order.
fn equal_unordered(
    budget: &Budget,
    one: &Value<'_>,
    other: &Value<'_>,
    length: usize,
) -> Result<bool, Fault> {
    let mut left: Vec<usize> = (0..length).collect();
    for at in 0..length {
        let Some(entry) = list_entry(one, at) else {
            return Ok(false);
        };
        let mut found = None;
        for (position, candidate) in left.iter().enumerate() {
            if let Some(candidate) = list_entry(other, *candidate)
                && equal(budget, &entry, &candidate)?
            {
                found = Some(position);
                break;
            }
        }
        match found {
            Some(position) => left.remove(position),
            None => return Ok(false),
        };
    }
    Ok(true)
}

fn equal_json_maps(
    budget: &Budget,
    one: &Map<String, Json>,
    other: &Map<String, Json>,
    shape: Shape<'_>,
) -> Result<bool, Fault> {
    if one.len() != other.len() {
        return Ok(false);
    }
    for (key, value) in one {
        budget.take(1)?;
        let kind = match shape {
            Shape::Values(kind) => Some(kind),
            Shape::Object(object) => object.field(key).map(|field| &field.kind),
        };
        let same = match (kind, other.get(key)) {
            (Some(kind), Some(found)) => {
                equal(budget, &Value::of_json(value, kind), &Value::of_json(found, kind))?
            }
            // Fields that the schema does not know count where both objects have them, as in the real server.
            (None, Some(found)) => equal_json(budget, value, found)?,
            (None, None) => true,
            (Some(_), None) => matches!(shape, Shape::Object(_)) && value.is_null(),
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_json(budget: &Budget, one: &Json, other: &Json) -> Result<bool, Fault> {
    equal(budget, &Value::of_json(one, &Type::Dyn), &Value::of_json(other, &Type::Dyn))
}

fn equal_maps(budget: &Budget, one: &Value<'_>, other: &Value<'_>) -> Result<bool, Fault> {
    let one = &materialised(budget, one.clone())?;
    let other = &materialised(budget, other.clone())?;
    let mut entries = Vec::new();
    for at in 0.. {
        match range_entry(other, at, true)? {
            Some((key, Some(value))) => entries.push((key, value)),
            _ => break,
        }
    }
    let mut length = 0;
    'entries: for at in 0.. {
        let Some((key, Some(value))) = range_entry(one, at, true)? else {
            break;
        };
        length += 1;
        for (candidate, found) in &entries {
            if equal(budget, &key, candidate)? {
                if !equal(budget, &value, found)? {
                    return Ok(false);
                }
                continue 'entries;
            }
        }
        return Ok(false);
    }
    Ok(length == entries.len())
}

/// Whether one of the entries is equal to the value.
pub(crate) fn holds<'a>(
    budget: &Budget,
    entries: &[Value<'a>],
    wanted: &Value<'a>,
) -> Result<bool, Fault> {
    for entry in entries {
        if equal(budget, entry, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The order of two values of one kind, or of two numbers.
pub(crate) fn order(
    budget: &Budget,
    one: &Value<'_>,
    other: &Value<'_>,
) -> Result<Ordering, Fault> {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Ok(one.cmp(other)),
        (Value::String(one), Value::String(other)) => {
            let (one, other) = (one.as_str(), other.as_str());
            budget.take_bytes(one.len().min(other.len()))?;
            Ok(one.cmp(other))
        }
        (Value::Bytes(one), Value::Bytes(other)) => Ok(one.cmp(other)),
        (Value::Timestamp(one), Value::Timestamp(other)) => Ok(one.cmp(other)),
        (Value::Duration(one), Value::Duration(other)) => Ok(one.cmp(other)),
        (Value::Double(number), _) | (_, Value::Double(number)) if number.is_nan() => {
            Err(Fault::new("NaN values cannot be ordered"))
        }
        _ => order_numbers(one, other).ok_or_else(Fault::overload),
    }
}

fn order_numbers(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
        (Value::Double(one), _) => order_double(*one, whole(other)?),
        (_, Value::Double(other)) => order_double(*other, whole(one)?).map(Ordering::reverse),
        _ => Some(whole(one)?.cmp(&whole(other)?)),
    }
}

fn whole(value: &Value<'_>) -> Option<i128> {
    match value {
        Value::Int(number) => Some(i128::from(*number)),
        Value::Uint(number) => Some(i128::from(*number)),
        _ => None,
    }
}

fn order_double(double: f64, number: i128) -> Option<Ordering> {
    #[allow(clippy::cast_precision_loss)]
    double.partial_cmp(&(number as f64))
}
