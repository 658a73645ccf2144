//! Values in text as the Go programs of Kubernetes print them, for messages that must read like the real server's.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// A number as Kubernetes decodes it: whole numbers that fit into 64 signed bits, all others as floating point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decoded {
    /// An `int64`.
    Whole(i64),
    /// A `float64`.
    Float(f64),
}

impl Decoded {
    /// Decodes a JSON number.
    pub fn of(number: &Number) -> Self {
        match number.as_i64() {
            Some(whole) => Self::Whole(whole),
            None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    /// The number as floating point, rounded where it has more than 53 bits.
    #[allow(clippy::cast_precision_loss)] // Kubernetes compares whole numbers with fractions in the same lossy way
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Float(float) => float,
        }
    }
}

/// A value as an error shows it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Number(number) => plain_number(number),
        other => json(other),
    }
}

fn plain_number(number: &Number) -> String {
    match Decoded::of(number) {
        Decoded::Whole(whole) => whole.to_string(),
        Decoded::Float(float) => general(float),
    }
}

/// `%q` (`strconv.Quote`): double quotes, with escapes for what cannot be printed.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        push_letter(&mut quoted, letter);
    }
    quoted.push('"');
    quoted
}

/// `%q` of a `[]string`: `["a" "b"]`.
pub fn quoted_list<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(" "))
}

fn push_letter(quoted: &mut String, letter: char) {
    match letter {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\x07' => quoted.push_str("\\a"),
        '\x08' => quoted.push_str("\\b"),
        '\x0c' => quoted.push_str("\\f"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        '\x0b' => quoted.push_str("\\v"),
        ' '..='~' => quoted.push(letter),
        // Writing to a String does not fail.
        '\0'..='\x7f' => drop(write!(quoted, "\\x{:02x}", u32::from(letter))),
        _ if is_printable(letter) => quoted.push(letter),
        '\u{80}'..='\u{ffff}' => drop(write!(quoted, "\\u{:04x}", u32::from(letter))),
        _ => drop(write!(quoted, "\\U{:08x}", u32::from(letter))),
    }
}

/// `strconv.IsPrint`: letters, marks, numbers, punctuation and symbols. Rust's own escaping knows them, of a newer
/// Unicode than Go 1.26 (15.0), which escapes what was added since. A mark is only escaped at the beginning of a text.
fn is_printable(letter: char) -> bool {
    format!("a{letter}").escape_debug().count() == 2
}

/// `%v` of a `float64`.
pub fn general(float: f64) -> String {
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
pub fn json(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(['<', '>', '&']) {
        return text;
    }
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// A scalar as `encoding/json` writes it: no fraction where there is none.
pub fn scalar(value: &Value) -> String {
    match value.as_f64() {
        Some(float) if value.is_f64() && float.fract() == 0.0 && float.abs() < 1e21 => {
            format!("{float:.0}")
        }
        _ => value.to_string(),
    }
}

/// `%v` of decoded JSON: `map[a:1 b:[x y]]`, keys sorted.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => plain_number(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" "))
        }
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by(|left, right| left.0.cmp(right.0));
            let pairs: Vec<_> =
                pairs.into_iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}

/// `%T` of decoded JSON.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// The kind of a JSON value as Go's decoder names it.
pub const fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// `supported values: "a", "b"`; empty without any.
pub fn supported<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = values.into_iter().map(|value| quoted(value.as_ref())).collect();
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

    /// What `strconv.Quote` of Go 1.26 answers.
    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        let cases = [
            ("a\"b\\c'", r#""a\"b\\c'""#),
            ("\u{7}\u{8}\t\n\u{b}\u{c}\r", r#""\a\b\t\n\v\f\r""#),
            ("\0\u{1b}\u{7f}", r#""\x00\x1b\x7f""#),
            ("ä é 中 \u{1f600}", "\"ä é 中 \u{1f600}\""),
            ("\u{85}\u{a0}\u{ad}\u{2003}", r#""\u0085\u00a0\u00ad\u2003""#),
            ("\u{200b}\u{200d}\u{202e}\u{2028}\u{feff}", r#""\u200b\u200d\u202e\u2028\ufeff""#),
            ("\u{301}e\u{301}\u{fe0f}", "\"\u{301}e\u{301}\u{fe0f}\""),
            ("\u{378}\u{e000}\u{fffd}\u{ffff}", "\"\\u0378\\ue000\u{fffd}\\uffff\""),
            ("\u{e0001}\u{10ffff}", r#""\U000e0001\U0010ffff""#),
        ];
        for (text, expected) in cases {
            assert_eq!(quoted(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_list_is_quoted_entry_by_entry() {
        assert_eq!(quoted_list(&["a", "b"]), r#"["a" "b"]"#);
        assert_eq!(quoted_list::<&str>(&[]), "[]");
    }

    #[test]
    fn markup_in_json_is_escaped() {
        assert_eq!(json(&json!({"a": "<&>"})), "{\"a\":\"\\u003c\\u0026\\u003e\"}");
    }

    #[test]
    fn decoded_json_is_printed_as_maps_and_lists() {
        let value = json!({"b": ["x", 1, null, true], "a": {"c": 2.0, "d": 1_234_567.0}});
        assert_eq!(plain(&value), "map[a:map[c:2 d:1.234567e+06] b:[x 1 <nil> true]]");
    }

    #[test]
    fn supported_values_are_quoted() {
        assert_eq!(supported(["a", "1"]), "supported values: \"a\", \"1\"");
        assert_eq!(supported::<&str>([]), "");
    }
}
