//! Values of the language. JSON stays where it is: a value borrows it and looks at it with its type.

use std::any::Any;
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::fault::Fault;
use crate::types::{ListOf, ObjectType, Type};

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

/// What an evaluation comes to.
pub type Outcome<'a> = Result<Value<'a>, Fault>;

/// A value of a type that a library brings.
pub trait Opaque: Any {
    /// The name of the type, as signatures and `type()` know it.
    fn type_name(&self) -> &'static str;

    /// Whether the other value is the same; one of another type never is.
    fn equals(&self, _: &dyn Opaque) -> bool {
        false
    }
}

impl dyn Opaque {
    /// The value, where it is of this type.
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }
}

/// A message that an expression has made: the fields that were set.
pub struct Message<'a> {
    pub(crate) kind: &'a ObjectType,
    pub(crate) fields: Vec<(&'a str, Value<'a>)>,
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
    /// A message that an expression made.
    Message(Rc<Message<'a>>),
    /// A value that may be absent.
    Optional(Option<Rc<Value<'a>>>),
    /// A type, by its name.
    Type(Rc<str>),
    /// What a library brings.
    Opaque(Rc<dyn Opaque>),
    /// All variables, as an object.
    Variables,
    /// JSON that its declared type does not allow; said when it is looked at.
    Broken(Rc<str>),
}

impl<'a> Value<'a> {
    pub(crate) fn borrowed(text: &'a str) -> Self {
        Self::String(Text::Borrowed(text))
    }

    /// A text.
    pub fn made(text: impl Into<Rc<str>>) -> Self {
        Self::String(Text::Made(text.into()))
    }

    /// A list.
    pub fn list(entries: Vec<Self>) -> Self {
        Self::List(Rc::new(entries))
    }

    /// A number of things.
    pub(crate) fn count(length: usize) -> Self {
        Self::Int(i64::try_from(length).unwrap_or(i64::MAX))
    }

    /// A value of a library's type.
    pub fn opaque(value: impl Opaque) -> Self {
        Self::Opaque(Rc::new(value))
    }

    /// An optional that has a value.
    pub fn some(inner: Self) -> Self {
        Self::Optional(Some(Rc::new(inner)))
    }

    /// The value is a boolean.
    pub(crate) fn truth(&self) -> Result<bool, Fault> {
        match self {
            Self::Bool(flag) => Ok(*flag),
            _ => Err(Fault::overload()),
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
            Self::Message(message) => message.kind.name(),
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Opaque(opaque) => opaque.type_name(),
            Self::Variables => "kubernetes.variables",
            Self::Broken(_) => "error",
        }
    }
}
