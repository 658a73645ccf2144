//! One message into the JSON value of the same Go type.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::table::{Content, Field, Message, Place, Table};
use crate::time::WireTime;
use crate::wire::{Payload, Reader, WireError};
use crate::{DEPTH_LIMIT, DecodeError};

type Object = Map<String, Value>;

/// Reads `bytes` as a `message`, `depth` messages below the outermost, and adds its fields to `object`.
pub(crate) fn read(
    message: &'static Message,
    bytes: &[u8],
    depth: usize,
    object: &mut Object,
) -> Result<(), DecodeError> {
    if depth >= DEPTH_LIMIT {
        return Err(DecodeError::TooDeep { message: message.name });
    }
    let mut reader = Reader::new(bytes);
    while let Some((number, payload)) = reader.field().map_err(|fault| wire(message, fault))? {
        if let Some(field) = message.field(number) {
            Scope { message, field, depth }.add(payload, object)?;
        }
    }
    Ok(())
}

fn wire(message: &'static Message, fault: WireError) -> DecodeError {
    DecodeError::Wire { message: message.name, fault }
}

/// A field of a message at a depth.
#[derive(Clone, Copy)]
struct Scope {
    message: &'static Message,
    field: &'static Field,
    depth: usize,
}

impl Scope {
    /// Adds one occurrence of the field to the object of its message.
    fn add(self, payload: Payload<'_>, object: &mut Object) -> Result<(), DecodeError> {
        let name = self.field.name;
        match self.field.place {
            Place::Inline => return self.inline(payload, object),
            Place::List => {
                let list = object.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                return if let Value::Array(list) = list {
                    self.elements(payload, list)
                } else {
                    Ok(())
                };
            }
            Place::Map => {
                let map = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
                return if let Value::Object(map) = map {
                    self.entry(payload, map)
                } else {
                    Ok(())
                };
            }
            Place::One | Place::Pointer => {}
        }
        let earlier = object.remove(name).unwrap_or_default();
        let value = self.value(payload, earlier)?;
        if !value.is_null() && (self.field.place == Place::Pointer || !is_zero(&value)) {
            object.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn inline(self, payload: Payload<'_>, object: &mut Object) -> Result<(), DecodeError> {
        let Some(inner) = self.inner() else { return Ok(()) };
        read(inner, self.bytes(payload)?, self.depth + 1, object)
    }

    /// The message that the field holds.
    fn inner(self) -> Option<&'static Message> {
        let Content::Message(index) = self.field.content else { return None };
        Table::kubernetes().message(index)
    }

    /// Numbers may come one by one or packed together.
    fn elements(self, payload: Payload<'_>, list: &mut Vec<Value>) -> Result<(), DecodeError> {
        let (Content::Int | Content::Bool, Payload::Bytes(bytes)) = (self.field.content, payload)
        else {
            list.push(self.value(payload, Value::Null)?);
            return Ok(());
        };
        let mut reader = Reader::new(bytes);
        while let Some(number) = self.checked(reader.packed())? {
            list.push(self.value(number, Value::Null)?);
        }
        Ok(())
    }

    /// An entry of a map is a message of a key and a value; what it has not is zero.
    fn entry(self, payload: Payload<'_>, map: &mut Object) -> Result<(), DecodeError> {
        let mut reader = Reader::new(self.bytes(payload)?);
        let (mut key, mut value) = (String::new(), self.zero());
        while let Some((number, payload)) = self.checked(reader.field())? {
            match number {
                1 => key = self.text(payload)?,
                2 => value = payload,
                _ => {}
            }
        }
        map.insert(key, self.value(value, Value::Null)?);
        Ok(())
    }

    fn zero(self) -> Payload<'static> {
        match self.field.content {
            Content::Int | Content::Bool => Payload::Varint(0),
            Content::Double => Payload::Fixed64(0),
            _ => Payload::Bytes(&[]),
        }
    }

    /// The JSON value of one occurrence. A message that comes again is merged into the `earlier` one.
    fn value(self, payload: Payload<'_>, earlier: Value) -> Result<Value, DecodeError> {
        let number = self.field.number;
        Ok(match self.field.content {
            Content::Text => Value::String(self.text(payload)?),
            Content::Bool => Value::Bool(self.checked(payload.varint(number))? != 0),
            Content::Int => Value::from(self.checked(payload.signed(number))?),
            Content::Double => double(self.checked(payload.double(number))?),
            Content::Bytes => Value::String(STANDARD.encode(self.bytes(payload)?)),
            Content::Json => self.json(payload)?,
            Content::Time => self.time(payload, WireTime::whole_seconds)?,
            Content::MicroTime => self.time(payload, WireTime::microseconds)?,
            Content::IntOrString => self.int_or_string(payload)?,
            Content::Message(_) => self.nested(payload, earlier)?,
        })
    }

    fn nested(self, payload: Payload<'_>, earlier: Value) -> Result<Value, DecodeError> {
        let Some(inner) = self.inner() else { return Ok(Value::Null) };
        let bytes = self.bytes(payload)?;
        if let Some(default) = &inner.choice {
            let mut fields = Object::new();
            read(inner, bytes, self.depth + 1, &mut fields)?;
            let chosen = inner.fields.iter().rev().find_map(|field| fields.remove(field.name));
            return Ok(chosen.unwrap_or_else(|| default.clone()));
        }
        let mut object = if let Value::Object(object) = earlier { object } else { Object::new() };
        read(inner, bytes, self.depth + 1, &mut object)?;
        Ok(Value::Object(object))
    }

    fn json(self, payload: Payload<'_>) -> Result<Value, DecodeError> {
        let bytes = self.bytes(payload)?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(bytes).map_err(|error| DecodeError::Json {
            message: self.message.name,
            field: self.field.name,
            line: error.line(),
            column: error.column(),
        })
    }

    fn time(
        self,
        payload: Payload<'_>,
        text: fn(WireTime) -> Option<Value>,
    ) -> Result<Value, DecodeError> {
        let Some(time) = self.checked(WireTime::read(self.bytes(payload)?))? else {
            return Ok(Value::Null);
        };
        text(time).ok_or(DecodeError::Time {
            message: self.message.name,
            field: self.field.name,
            seconds: time.seconds,
            nanoseconds: time.nanoseconds,
        })
    }

    fn int_or_string(self, payload: Payload<'_>) -> Result<Value, DecodeError> {
        let mut reader = Reader::new(self.bytes(payload)?);
        let (mut form, mut number, mut text) = (0, 0, String::new());
        while let Some((field, payload)) = self.checked(reader.field())? {
            match field {
                1 => form = self.checked(payload.varint(field))?,
                2 => number = self.checked(payload.signed(field))?,
                3 => text = self.text(payload)?,
                _ => {}
            }
        }
        match form {
            0 => Ok(Value::from(number)),
            1 => Ok(Value::String(text)),
            found => Err(DecodeError::IntOrString {
                message: self.message.name,
                field: self.field.name,
                found,
            }),
        }
    }

    fn text(self, payload: Payload<'_>) -> Result<String, DecodeError> {
        let text = str::from_utf8(self.bytes(payload)?);
        text.map(str::to_owned)
            .map_err(|_| DecodeError::Text { message: self.message.name, field: self.field.name })
    }

    fn bytes(self, payload: Payload<'_>) -> Result<&[u8], DecodeError> {
        self.checked(payload.bytes(self.field.number))
    }

    fn checked<T>(self, read: Result<T, WireError>) -> Result<T, DecodeError> {
        read.map_err(|fault| wire(self.message, fault))
    }
}

/// Go writes a whole number without a point. JSON has no infinity and no NaN: those are null.
fn double(value: f64) -> Value {
    /// Every whole number below has a `f64` of its own.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[allow(clippy::cast_possible_truncation)] // checked above
        return Value::from(value as i64);
    }
    Value::from(value)
}

/// What Go's `omitempty` leaves out, and an empty object.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}
