//! Values as text.

use std::fmt;

use crate::go_text::general;
use crate::times;
use crate::value::{Text, Value};

impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shown(self))
    }
}

/// A value in words, for messages.
pub fn shown(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Uint(number) => number.to_string(),
        Value::Double(number) => general(*number),
        Value::String(Text::Borrowed(text)) => (*text).to_owned(),
        Value::String(Text::Made(text)) => text.to_string(),
        Value::Timestamp(time) => times::timestamp_text(*time),
        Value::Duration(nanoseconds) => times::duration_text(*nanoseconds),
        other => other.type_name().to_owned(),
    }
}
