//! Functions that this crate runs itself: those that matter for speed, times, optionals and rights.

use std::rc::Rc;

use jiff::Timestamp;
use regex::Regex;

use crate::budget::{Budget, Fault};
use crate::comparison::{equal, order};
use crate::evaluator::{Evaluator, Outcome};
use crate::operators::{self, list_entries, list_entry, list_length};
use crate::signatures::Native;
use crate::times;
use crate::value::Value;

/// The function of this crate for a call, if it is not one of the Kubernetes function library.
pub(crate) fn find(name: &str, arguments: usize) -> Option<Native> {
    Some(match (name, arguments) {
        ("size", _) => size,
        ("matches", _) => matches_any,
        ("find", _) => find_first,
        ("findAll", _) => find_all,
        ("contains", _) => {
            |evaluator, values| string_test(evaluator, values, |text, part| text.contains(part))
        }
        ("startsWith", _) => {
            |evaluator, values| string_test(evaluator, values, |text, part| text.starts_with(part))
        }
        ("endsWith", _) => {
            |evaluator, values| string_test(evaluator, values, |text, part| text.ends_with(part))
        }
        ("int", _) => int,
        ("uint", _) => uint,
        ("double", _) => double,
        ("bool", _) => bool,
        ("bytes", _) => bytes,
        ("string", _) => string,
        ("timestamp", _) => timestamp,
        ("duration", _) => duration,
        ("dyn", _) => |_, values| Ok(values[0].clone()),
        ("type", _) => |_, values| Ok(Value::Type(Rc::from(values[0].type_name()))),
        ("optional.none", _) => |_, _| Ok(Value::Optional(None)),
        ("optional.of", _) => |_, values| Ok(Value::some(values[0].clone())),
        ("optional.ofNonZeroValue", _) => of_non_zero,
        ("hasValue", _) => |_, values| Ok(Value::Bool(optional(values)?.is_some())),
        ("value", _) => |_, values| {
            optional(values)?.cloned().ok_or_else(|| Fault::new("optional.none() dereference"))
        },
        ("optional.unwrap" | "unwrapOpt", _) => unwrap,
        ("first", _) => |_, values| Ok(Value::Optional(list_entry(&values[0], 0).map(Rc::new))),
        ("last", _) => last,
        ("isSorted", _) => is_sorted,
        ("sort", _) => sort,
        ("min", _) => {
            |evaluator, values| extreme(evaluator, values, "min", std::cmp::Ordering::is_lt)
        }
        ("max", _) => {
            |evaluator, values| extreme(evaluator, values, "max", std::cmp::Ordering::is_gt)
        }
        ("sum", _) => sum,
        ("reverse", _) => reverse,
        ("distinct", _) => distinct,
        ("lists.range", _) => range,
        ("replace", _) => replace,
        ("join", _) => join,
        ("sets.contains", _) => |evaluator, values| subset(evaluator, &values[1], &values[0]),
        ("sets.equivalent", _) => equivalent,
        ("sets.intersects", _) => intersects,
        _ => return times_find(name),
    })
}

fn times_find(name: &str) -> Option<Native> {
    Some(match name {
        "getFullYear" => |_, values| part(values, |time| i64::from(time.year())),
        "getMonth" => |_, values| part(values, |time| i64::from(time.month()) - 1),
        "getDayOfYear" => |_, values| part(values, |time| i64::from(time.day_of_year()) - 1),
        "getDayOfMonth" => |_, values| part(values, |time| i64::from(time.day()) - 1),
        "getDate" => |_, values| part(values, |time| i64::from(time.day())),
        "getDayOfWeek" => {
            |_, values| part(values, |time| i64::from(time.weekday().to_sunday_zero_offset()))
        }
        "getHours" => |_, values| clock(values, 3_600_000_000_000, |time| i64::from(time.hour())),
        "getMinutes" => |_, values| clock(values, 60_000_000_000, |time| i64::from(time.minute())),
        "getSeconds" => |_, values| clock(values, 1_000_000_000, |time| i64::from(time.second())),
        "getMilliseconds" => milliseconds,
        _ => return None,
    })
}

fn part<'a>(values: &[Value<'a>], read: fn(&jiff::Zoned) -> i64) -> Outcome<'a> {
    let Value::Timestamp(time) = &values[0] else {
        return Err(Fault::overload());
    };
    let zone = match values.get(1) {
        Some(Value::String(zone)) => Some(zone.as_str()),
        None => None,
        Some(_) => return Err(Fault::overload()),
    };
    times::in_zone(*time, zone).map(|time| Value::Int(read(&time))).map_err(Fault::new)
}

fn clock<'a>(values: &[Value<'a>], unit: i64, read: fn(&jiff::Zoned) -> i64) -> Outcome<'a> {
    match &values[0] {
        Value::Duration(nanoseconds) => Ok(Value::Int(nanoseconds / unit)),
        _ => part(values, read),
    }
}

fn milliseconds<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    match &values[0] {
        Value::Duration(nanoseconds) => Ok(Value::Int(nanoseconds / 1_000_000)),
        _ => part(values, |time| i64::from(time.millisecond())),
    }
}

fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, Fault> {
    match value {
        Value::String(text) => Ok(text.as_str()),
        _ => Err(Fault::overload()),
    }
}

fn entries<'a>(evaluator: &Evaluator<'a>, value: &Value<'a>) -> Result<Vec<Value<'a>>, Fault> {
    let entries = list_entries(value).ok_or_else(Fault::overload)?;
    evaluator.budget.take(entries.len() as u64)?;
    Ok(entries)
}

fn optional<'v, 'a>(values: &'v [Value<'a>]) -> Result<Option<&'v Value<'a>>, Fault> {
    match &values[0] {
        Value::Optional(inner) => Ok(inner.as_deref()),
        _ => Err(Fault::overload()),
    }
}

fn count<'a>(length: usize) -> Value<'a> {
    Value::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

fn size<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    Ok(count(match &values[0] {
        Value::String(text) => {
            evaluator.budget.take_bytes(text.as_str().len())?;
            text.as_str().chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::JsonMap(map, _) => map.len(),
        Value::Map(entries) => entries.len(),
        list => list_length(list).ok_or_else(Fault::overload)?,
    }))
}

fn string_test<'a>(
    evaluator: &Evaluator<'a>,
    values: &[Value<'a>],
    test: fn(&str, &str) -> bool,
) -> Outcome<'a> {
    let (whole, part) = (text(&values[0])?, text(&values[1])?);
    evaluator.budget.take_bytes(whole.len())?;
    Ok(Value::Bool(test(whole, part)))
}

/// Whether the pattern matches somewhere.
pub(crate) fn matches<'a>(budget: &Budget, text: &str, pattern: &Regex) -> Outcome<'a> {
    budget.take(1 + text.len() as u64 * (1 + pattern.as_str().len() as u64 / 4) / 10)?;
    Ok(Value::Bool(pattern.is_match(text)))
}

fn matches_any<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let pattern = evaluator.pattern(text(&values[1])?)?;
    matches(evaluator.budget, text(&values[0])?, &pattern)
}

fn find_first<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let (whole, pattern) = (text(&values[0])?, evaluator.pattern(text(&values[1])?)?);
    matches(evaluator.budget, whole, &pattern)?;
    Ok(Value::made(pattern.find(whole).map_or("", |found| found.as_str())))
}

fn find_all<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let (whole, pattern) = (text(&values[0])?, evaluator.pattern(text(&values[1])?)?);
    let most = match values.get(2) {
        Some(Value::Int(most)) => usize::try_from(*most).unwrap_or(usize::MAX),
        None => usize::MAX,
        Some(_) => return Err(Fault::overload()),
    };
    matches(evaluator.budget, whole, &pattern)?;
    evaluator.budget.take(whole.len() as u64)?;
    let found = pattern.find_iter(whole).take(most);
    Ok(Value::list(found.map(|found| Value::made(found.as_str())).collect()))
}

fn int<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let overflow = || Fault::new("integer overflow");
    let number = match &values[0] {
        Value::Int(number) => *number,
        Value::Uint(number) => i64::try_from(*number).map_err(|_| overflow())?,
        Value::Double(number) if number.abs() < 9_223_372_036_854_775_000.0 => {
            #[allow(clippy::cast_possible_truncation)]
            let whole = number.trunc() as i64;
            whole
        }
        Value::Double(_) => return Err(overflow()),
        Value::Timestamp(time) => time.as_second(),
        Value::String(digits) => parsed(digits.as_str(), "int")?,
        _ => return Err(Fault::overload()),
    };
    Ok(Value::Int(number))
}

fn uint<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let overflow = || Fault::new("unsigned integer overflow");
    let number = match &values[0] {
        Value::Uint(number) => *number,
        Value::Int(number) => u64::try_from(*number).map_err(|_| overflow())?,
        Value::Double(number) if *number >= 0.0 && *number < 18_446_744_073_709_550_000.0 => {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let whole = number.trunc() as u64;
            whole
        }
        Value::Double(_) => return Err(overflow()),
        Value::String(digits) => parsed(digits.as_str(), "uint")?,
        _ => return Err(Fault::overload()),
    };
    Ok(Value::Uint(number))
}

fn double<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    #[allow(clippy::cast_precision_loss)]
    let number = match &values[0] {
        Value::Double(number) => *number,
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::String(digits) => parsed(digits.as_str(), "double")?,
        _ => return Err(Fault::overload()),
    };
    Ok(Value::Double(number))
}

fn parsed<T: std::str::FromStr>(digits: &str, kind: &str) -> Result<T, Fault> {
    T::from_str(digits).map_err(|_| unconvertible(kind))
}

fn unconvertible(kind: &str) -> Fault {
    Fault::new(format!("type conversion error from 'string' to '{kind}'"))
}

fn bool<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    match &values[0] {
        Value::Bool(flag) => Ok(Value::Bool(*flag)),
        Value::String(word) => match word.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(unconvertible("bool")),
        },
        _ => Err(Fault::overload()),
    }
}

fn bytes<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    match &values[0] {
        Value::String(text) => {
            evaluator.budget.take_bytes(text.as_str().len())?;
            Ok(Value::Bytes(Rc::from(text.as_str().as_bytes())))
        }
        value @ Value::Bytes(_) => Ok(value.clone()),
        _ => Err(Fault::overload()),
    }
}

fn string<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    match &values[0] {
        value @ Value::String(_) => Ok(value.clone()),
        Value::Bytes(bytes) => {
            evaluator.budget.take_bytes(bytes.len())?;
            let text = std::str::from_utf8(bytes);
            text.map(Value::made)
                .map_err(|_| Fault::new("invalid UTF-8 in bytes, cannot convert to string"))
        }
        value @ (Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_)) => Ok(Value::made(operators::shown(value))),
        value @ Value::Foreign(_) => crate::foreign::text(evaluator.budget, value),
        _ => Err(Fault::overload()),
    }
}

fn timestamp<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let time = match &values[0] {
        Value::Timestamp(time) => Some(*time),
        Value::Int(seconds) => Timestamp::from_second(*seconds).ok(),
        Value::String(text) => times::parse_timestamp(text.as_str()),
        _ => return Err(Fault::overload()),
    };
    time.map(Value::Timestamp).ok_or_else(|| unconvertible("google.protobuf.Timestamp"))
}

fn duration<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let nanoseconds = match &values[0] {
        Value::Duration(nanoseconds) | Value::Int(nanoseconds) => Some(*nanoseconds),
        Value::String(text) => times::parse_duration(text.as_str()),
        _ => return Err(Fault::overload()),
    };
    nanoseconds.map(Value::Duration).ok_or_else(|| unconvertible("google.protobuf.Duration"))
}

#[allow(clippy::unnecessary_wraps)] // the shape of all of them
fn of_non_zero<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let zero = match &values[0] {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Duration(0) => {
            true
        }
        Value::Double(number) => *number == 0.0,
        Value::String(text) => text.as_str().is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::JsonMap(map, _) => map.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        value => list_length(value) == Some(0),
    };
    Ok(if zero { Value::Optional(None) } else { Value::some(values[0].clone()) })
}

fn unwrap<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let mut present = Vec::new();
    for entry in entries(evaluator, &values[0])? {
        match entry {
            Value::Optional(inner) => present.extend(inner.map(|inner| (*inner).clone())),
            _ => return Err(Fault::overload()),
        }
    }
    Ok(Value::list(present))
}

fn last<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let length = list_length(&values[0]).ok_or_else(Fault::overload)?;
    let entry = length.checked_sub(1).and_then(|at| list_entry(&values[0], at));
    Ok(Value::Optional(entry.map(Rc::new)))
}

fn is_sorted<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    for pair in entries(evaluator, &values[0])?.windows(2) {
        if order(evaluator.budget, &pair[0], &pair[1])?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sort<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let pairs =
        entries(evaluator, &values[0])?.into_iter().map(|entry| (entry.clone(), entry)).collect();
    Ok(Value::list(operators::sorted_by(evaluator.budget, pairs)?))
}

fn extreme<'a>(
    evaluator: &Evaluator<'a>,
    values: &[Value<'a>],
    name: &str,
    better: fn(std::cmp::Ordering) -> bool,
) -> Outcome<'a> {
    let mut best: Option<Value<'a>> = None;
    for entry in entries(evaluator, &values[0])? {
        best = Some(match best {
            Some(best) if !better(order(evaluator.budget, &entry, &best)?) => best,
            _ => entry,
        });
    }
    best.ok_or_else(|| Fault::new(format!("{name} called on empty list")))
}

fn sum<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let mut entries = entries(evaluator, &values[0])?.into_iter();
    let Some(first) = entries.next() else {
        return Ok(Value::Int(0));
    };
    if matches!(first, Value::String(_) | Value::Bytes(_)) {
        return Err(Fault::overload());
    }
    entries.try_fold(first, |total, entry| {
        operators::apply(evaluator.budget, crate::syntax::Binary::Add, &total, &entry)
    })
}

fn reverse<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let mut entries = entries(evaluator, &values[0])?;
    entries.reverse();
    Ok(Value::list(entries))
}

fn distinct<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let mut distinct: Vec<Value<'a>> = Vec::new();
    for entry in entries(evaluator, &values[0])? {
        if !holds(evaluator, &distinct, &entry)? {
            distinct.push(entry);
        }
    }
    Ok(Value::list(distinct))
}

fn holds<'a>(
    evaluator: &Evaluator<'a>,
    entries: &[Value<'a>],
    wanted: &Value<'a>,
) -> Result<bool, Fault> {
    for entry in entries {
        if equal(evaluator.budget, entry, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn range<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let Value::Int(end) = &values[0] else {
        return Err(Fault::overload());
    };
    evaluator.budget.take(u64::try_from(*end).unwrap_or(0))?;
    Ok(Value::list((0..*end).map(Value::Int).collect()))
}

fn replace<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let (whole, old, new) = (text(&values[0])?, text(&values[1])?, text(&values[2])?);
    let most = match values.get(3) {
        None => usize::MAX,
        Some(Value::Int(most)) => usize::try_from(*most).unwrap_or(usize::MAX),
        Some(_) => return Err(Fault::overload()),
    };
    evaluator.budget.take_bytes(whole.len())?;
    let found = whole.matches(old).count().min(most);
    evaluator.budget.take_result(whole.len() + found.saturating_mul(new.len()))?;
    Ok(Value::made(whole.replacen(old, new, most)))
}

fn join<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let parts = entries(evaluator, &values[0])?;
    let parts = parts.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let separator = values.get(1).map_or(Ok(""), text)?;
    let length: usize = parts.iter().map(|part| part.len()).sum();
    evaluator.budget.take_result(length + parts.len().saturating_mul(separator.len()))?;
    Ok(Value::made(parts.join(separator)))
}

fn subset<'a>(evaluator: &Evaluator<'a>, part: &Value<'a>, whole: &Value<'a>) -> Outcome<'a> {
    let whole = entries(evaluator, whole)?;
    for entry in entries(evaluator, part)? {
        if !holds(evaluator, &whole, &entry)? {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn equivalent<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    match subset(evaluator, &values[0], &values[1])? {
        Value::Bool(true) => subset(evaluator, &values[1], &values[0]),
        other => Ok(other),
    }
}

fn intersects<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let whole = entries(evaluator, &values[0])?;
    for entry in entries(evaluator, &values[1])? {
        if holds(evaluator, &whole, &entry)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}
