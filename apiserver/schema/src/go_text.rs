//! Values in text as the Go programs of Kubernetes print them.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// A number as Kubernetes decodes it: whole numbers that fit into 64 signed bits, all others as floating point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decoded {
    Whole(i64),
    Float(f64),
}

impl Decoded {
    pub(crate) fn of(number: &Number) -> Self {
        match number.as_i64() {
            Some(whole) => Self::Whole(whole),
            None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    #[allow(clippy::cast_precision_loss)] // Kubernetes compares whole numbers with fractions in the same lossy way
    pub(crate) fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

/// A value as an error shows it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Number(number) => match Decoded::of(number) {
            Decoded::Whole(whole) => whole.to_string(),
            Decoded::Float(float) => general(float),
        },
        other => json(other),
    }
}

/// `strconv.Quote`.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        push_quoted(&mut quoted, character);
    }
    quoted.push('"');
    quoted
}

fn push_quoted(text: &mut String, character: char) {
    match character {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\u{7}' => text.push_str("\\a"),
        '\u{8}' => text.push_str("\\b"),
        '\u{c}' => text.push_str("\\f"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        '\u{b}' => text.push_str("\\v"),
        control if control.is_ascii_control() => push_escape(text, "\\x", control, 2),
        hidden
            if hidden != ' '
                && (hidden.is_control() || hidden.is_whitespace() || is_format(hidden)) =>
        {
            if u32::from(hidden) < 0x1_0000 {
                push_escape(text, "\\u", hidden, 4);
            } else {
                push_escape(text, "\\U", hidden, 8);
            }
        }
        plain => text.push(plain),
    }
}

/// Characters of the category "format" that are met in practice.
fn is_format(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn push_escape(text: &mut String, prefix: &str, character: char, digits: usize) {
    let _ = write!(text, "{prefix}{:0digits$x}", u32::from(character));
}

/// `%v` of a `float64`.
pub(crate) fn general(float: f64) -> String {
    if !float.is_finite() {
        return if float.is_nan() {
            "NaN".to_owned()
        } else {
            format!("{}Inf", if float > 0.0 { '+' } else { '-' })
        };
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// JSON as `encoding/json` writes it: keys in order, `<`, `>` and `&` escaped.
pub(crate) fn json(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(['<', '>', '&']) {
        return text;
    }
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// `supported values: "a", "b"`.
pub(crate) fn supported<'a>(values: impl IntoIterator<Item = &'a Value>) -> String {
    let words: Vec<String> = values
        .into_iter()
        .map(|value| value.as_str().map_or_else(|| quoted(&json(value)), quoted))
        .collect();
    if words.is_empty() { String::new() } else { format!("supported values: {}", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn floats_are_printed_as_go_prints_them() {
        let cases = [
            (1.5, "1.5"),
            (10.0, "10"),
            (0.00001, "1e-05"),
            (1e6, "1e+06"),
            (123_456.0, "123456"),
            (-2.5, "-2.5"),
        ];
        for (float, text) in cases {
            assert_eq!(general(float), text);
        }
    }

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        assert_eq!(quoted("a\"\\\n\u{1}ä\u{a0}"), "\"a\\\"\\\\\\n\\x01ä\\u00a0\"");
    }

    #[test]
    fn markup_in_json_is_escaped() {
        assert_eq!(json(&json!({"a": "<&>"})), "{\"a\":\"\\u003c\\u0026\\u003e\"}");
    }

    #[test]
    fn supported_values_are_quoted() {
        assert_eq!(supported(&[json!("a"), json!(1)]), "supported values: \"a\", \"1\"");
    }
}
