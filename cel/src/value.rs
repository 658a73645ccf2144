//! Values of the language. JSON stays where it is: a value borrows it and looks at it with its type.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use jiff::Timestamp;
use kube_cel::cel;
use serde_json::{Map, Value as Json};

use crate::types::{DYN, ListOf, ObjectType, Type};

/// A string that is borrowed from an object or an expression, or made by one.
#[derive(Clone, Debug)]
pub enum Text<'a> {
    /// It is somebody else's.
    Borrowed(&'a str),
    /// It is the value's own.
    Made(Rc<str>),
}

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Made(text) => text,
        }
    }
}

/// How a JSON object is seen.
#[derive(Clone, Copy, Debug)]
pub enum Shape<'a> {
    /// As an object with known fields.
    Object(&'a ObjectType),
    /// As a map from strings to values of a type.
    Values(&'a Type),
}

/// A value of a type that a library brings.
pub trait Opaque: Any {
    /// The name of the type, as signatures and `type()` know it.
    fn type_name(&self) -> &'static str;
}

/// A value.
#[derive(Clone)]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// A truth.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A number of IEEE 754.
    Double(f64),
    /// A text.
    String(Text<'a>),
    /// A sequence of bytes.
    Bytes(Rc<[u8]>),
    /// A point in time.
    Timestamp(Timestamp),
    /// Nanoseconds.
    Duration(i64),
    /// A list in JSON.
    JsonList(&'a [Json], &'a ListOf),
    /// An object in JSON.
    JsonMap(&'a Map<String, Json>, Shape<'a>),
    /// A list that an expression made.
    List(Rc<Vec<Value<'a>>>),
    /// A map that an expression made.
    Map(Rc<Vec<(Value<'a>, Value<'a>)>>),
    /// A value that may be absent.
    Optional(Option<Rc<Value<'a>>>),
    /// A type, by its name.
    Type(Rc<str>),
    /// What a library brings.
    Opaque(Rc<dyn Opaque>),
    /// All variables, as an object.
    Variables,
    /// What a function library made.
    Foreign(cel::Value),
    /// JSON that its declared type does not allow; said when it is looked at.
    Broken(Rc<str>),
}

static DYN_LIST: ListOf = ListOf { items: Type::Dyn, unordered: false };

impl<'a> Value<'a> {
    pub(crate) fn borrowed(text: &'a str) -> Self {
        Self::String(Text::Borrowed(text))
    }

    /// A text.
    pub fn made(text: impl Into<Rc<str>>) -> Self {
        Self::String(Text::Made(text.into()))
    }

    pub(crate) fn list(entries: Vec<Self>) -> Self {
        Self::List(Rc::new(entries))
    }

    /// An optional that has a value.
    pub fn some(inner: Self) -> Self {
        Self::Optional(Some(Rc::new(inner)))
    }

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
            (Json::String(text), Type::Timestamp) => crate::times::parse_any_timestamp(text)
                .map_or_else(|| unreadable("date-time", text), Self::Timestamp),
            (Json::String(text), Type::Duration) => crate::times::parse_any_duration(text)
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

    /// The name of the value's type, as `type()` shows it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::JsonList(..) | Self::List(_) => "list",
            Self::JsonMap(..) | Self::Map(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Opaque(opaque) => opaque.type_name(),
            Self::Variables => "kubernetes.variables",
            Self::Foreign(cel::Value::Opaque(opaque)) => opaque.runtime_type_name(),
            Self::Foreign(_) | Self::Broken(_) => "error",
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
    use base64::Engine as _;
    match base64::engine::general_purpose::STANDARD.decode(text) {
        Ok(bytes) => Value::Bytes(Rc::from(bytes)),
        Err(_) => unreadable("byte", text),
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&crate::operators::shown(self))
    }
}
