//! JSON, seen as values of a type.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::times::{parse_any_duration, parse_any_timestamp};
use crate::types::{ListOf, Type};
use crate::value::{Shape, Value};

static DYN: Type = Type::Dyn;
static DYN_LIST: ListOf = ListOf { items: Type::Dyn, unordered: false };

impl<'a> Value<'a> {
    /// JSON, seen as a type.
    pub fn of_json(json: &'a Json, kind: &'a Type) -> Self {
        match (json, kind) {
            (Json::Null, _) => Self::Null,
            (Json::Bool(flag), Type::Bool | Type::Dyn) => Self::Bool(*flag),
            (Json::Number(number), Type::Dyn) => match number.as_i64() {
                Some(integer) => Self::Int(integer),
                None => Self::Double(number.as_f64().unwrap_or(f64::NAN)),
            },
            (Json::Number(number), Type::Int) => {
                number.as_i64().map_or_else(|| broken("int", json), Self::Int)
            }
            (Json::Number(number), Type::Double) => {
                Self::Double(number.as_f64().unwrap_or(f64::NAN))
            }
            (Json::String(text), Type::String | Type::Dyn) => Self::borrowed(text),
            (Json::String(text), Type::Timestamp) => parse_any_timestamp(text)
                .map_or_else(|| unreadable("date-time", text), Self::Timestamp),
            (Json::String(text), Type::Duration) => parse_any_duration(text)
                .map_or_else(|| unreadable("duration", text), Self::Duration),
            (Json::String(text), Type::Bytes) => decoded(text),
            (Json::Array(entries), Type::Dyn) => Self::JsonList(entries, &DYN_LIST),
            (Json::Array(entries), Type::List(list)) => Self::JsonList(entries, list),
            (Json::Object(map), Type::Dyn) => Self::JsonMap(map, Shape::Values(&DYN)),
            (Json::Object(map), Type::Map(types)) => Self::JsonMap(map, Shape::Values(&types.1)),
            (Json::Object(map), Type::Object(object)) => Self::JsonMap(map, Shape::Object(object)),
            _ => broken(&kind.to_string(), json),
        }
    }
}

fn broken<'a>(wanted: &str, json: &Json) -> Value<'a> {
    let found = match json {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float64",
        Json::Number(_) => "int64",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    };
    Value::Broken(Rc::from(format!("invalid data, expected {wanted}, got {found}")))
}

fn unreadable<'a>(format: &str, text: &str) -> Value<'a> {
    Value::Broken(Rc::from(format!("Invalid {format} formatted string {text}")))
}

fn decoded<'a>(text: &str) -> Value<'a> {
    match STANDARD.decode(text) {
        Ok(bytes) => Value::Bytes(Rc::from(bytes)),
        Err(_) => unreadable("byte", text),
    }
}
