//! One step of a field path.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use apiserver_object::go_text;
use serde_json::{Number, Value};

/// One step of a field path (structured-merge-diff: `PathElement`). The order of the variants is the order of elements.
#[derive(Clone, Debug)]
pub(crate) enum Element<'a> {
    /// A field of an object.
    Field(&'a str),
    /// The entry of a list whose keys have these values; sorted by name.
    Key(Vec<(Cow<'a, str>, Cow<'a, Value>)>),
    /// An entry of a set.
    Value(Cow<'a, Value>),
    /// An entry of an atomic list.
    Index(i64),
}

impl Element<'_> {
    const fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for Element<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(left), Self::Field(right)) => left.cmp(right),
            (Self::Key(left), Self::Key(right)) => compare_keys(left, right),
            (Self::Value(left), Self::Value(right)) => compare_values(left, right),
            (Self::Index(left), Self::Index(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Element<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Element<'_> {}

impl fmt::Display for Element<'_> {
    /// As the real server prints it: `.name`, `[name="x"]`, `[="x"]`, `[3]`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(formatter, ".{name}"),
            Self::Key(pairs) => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(name, value)| format!("{name}={}", path_value(value)))
                    .collect();
                write!(formatter, "[{}]", pairs.join(","))
            }
            Self::Value(value) => write!(formatter, "[={}]", path_value(value)),
            Self::Index(index) => write!(formatter, "[{index}]"),
        }
    }
}

type Pairs<'a> = [(Cow<'a, str>, Cow<'a, Value>)];

fn compare_keys(left: &Pairs<'_>, right: &Pairs<'_>) -> Ordering {
    for (one, other) in left.iter().zip(right) {
        let order = one.0.cmp(&other.0).then_with(|| compare_values(&one.1, &other.1));
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// The order of JSON values among path elements: numbers, strings, booleans, lists, maps, null.
pub(crate) fn compare_values(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => compare_lists(left, right),
        (Value::Object(left), Value::Object(right)) => {
            let mut left: Vec<_> = left.iter().collect();
            let mut right: Vec<_> = right.iter().collect();
            left.sort_by(|one, other| one.0.cmp(other.0));
            right.sort_by(|one, other| one.0.cmp(other.0));
            for (one, other) in left.iter().zip(&right) {
                let order = one.0.cmp(other.0).then_with(|| compare_values(one.1, other.1));
                if order != Ordering::Equal {
                    return order;
                }
            }
            left.len().cmp(&right.len())
        }
        _ => value_rank(left).cmp(&value_rank(right)),
    }
}

fn compare_lists(left: &[Value], right: &[Value]) -> Ordering {
    for (one, other) in left.iter().zip(right) {
        let order = compare_values(one, other);
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn compare_numbers(left: &Number, right: &Number) -> Ordering {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return left.cmp(&right);
    }
    if let (Some(left), Some(right)) = (left.as_u64(), right.as_u64()) {
        return left.cmp(&right);
    }
    let float = |number: &Number| number.as_f64().unwrap_or(0.0);
    float(left).total_cmp(&float(right))
}

const fn value_rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

/// Whether two values are the same to field ownership: numbers by value, whatever their spelling.
pub(crate) fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || (left.is_f64() != right.is_f64() && left.as_f64() == right.as_f64())
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same_value(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| same_value(left, right)))
        }
        _ => left == right,
    }
}

/// A value inside a field path: strings quoted, the rest plain.
fn path_value(value: &Value) -> String {
    match value {
        Value::String(text) => go_text::quoted(text),
        Value::Null => "null".to_owned(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(path_value).collect::<Vec<_>>().join(","))
        }
        Value::Object(map) => {
            let pairs: Vec<_> =
                map.iter().map(|(key, value)| format!("{key}={}", path_value(value))).collect();
            pairs.concat()
        }
        other => go_text::scalar(other),
    }
}
