//! Arithmetic.

use std::rc::Rc;

use crate::budget::Budget;
use crate::comparison::order;
use crate::entries::list_entries;
use crate::fault::Fault;
use crate::syntax::Binary;
use crate::times;
use crate::value::Value;

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
