//! Values that may be absent (cel-go, `OptionalTypes`).

use std::rc::Rc;

use crate::entries::{list_entry, list_length};
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::value::{Outcome, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("optional.none", "-> optional(A)", |_| Ok(Value::Optional(None))),
    Function::global("optional.of", "A -> optional(A)", |call| {
        Ok(Value::some(call.values[0].clone()))
    }),
    Function::global("optional.ofNonZeroValue", "A -> optional(A)", of_non_zero),
    Function::global("optional.unwrap", "list(optional(A)) -> list(A)", unwrap),
    Function::member("unwrapOpt", "list(optional(A)) -> list(A)", unwrap),
    Function::member("hasValue", "optional(A) -> bool", |call| {
        Ok(Value::Bool(optional(call)?.is_some()))
    }),
    Function::member("value", "optional(A) -> A", |call| {
        optional(call)?.cloned().ok_or_else(|| Fault::new("optional.none() dereference"))
    }),
    Function::member("first", "list(A) -> optional(A)", |call| entry(call, |_| 0)),
    Function::member("last", "list(A) -> optional(A)", |call| entry(call, |length| length - 1)),
];

fn optional<'c, 'a>(call: &Call<'c, 'a>) -> Result<Option<&'c Value<'a>>, Fault> {
    match &call.values[0] {
        Value::Optional(inner) => Ok(inner.as_deref()),
        _ => Err(Fault::overload()),
    }
}

#[allow(clippy::unnecessary_wraps)] // the shape of all functions
fn of_non_zero<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let value = &call.values[0];
    Ok(if is_zero(value) { Value::Optional(None) } else { Value::some(value.clone()) })
}

fn is_zero(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Duration(0) => {
            true
        }
        Value::Double(number) => *number == 0.0,
        Value::String(text) => text.as_str().is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::JsonMap(map, _) => map.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        value => list_length(value) == Some(0),
    }
}

fn unwrap<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let mut present = Vec::new();
    for entry in call.list(0)? {
        match entry {
            Value::Optional(inner) => present.extend(inner.map(|inner| (*inner).clone())),
            _ => return Err(Fault::overload()),
        }
    }
    Ok(Value::list(present))
}

/// One entry of a list that is not empty.
fn entry<'a>(call: &Call<'_, 'a>, position: fn(usize) -> usize) -> Outcome<'a> {
    let length = list_length(&call.values[0]).ok_or_else(Fault::overload)?;
    let entry = if length == 0 { None } else { list_entry(&call.values[0], position(length)) };
    Ok(Value::Optional(entry.map(Rc::new)))
}
