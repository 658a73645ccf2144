//! Messages that expressions have made.

use std::fmt;

use crate::fault::Fault;
use crate::types::{ObjectType, Type};
use crate::value::{Message, Value};

impl fmt::Debug for Message<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.name())
    }
}

impl<'a> Message<'a> {
    /// A message in which nothing is set.
    pub(crate) const fn new(kind: &'a ObjectType) -> Self {
        Self { kind, fields: Vec::new() }
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> &str {
        self.kind.name()
    }

    /// Sets a field; what was set before under the name is forgotten.
    pub(crate) fn set(&mut self, name: &'a str, mut value: Value<'a>) -> Result<(), Fault> {
        let kind = self.type_name();
        while let (true, Value::Optional(Some(inner))) = (self.is_text(name), &value) {
            value = (**inner).clone();
        }
        match self.kind.named(name) {
            None => return Err(Fault::new(format!("unexpected {kind}Type field: {name}"))),
            Some((_, field))
                if field.kind == Type::String && !matches!(value, Value::String(_)) =>
            {
                let found = go_type(&value);
                return Err(Fault::new(format!(
                    "unexpected type {found} for {kind}Type '{name}' field"
                )));
            }
            Some(_) => {}
        }
        self.fields.retain(|(known, _)| *known != name);
        self.fields.push((name, value));
        Ok(())
    }

    /// A field that was set.
    pub fn field(&self, name: &str) -> Option<&Value<'a>> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A field as an expression reads it: what was not set is an empty text, or null.
    pub(crate) fn read(&self, name: &str) -> Option<Value<'a>> {
        self.kind.named(name)?;
        let unset = || if self.is_text(name) { Value::made("") } else { Value::Null };
        Some(self.field(name).cloned().unwrap_or_else(unset))
    }

    /// What is compared of a field: a text, or what was set.
    pub(crate) fn compared(&self, name: &str) -> Option<Value<'a>> {
        if self.is_text(name) { self.read(name) } else { self.field(name).cloned() }
    }

    /// Whether a field is set, to a text that is not empty where it is one.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self.field(name) {
            Some(Value::String(text)) if self.is_text(name) => !text.as_str().is_empty(),
            found => found.is_some(),
        }
    }

    fn is_text(&self, name: &str) -> bool {
        self.kind.named(name).is_some_and(|(_, field)| field.kind == Type::String)
    }

    /// The names of all fields of its type.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.kind.names()
    }
}

/// The type that a value has in the real server.
fn go_type(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "structpb.NullValue",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::Double(_) => "float64",
        Value::Bytes(_) => "[]uint8",
        Value::Timestamp(_) => "time.Time",
        Value::Duration(_) => "time.Duration",
        Value::JsonList(..) => "[]interface {}",
        Value::JsonMap(..) => "map[string]interface {}",
        Value::List(_) => "[]ref.Val",
        Value::Map(_) => "map[ref.Val]ref.Val",
        _ => "interface {}",
    }
}
