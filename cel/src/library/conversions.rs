//! Conversions between types (CEL specification, "Standard Definitions").

use std::rc::Rc;
use std::str::FromStr;

use jiff::Timestamp;

use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::text::shown;
use crate::times::{parse_duration, parse_timestamp};
use crate::value::{Outcome, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global(
        "int",
        "int -> int; uint -> int; double -> int; string -> int; timestamp -> int",
        int,
    ),
    Function::global("uint", "uint -> uint; int -> uint; double -> uint; string -> uint", uint),
    Function::global(
        "double",
        "double -> double; int -> double; uint -> double; string -> double",
        double,
    ),
    Function::global("bool", "bool -> bool; string -> bool", bool),
    Function::global(
        "string",
        "string -> string; bool -> string; int -> string; uint -> string; double -> string; \
         bytes -> string; timestamp -> string; duration -> string",
        string,
    ),
    Function::global("bytes", "bytes -> bytes; string -> bytes", bytes),
    Function::global(
        "timestamp",
        "timestamp -> timestamp; string -> timestamp; int -> timestamp",
        timestamp,
    )
    .checking(|text| parse_timestamp(text).is_some()),
    Function::global(
        "duration",
        "duration -> duration; string -> duration; int -> duration",
        duration,
    )
    .checking(|text| parse_duration(text).is_some()),
];

fn int<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let overflow = || Fault::new("integer overflow");
    let number = match &call.values[0] {
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

fn uint<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let overflow = || Fault::new("unsigned integer overflow");
    let number = match &call.values[0] {
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

fn double<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    #[allow(clippy::cast_precision_loss)]
    let number = match &call.values[0] {
        Value::Double(number) => *number,
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::String(digits) => parsed(digits.as_str(), "double")?,
        _ => return Err(Fault::overload()),
    };
    Ok(Value::Double(number))
}

fn parsed<T: FromStr>(digits: &str, kind: &str) -> Result<T, Fault> {
    T::from_str(digits).map_err(|_| unconvertible(kind))
}

fn unconvertible(kind: &str) -> Fault {
    Fault::new(format!("type conversion error from 'string' to '{kind}'"))
}

fn bool<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    match &call.values[0] {
        Value::Bool(flag) => Ok(Value::Bool(*flag)),
        Value::String(word) => match word.as_str() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
            _ => Err(unconvertible("bool")),
        },
        _ => Err(Fault::overload()),
    }
}

fn bytes<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    match &call.values[0] {
        Value::String(text) => {
            call.budget.take_bytes(text.as_str().len())?;
            Ok(Value::Bytes(Rc::from(text.as_str().as_bytes())))
        }
        value @ Value::Bytes(_) => Ok(value.clone()),
        _ => Err(Fault::overload()),
    }
}

fn string<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    match &call.values[0] {
        value @ Value::String(_) => Ok(value.clone()),
        Value::Bytes(bytes) => {
            call.budget.take_bytes(bytes.len())?;
            let text = std::str::from_utf8(bytes)
                .map_err(|_| Fault::new("invalid UTF-8 in bytes, cannot convert to string"))?;
            Ok(Value::made(text))
        }
        value @ (Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::Timestamp(_)
        | Value::Duration(_)) => Ok(Value::made(shown(value))),
        _ => Err(Fault::overload()),
    }
}

fn timestamp<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let time = match &call.values[0] {
        Value::Timestamp(time) => Some(*time),
        Value::Int(seconds) => Timestamp::from_second(*seconds).ok(),
        Value::String(text) => parse_timestamp(text.as_str()),
        _ => return Err(Fault::overload()),
    };
    time.map(Value::Timestamp).ok_or_else(|| unconvertible("google.protobuf.Timestamp"))
}

fn duration<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let nanoseconds = match &call.values[0] {
        Value::Duration(nanoseconds) | Value::Int(nanoseconds) => Some(*nanoseconds),
        Value::String(text) => parse_duration(text.as_str()),
        _ => return Err(Fault::overload()),
    };
    nanoseconds.map(Value::Duration).ok_or_else(|| unconvertible("google.protobuf.Duration"))
}
