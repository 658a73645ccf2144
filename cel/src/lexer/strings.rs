//! Literals that are texts or bytes.

use std::sync::Arc;

use super::{Read, Unreadable};
use crate::syntax::Literal;

/// The text or the bytes that the text begins with, if it begins with some.
pub(super) fn literal(text: &str) -> Option<Result<Read, Unreadable>> {
    let Prefix { raw, bytes, length } = Prefix::read(text)?;
    let read = quoted(&text[length..], raw, bytes);
    Some(match read {
        Ok((literal, body)) => Ok((literal, length + body)),
        Err((after, message)) => Err((length + after, message)),
    })
}

/// What stands before the quote.
struct Prefix {
    raw: bool,
    bytes: bool,
    length: usize,
}

impl Prefix {
    fn read(text: &str) -> Option<Self> {
        let length = text.bytes().take(3).position(|byte| matches!(byte, b'"' | b'\''))?;
        let mut prefix = Self { raw: false, bytes: false, length };
        for letter in text[..length].chars() {
            match letter {
                'r' | 'R' if !prefix.raw => prefix.raw = true,
                'b' | 'B' if !prefix.bytes => prefix.bytes = true,
                _ => return None,
            }
        }
        Some(prefix)
    }
}

fn quoted(text: &str, raw: bool, bytes: bool) -> Result<Read, Unreadable> {
    let single = &text[..1];
    let triple = text.starts_with(&single.repeat(3));
    let quote = if triple { &text[..3] } else { single };
    let body = &text[quote.len()..];
    let length = closed(body, quote, raw).map_err(|length| {
        (0, format!("token recognition error at: '{}'", &text[..quote.len() + length]))
    })?;
    let body = &body[..length];
    let content = if raw { body.as_bytes().to_vec() } else { unescaped(body, bytes)? };
    let length = length + 2 * quote.len();
    if bytes {
        return Ok((Literal::Bytes(Arc::from(content)), length));
    }
    let text = String::from_utf8(content)
        .map_err(|_| (0, "invalid UTF-8 in string literal".to_owned()))?;
    Ok((Literal::String(Arc::from(text)), length))
}

/// Where the closing quote stands, or where the text ends without one.
fn closed(body: &str, quote: &str, raw: bool) -> Result<usize, usize> {
    let mut length = 0;
    loop {
        let rest = &body[length..];
        if rest.starts_with(quote) {
            return Ok(length);
        }
        let ends = |c: char| quote.len() == 1 && matches!(c, '\n' | '\r');
        let character = rest.chars().next().filter(|c| !ends(*c)).ok_or(length)?;
        length += character.len_utf8();
        if character == '\\' && !raw {
            length += body[length..].chars().next().map_or(0, char::len_utf8);
        }
    }
}

fn unescaped(text: &str, bytes: bool) -> Result<Vec<u8>, Unreadable> {
    let fault = || (0, "invalid escape sequence".to_owned());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..position]);
        let escape = &rest[position + 1..];
        let letter = escape.chars().next().ok_or_else(fault)?;
        rest = &escape[letter.len_utf8()..];
        let simple = match letter {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' | '\'' | '"' | '`' | '?' => letter as u8,
            'x' | 'X' | 'u' | 'U' | '0'..='3' => {
                rest = numeric_escape(letter, escape, bytes, &mut out).ok_or_else(fault)?;
                continue;
            }
            _ => return Err(fault()),
        };
        out.push(simple);
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Appends what `\x41`, `\u0041`, `\U00000041` or `\101` stands for; returns what follows.
fn numeric_escape<'a>(
    letter: char,
    escape: &'a str,
    bytes: bool,
    out: &mut Vec<u8>,
) -> Option<&'a str> {
    let (from, length, radix) = match letter {
        'x' | 'X' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        _ => (0, 3, 8),
    };
    let code = u32::from_str_radix(escape.get(from..from + length)?, radix).ok()?;
    if bytes {
        out.push(u8::try_from(code).ok()?);
    } else {
        let character = char::from_u32(code)?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    escape.get(from + length..)
}
