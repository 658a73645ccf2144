//! One place of a format, and how a value is written there.

use std::fmt::Write as _;

use crate::budget::Budget;
use crate::entries::{list_entries, materialised};
use crate::fault::Fault;
use crate::go_text::{not_finite, quoted};
use crate::text::shown;
use crate::value::Value;

/// Digits after the point where a clause does not say how many.
const PRECISION: usize = 6;

/// How a value is written.
#[derive(Clone, Copy)]
pub(super) enum Clause {
    Text,
    Decimal,
    Fixed(Option<usize>),
    /// The real server takes the precision for a width.
    Scientific(Option<usize>),
    Binary,
    Hexadecimal {
        upper: bool,
    },
    Octal,
}

impl Clause {
    pub(super) fn written(self, budget: &Budget, value: &Value<'_>) -> Result<String, Fault> {
        match self {
            Self::Text => text(budget, value),
            Self::Decimal => decimal(value),
            Self::Fixed(precision) => {
                Ok(fixed(number(value, "fixed-point")?, precision.unwrap_or(PRECISION)))
            }
            Self::Scientific(width) => {
                let text = scientific(number(value, "scientific")?);
                Ok(format!("{text:>0$}", width.unwrap_or(PRECISION)))
            }
            Self::Binary => binary(value),
            Self::Hexadecimal { upper } => {
                let text = hexadecimal(value)?;
                Ok(if upper { text.to_ascii_uppercase() } else { text })
            }
            Self::Octal => octal(value),
        }
    }
}

fn refused(rule: &str, value: &Value<'_>) -> Fault {
    Fault::new(format!("{rule}, was given {}", value.type_name()))
}

fn text(budget: &Budget, value: &Value<'_>) -> Result<String, Fault> {
    match value {
        Value::Type(name) => Ok(name.to_string()),
        Value::Double(number) => Ok(shown(&Value::Double(*number))),
        Value::Timestamp(_) | Value::Duration(_) => Ok(shown(value)),
        Value::Opaque(_) | Value::Optional(_) | Value::Variables | Value::Broken(_) => {
            let rule = "string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, \
                        durations, and timestamps";
            Err(refused(rule, value))
        }
        _ => part(budget, value, false),
    }
}

/// A value within a list or map, where texts are quoted and times say what they are.
fn part(budget: &Budget, value: &Value<'_>, within: bool) -> Result<String, Fault> {
    budget.take(1)?;
    Ok(match value {
        Value::String(text) if within => quoted(text.as_str()),
        Value::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| {
                let why = "\"invalid UTF-8 in bytes, cannot convert to string\"";
                Fault::new(format!("could not convert argument {why} to string"))
            })?;
            if within { format!("b{}", quoted(text)) } else { text.to_owned() }
        }
        Value::Double(number) if number.is_finite() => format!("{number:.6}"),
        Value::Double(number) => quoted(not_finite(*number)),
        Value::Timestamp(_) => format!("timestamp({})", quoted(&shown(value))),
        Value::Duration(_) => format!("duration({})", quoted(&shown(value))),
        Value::Type(name) => name.to_string(),
        Value::JsonList(..) | Value::List(_) => list(budget, value)?,
        Value::JsonMap(..) | Value::Map(_) => map(budget, value)?,
        Value::Opaque(_) | Value::Optional(_) | Value::Variables | Value::Broken(_) => {
            return Err(Fault::new(format!("no formatting function for {}", value.type_name())));
        }
        _ => shown(value),
    })
}

fn list(budget: &Budget, list: &Value<'_>) -> Result<String, Fault> {
    let entries = list_entries(list).unwrap_or_default();
    let parts = entries.iter().map(|entry| part(budget, entry, true));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    Ok(format!("[{}]", parts.join(", ")))
}

fn map(budget: &Budget, map: &Value<'_>) -> Result<String, Fault> {
    let Value::Map(entries) = materialised(budget, map.clone())? else {
        return Err(Fault::overload());
    };
    let mut parts = Vec::with_capacity(entries.len());
    for (key, value) in entries.iter() {
        if !matches!(key, Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Uint(_)) {
            let kind = key.type_name();
            return Err(Fault::new(format!("no formatting function for map key of type {kind}")));
        }
        parts.push((part(budget, key, true)?, part(budget, value, true)?));
    }
    parts.sort_by(|one, other| one.0.cmp(&other.0));
    let parts: Vec<_> = parts.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    Ok(format!("{{{}}}", parts.join(", ")))
}

fn decimal(value: &Value<'_>) -> Result<String, Fault> {
    match value {
        Value::Int(_) | Value::Uint(_) => Ok(shown(value)),
        _ => Err(refused("decimal clause can only be used on integers", value)),
    }
}

fn number(value: &Value<'_>, clause: &str) -> Result<f64, Fault> {
    match value {
        Value::Double(number) => Ok(*number),
        Value::String(text) => match text.as_str() {
            "NaN" => Ok(f64::NAN),
            "Infinity" => Ok(f64::INFINITY),
            "-Infinity" => Ok(f64::NEG_INFINITY),
            _ => Err(refused(&format!("{clause} clause can only be used on doubles"), value)),
        },
        _ => Err(refused(&format!("{clause} clause can only be used on doubles"), value)),
    }
}

/// As the English locale writes it: `1,234.50`, `∞`.
fn fixed(number: f64, precision: usize) -> String {
    if !number.is_finite() {
        return localized(number).to_owned();
    }
    let text = format!("{:.precision$}", number.abs());
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let sign = if number < 0.0 { "-" } else { "" };
    let mut grouped = String::from(sign);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + fraction
}

/// As the English locale writes it: `1.500000×10⁻¹⁰`.
fn scientific(number: f64) -> String {
    if !number.is_finite() {
        return localized(number).to_owned();
    }
    let number = if number == 0.0 { 0.0 } else { number };
    let text = format!("{number:.PRECISION$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ("⁻", exponent),
        None => ("", exponent),
    };
    let raised = |digit: char| match digit {
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    };
    let exponent: String = format!("{exponent:0>2}").chars().map(raised).collect();
    format!("{digits}×10{sign}{exponent}")
}

const fn localized(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "∞"
    } else {
        "-∞"
    }
}

/// The sign and the magnitude of an integer.
fn magnitude(value: &Value<'_>) -> Option<(&'static str, u64)> {
    match value {
        Value::Int(number) => Some((if *number < 0 { "-" } else { "" }, number.unsigned_abs())),
        Value::Uint(number) => Some(("", *number)),
        _ => None,
    }
}

fn binary(value: &Value<'_>) -> Result<String, Fault> {
    match (value, magnitude(value)) {
        (Value::Bool(flag), _) => Ok(u8::from(*flag).to_string()),
        (_, Some((sign, magnitude))) => Ok(format!("{sign}{magnitude:b}")),
        _ => Err(refused("only integers and bools can be formatted as binary", value)),
    }
}

fn octal(value: &Value<'_>) -> Result<String, Fault> {
    match magnitude(value) {
        Some((sign, magnitude)) => Ok(format!("{sign}{magnitude:o}")),
        None => Err(refused("octal clause can only be used on integers", value)),
    }
}

fn hexadecimal(value: &Value<'_>) -> Result<String, Fault> {
    let bytes = match value {
        Value::String(text) => text.as_str().as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ => {
            let rule = "only integers, byte buffers, and strings can be formatted as hex";
            let (sign, magnitude) = magnitude(value).ok_or_else(|| refused(rule, value))?;
            return Ok(format!("{sign}{magnitude:x}"));
        }
    };
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
