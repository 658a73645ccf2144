//! Numbers and codes.

use std::sync::LazyLock;

use regex::Regex;

type Compiled = LazyLock<Option<Regex>>;

fn matches(pattern: &Compiled, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

/// 24 hexadecimal digits.
pub(super) fn is_bson_object_id(text: &str) -> bool {
    text.len() == 24 && is_hexadecimal(text)
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Standard base64 with padding; the empty string is none.
pub(super) fn is_base64(text: &str) -> bool {
    let bytes = text.as_bytes();
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    !bytes.is_empty()
        && bytes.len().is_multiple_of(4)
        && padding <= 2
        && bytes[..bytes.len() - padding].iter().all(digit)
}

/// A UUID of any or of the given version; hyphens may be missing. Versions 4 and 5 have the variant of RFC 9562.
pub(super) fn is_uuid(text: &str, version: Option<char>) -> bool {
    let mut rest = text;
    for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some((group, after)) = rest.split_at_checked(length) else { return false };
        let marked = match (index, version) {
            (2, Some(version)) => group.starts_with(version),
            (3, Some('4' | '5')) => group.starts_with(['8', '9', 'a', 'b', 'A', 'B']),
            _ => true,
        };
        if !marked || !is_hexadecimal(group) {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

fn without_spaces_and_hyphens(text: &str) -> Vec<u8> {
    text.bytes()
        .filter(|byte| !matches!(byte, b'\t' | b'\n' | 0x0c | b'\r' | b' ' | b'-'))
        .collect()
}

fn digit(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0'))
}

pub(super) fn is_isbn10(text: &str) -> bool {
    let code = without_spaces_and_hyphens(text);
    let Some((last, digits)) = code.split_last().filter(|_| code.len() == 10) else { return false };
    if !digits.iter().all(u8::is_ascii_digit) || !(last.is_ascii_digit() || *last == b'X') {
        return false;
    }
    let check = if *last == b'X' { 10 } else { digit(*last) };
    let sum: u32 = digits.iter().zip(1..).map(|(byte, weight)| weight * digit(*byte)).sum();
    (sum + 10 * check).is_multiple_of(11)
}

pub(super) fn is_isbn13(text: &str) -> bool {
    let code = without_spaces_and_hyphens(text);
    if code.len() != 13 || !code.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = code[..12]
        .iter()
        .zip([1, 3].into_iter().cycle())
        .map(|(byte, weight)| weight * digit(*byte))
        .sum();
    digit(code[12]) == (10 - sum % 10) % 10
}

/// The number of a known card issuer with a right check digit; everything but digits is ignored.
pub(super) fn is_credit_card(text: &str) -> bool {
    static ISSUERS: Compiled = LazyLock::new(|| {
        Regex::new(concat!(
            "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}",
            "|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11})$"
        ))
        .ok()
    });
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let weighed = |(index, byte): (usize, u8)| match (index % 2, digit(byte)) {
        (0, digit) => digit,
        (_, digit) => digit * 2 / 10 + digit * 2 % 10,
    };
    matches(&ISSUERS, &digits)
        && digits.bytes().rev().enumerate().map(weighed).sum::<u32>().is_multiple_of(10)
}

pub(super) fn is_social_security_number(text: &str) -> bool {
    static PATTERN: Compiled =
        LazyLock::new(|| Regex::new("^[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}$").ok());
    matches(&PATTERN, text)
}

pub(super) fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && is_hexadecimal(digits)
}

pub(super) fn is_rgb_color(text: &str) -> bool {
    static PATTERN: Compiled = LazyLock::new(|| {
        let part = r"[\t\n\f\r ]*(?:0|[1-9][0-9]?|1[0-9][0-9]?|2[0-4][0-9]|25[0-5])[\t\n\f\r ]*";
        Regex::new(&format!(r"^rgb\({part},{part},{part}\)$")).ok()
    });
    matches(&PATTERN, text)
}
