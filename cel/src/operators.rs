//! Arithmetic, and looking at lists and maps wherever they are.

use std::rc::Rc;

use crate::budget::{Budget, Fault};
use crate::comparison::order;
use crate::syntax::Binary;
use crate::times;
use crate::value::{Shape, Text, Value};

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

/// `-value`.
pub(crate) fn negate<'a>(value: &Value<'a>) -> Result<Value<'a>, Fault> {
    match value {
        Value::Int(number) => {
            number.checked_neg().map(Value::Int).ok_or_else(|| Fault::new("integer overflow"))
        }
        Value::Double(number) => Ok(Value::Double(-number)),
        _ => Err(Fault::overload()),
    }
}

/// Order and arithmetic.
pub(crate) fn apply<'a>(
    budget: &Budget,
    operator: Binary,
    left: &Value<'a>,
    right: &Value<'a>,
) -> Result<Value<'a>, Fault> {
    match operator {
        Binary::Less => Ok(Value::Bool(order(budget, left, right)?.is_lt())),
        Binary::AtMost => Ok(Value::Bool(order(budget, left, right)?.is_le())),
        Binary::Greater => Ok(Value::Bool(order(budget, left, right)?.is_gt())),
        Binary::AtLeast => Ok(Value::Bool(order(budget, left, right)?.is_ge())),
        _ => match (left, right) {
            (Value::Int(left), Value::Int(right)) => integers(operator, *left, *right),
            (Value::Uint(left), Value::Uint(right)) => unsigned(operator, *left, *right),
            (Value::Double(left), Value::Double(right)) => doubles(operator, *left, *right),
            _ if operator == Binary::Add => joined(budget, left, right),
            _ if operator == Binary::Subtract => difference(left, right),
            _ => Err(Fault::overload()),
        },
    }
}

fn integers<'a>(operator: Binary, left: i64, right: i64) -> Result<Value<'a>, Fault> {
    let value = match operator {
        Binary::Divide if right == 0 => return Err(Fault::new("division by zero")),
        Binary::Modulo if right == 0 => return Err(Fault::new("modulus by zero")),
        Binary::Add => left.checked_add(right),
        Binary::Subtract => left.checked_sub(right),
        Binary::Multiply => left.checked_mul(right),
        Binary::Divide => left.checked_div(right),
        Binary::Modulo => left.checked_rem(right),
        _ => return Err(Fault::overload()),
    };
    value.map(Value::Int).ok_or_else(|| Fault::new("integer overflow"))
}

fn unsigned<'a>(operator: Binary, left: u64, right: u64) -> Result<Value<'a>, Fault> {
    let value = match operator {
        Binary::Divide if right == 0 => return Err(Fault::new("division by zero")),
        Binary::Modulo if right == 0 => return Err(Fault::new("modulus by zero")),
        Binary::Add => left.checked_add(right),
        Binary::Subtract => left.checked_sub(right),
        Binary::Multiply => left.checked_mul(right),
        Binary::Divide => left.checked_div(right),
        Binary::Modulo => left.checked_rem(right),
        _ => return Err(Fault::overload()),
    };
    value.map(Value::Uint).ok_or_else(|| Fault::new("unsigned integer overflow"))
}

fn doubles<'a>(operator: Binary, left: f64, right: f64) -> Result<Value<'a>, Fault> {
    Ok(Value::Double(match operator {
        Binary::Add => left + right,
        Binary::Subtract => left - right,
        Binary::Multiply => left * right,
        Binary::Divide => left / right,
        _ => return Err(Fault::overload()),
    }))
}

fn joined<'a>(budget: &Budget, left: &Value<'a>, right: &Value<'a>) -> Result<Value<'a>, Fault> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            let (left, right) = (left.as_str(), right.as_str());
            budget.take_result(left.len() + right.len())?;
            Ok(Value::made([left, right].concat()))
        }
        (Value::Bytes(left), Value::Bytes(right)) => {
            budget.take_result(left.len() + right.len())?;
            Ok(Value::Bytes(Rc::from([&**left, &**right].concat())))
        }
        (Value::Duration(left), Value::Duration(right)) => left
            .checked_add(*right)
            .map(Value::Duration)
            .ok_or_else(|| Fault::new("duration overflow")),
        (Value::Timestamp(time), Value::Duration(by))
        | (Value::Duration(by), Value::Timestamp(time)) => times::moved(*time, *by)
            .map(Value::Timestamp)
            .ok_or_else(|| Fault::new("timestamp overflow")),
        _ => {
            let (Some(mut entries), Some(more)) = (list_entries(left), list_entries(right)) else {
                return Err(Fault::overload());
            };
            budget.take((entries.len() + more.len()) as u64)?;
            entries.extend(more);
            Ok(Value::list(entries))
        }
    }
}

fn difference<'a>(left: &Value<'a>, right: &Value<'a>) -> Result<Value<'a>, Fault> {
    match (left, right) {
        (Value::Duration(left), Value::Duration(right)) => left
            .checked_sub(*right)
            .map(Value::Duration)
            .ok_or_else(|| Fault::new("duration overflow")),
        (Value::Timestamp(time), Value::Duration(by)) => by
            .checked_neg()
            .and_then(|by| times::moved(*time, by))
            .map(Value::Timestamp)
            .ok_or_else(|| Fault::new("timestamp overflow")),
        (Value::Timestamp(left), Value::Timestamp(right)) => {
            let nanoseconds = left.as_nanosecond() - right.as_nanosecond();
            let nanoseconds =
                i64::try_from(nanoseconds).map_err(|_| Fault::new("duration overflow"))?;
            Ok(Value::Duration(nanoseconds))
        }
        _ => Err(Fault::overload()),
    }
}

/// The second of each pair, in the order of the first.
pub(crate) fn sorted_by<'a>(
    budget: &Budget,
    mut pairs: Vec<(Value<'a>, Value<'a>)>,
) -> Result<Vec<Value<'a>>, Fault> {
    let mut failure = None;
    pairs.sort_by(|one, other| {
        order(budget, &one.0, &other.0).unwrap_or_else(|fault| {
            failure = Some(fault);
            std::cmp::Ordering::Equal
        })
    });
    match failure {
        Some(fault) => Err(fault),
        None => Ok(pairs.into_iter().map(|(_, value)| value).collect()),
    }
}

/// A value in words, for messages.
pub fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => double_text(*number),
        Value::String(Text::Borrowed(text)) => (*text).to_owned(),
        Value::String(Text::Made(text)) => text.to_string(),
        Value::Timestamp(time) => times::timestamp_text(*time),
        Value::Duration(nanoseconds) => times::duration_text(*nanoseconds),
        other => other.type_name().to_owned(),
    }
}

/// A double as Go's `%g` with the fewest digits prints it.
fn double_text(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "NaN"
        } else if number > 0.0 {
            "+Inf"
        } else {
            "-Inf"
        }
        .to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
