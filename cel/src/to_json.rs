//! Values as JSON, in the way of protobuf's `Value`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value as Json};

use crate::entries::list_entries;
use crate::times;
use crate::value::Value;

/// The largest integer that is a number in JSON; beyond it a text has the digits.
const LARGEST: u64 = (1 << 53) - 1;

/// Deepest nesting: what a JSON reader takes.
const DEEPEST: usize = 127;

/// The value as JSON, or why there is none, in the words of the real server.
///
/// # Errors
/// It is of a type that JSON does not know, or is or has a number or key that JSON cannot hold.
pub fn to_json(value: &Value<'_>) -> Result<Json, String> {
    below(value, 0)
}

fn below(value: &Value<'_>, depth: usize) -> Result<Json, String> {
    if depth > DEEPEST {
        return Err(format!("the value is nested deeper than {DEEPEST} levels"));
    }
    Ok(match value {
        Value::Null => Json::Null,
        Value::Optional(None) => return Err("optional.none() dereference".to_owned()),
        Value::Optional(Some(inner)) => below(inner, depth + 1)?,
        Value::Bool(flag) => Json::Bool(*flag),
        Value::Int(number) if number.unsigned_abs() <= LARGEST => Json::from(*number),
        Value::Int(number) => Json::from(number.to_string()),
        Value::Uint(number) if *number <= LARGEST => Json::from(*number),
        Value::Uint(number) => Json::from(number.to_string()),
        Value::Double(number) => double(*number)?,
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        Value::Timestamp(time) => Json::from(times::timestamp_text(*time)),
        Value::Duration(nanoseconds) => Json::from(times::duration_text(*nanoseconds)),
        Value::JsonList(entries, _) => Json::Array(entries.iter().map(copied).collect()),
        Value::JsonMap(map, _) => {
            Json::Object(map.iter().map(|(key, json)| (key.clone(), copied(json))).collect())
        }
        Value::List(_) => list(value, depth + 1)?,
        Value::Map(entries) => map(entries, depth + 1)?,
        Value::Broken(message) => return Err(message.to_string()),
        Value::Message(_) => {
            return Err("cannot convert to native type: *structpb.Value".to_owned());
        }
        Value::Type(_) => return Err("type conversion not supported for 'type'".to_owned()),
        other => {
            let kind = other.type_name();
            return Err(format!("type conversion error from '{kind}' to '*structpb.Value'"));
        }
    })
}

/// A number without a fraction is an integer, as it is once it was written and read again.
fn double(number: f64) -> Result<Json, String> {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    if number.fract() == 0.0 && number.abs() <= LARGEST as f64 {
        return Ok(Json::from(number as i64));
    }
    Number::from_f64(number).map(Json::Number).ok_or_else(|| {
        let found = crate::go_text::not_finite(number);
        format!(
            "json: error calling MarshalJSON for type *structpb.Value: proto: google.protobuf.Value.number_value: \
             invalid {found} value"
        )
    })
}

/// JSON that an expression only passed on.
fn copied(json: &Json) -> Json {
    match json {
        Json::Number(number) if number.as_i64().is_some_and(|it| it.unsigned_abs() > LARGEST) => {
            Json::from(number.to_string())
        }
        Json::Array(entries) => Json::Array(entries.iter().map(copied).collect()),
        Json::Object(map) => {
            Json::Object(map.iter().map(|(key, json)| (key.clone(), copied(json))).collect())
        }
        other => other.clone(),
    }
}

fn list(value: &Value<'_>, depth: usize) -> Result<Json, String> {
    let entries = list_entries(value).unwrap_or_default();
    entries.iter().map(|entry| below(entry, depth)).collect::<Result<_, _>>().map(Json::Array)
}

fn map(entries: &[(Value<'_>, Value<'_>)], depth: usize) -> Result<Json, String> {
    let mut map = Map::new();
    for (key, value) in entries {
        let key = match key {
            Value::String(text) => text.as_str().to_owned(),
            Value::Bool(_) => return Err("type conversion error from bool to 'string'".to_owned()),
            other => {
                let kind = other.type_name();
                return Err(format!("unsupported type conversion from '{kind}' to string"));
            }
        };
        map.insert(key, below(value, depth)?);
    }
    Ok(Json::Object(map))
}
