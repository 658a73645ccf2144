//! Cells of a custom kind, from its printer columns.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kind::{Column, Kind};
use crate::reading::Reading;
use crate::time::age;

pub(super) fn heading(column: &Column) -> Value {
    let said = if column.description.is_empty() {
        format!("Custom resource definition column (in JSONPath format): {}", column.json_path)
    } else {
        column.description.clone()
    };
    json!({
        "name": column.name,
        "type": column.kind,
        "format": column.format,
        "description": said,
        "priority": column.priority,
    })
}

pub(super) fn cells(kind: &Kind, object: &Value, now: Timestamp) -> Vec<Value> {
    let name = Value::from(object.text(&["metadata", "name"]));
    std::iter::once(name)
        .chain(kind.columns.iter().map(|column| cell(column, object, now)))
        .collect()
}

/// The first value that the path finds, if it has the column's type.
fn cell(column: &Column, object: &Value, now: Timestamp) -> Value {
    let found = column.path.as_ref().and_then(|path| path.find(object).into_iter().next());
    let Some(value) = found.filter(|value| !value.is_null()) else { return Value::Null };
    match (column.kind.as_str(), value) {
        ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("string", other) => other.to_string().into(),
        ("integer", Value::Number(number)) if number.is_f64() => whole(number.as_f64()).into(),
        ("integer" | "number", Value::Number(_)) => value.clone(),
        ("date", Value::String(text)) => age(text, now).into(),
        _ => Value::Null,
    }
}

/// The number without its fraction.
fn whole(number: Option<f64>) -> Option<i64> {
    format!("{:.0}", number?.trunc()).parse().ok()
}
