//! Literals that are numbers.

use super::{Read, Unreadable};
use crate::syntax::Literal;

/// The number that the text begins with, if it begins with one.
pub(super) fn literal(text: &str) -> Option<Result<Read, Unreadable>> {
    let fraction = text.strip_prefix('.').unwrap_or(text);
    fraction.starts_with(|c: char| c.is_ascii_digit()).then(|| number(text))
}

fn number(text: &str) -> Result<Read, Unreadable> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let length = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        return integer(&text[2..], length, 16).map(|(literal, length)| (literal, length + 2));
    }
    let whole = digits(text, 0);
    let length = exponent(text, fraction(text, whole));
    if length == whole {
        return integer(text, whole, 10);
    }
    let number = text[..length].parse().map_err(|_| invalid("double"))?;
    Ok((Literal::Double(number), length))
}

/// How many digits stand from there on.
fn digits(text: &str, from: usize) -> usize {
    text.bytes().skip(from).take_while(u8::is_ascii_digit).count()
}

/// Where the fraction ends that may follow.
fn fraction(text: &str, at: usize) -> usize {
    let digits = digits(text, at + 1);
    if text[at..].starts_with('.') && digits > 0 { at + 1 + digits } else { at }
}

/// Where the exponent ends that may follow.
fn exponent(text: &str, at: usize) -> usize {
    if !text[at..].starts_with(['e', 'E']) {
        return at;
    }
    let sign = usize::from(text[at + 1..].starts_with(['+', '-']));
    match digits(text, at + 1 + sign) {
        0 => at,
        digits => at + 1 + sign + digits,
    }
}

fn integer(text: &str, length: usize, radix: u32) -> Result<Read, Unreadable> {
    let (digits, rest) = text.split_at(length);
    if rest.starts_with(['u', 'U']) {
        let number = u64::from_str_radix(digits, radix).map_err(|_| invalid("uint"))?;
        return Ok((Literal::Uint(number), length + 1));
    }
    let number = match i64::from_str_radix(digits, radix) {
        Ok(number) => number,
        // The magnitude of the smallest integer, which only a minus makes one.
        Err(_) if u64::from_str_radix(digits, radix) == Ok(1 << 63) => i64::MIN,
        Err(_) => return Err(invalid("int")),
    };
    Ok((Literal::Int(number), length))
}

fn invalid(kind: &str) -> Unreadable {
    (0, format!("invalid {kind} literal"))
}
