//! Strings as Go's `%q` writes them, for messages that must read like the real server's.

use std::fmt::Write;

/// `strconv.Quote`: double quotes, with escapes for what can not be printed.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        push_letter(&mut quoted, letter);
    }
    quoted.push('"');
    quoted
}

/// `%q` of a `[]string`: `["a" "b"]`.
pub(crate) fn quoted_list<T: AsRef<str>>(texts: &[T]) -> String {
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

/// Rust's own escaping knows which letters can be printed.
fn is_printable(letter: char) -> bool {
    !letter.is_whitespace() && letter.escape_debug().len() == 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn text_is_quoted_as_go_does() {
        assert_eq!(quoted("a\"b\\c"), r#""a\"b\\c""#);
        assert_eq!(quoted("\n\x1b\x7f\0'"), r#""\n\x1b\x7f\x00'""#);
        assert_eq!(quoted("é\u{85}\u{a0}"), "\"é\\u0085\\u00a0\"");
        assert_eq!(quoted_list(&["a", "b"]), r#"["a" "b"]"#);
        assert_eq!(quoted_list::<&str>(&[]), "[]");
    }
}
