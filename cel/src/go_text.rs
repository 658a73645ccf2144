//! Texts and numbers as Go prints them, for messages that must read like the real server's.

use std::fmt::Write as _;

/// `%q` (`strconv.Quote`): double quotes, with escapes for what cannot be printed.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        push_letter(&mut quoted, letter);
    }
    quoted.push('"');
    quoted
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

/// `strconv.IsPrint`. Rust's own escaping knows what can be printed; it escapes a mark only at the beginning of a text.
fn is_printable(letter: char) -> bool {
    format!("a{letter}").escape_debug().count() == 2
}

/// `%g` with the fewest digits.
pub(crate) fn general(number: f64) -> String {
    if !number.is_finite() {
        return not_finite(number).to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// `NaN`, `+Inf` or `-Inf`.
pub(crate) const fn not_finite(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        assert_eq!(quoted("a\"b\\c'\n"), r#""a\"b\\c'\n""#);
        assert_eq!(quoted("\0\u{7f}é\u{200b}"), "\"\\x00\\x7fé\\u200b\"");
        assert_eq!(quoted("\u{301}\u{e0001}"), "\"\u{301}\\U000e0001\"");
    }

    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let cases = [(1.5, "1.5"), (1e-5, "1e-05"), (123_456.0, "123456"), (1e6, "1e+06")];
        for (number, text) in cases {
            assert_eq!(general(number), text);
        }
        assert_eq!(general(f64::NEG_INFINITY), "-Inf");
    }
}
