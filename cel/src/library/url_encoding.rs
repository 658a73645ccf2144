//! Percent-encoding in the parts of a URL (RFC 3986; the Go package `net/url`).

use std::fmt::Write as _;

use crate::go_text::quoted;

/// A part of a URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Host,
    /// The zone of an address of IPv6 (RFC 6874).
    Zone,
    User,
    Query,
    Fragment,
}

impl Part {
    /// Whether the byte stands there as it is.
    fn is_plain(self, byte: u8) -> bool {
        let marks: &[u8] = match self {
            Self::Path => b"$&+,/:;=@",
            Self::Host | Self::Zone => b"!\"$&'()*+,:;<=>[]",
            Self::User => b"$&+,;=",
            Self::Query => b"",
            Self::Fragment => b"!$&()*+,/:;=?@",
        };
        byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || marks.contains(&byte)
    }

    /// Whether a byte may be written as an escape there.
    fn allows_escape(self, escape: &str, byte: u8) -> bool {
        match self {
            // Only bytes outside ASCII (RFC 3986, 3.2.2), and the sign itself before a zone.
            Self::Host => byte >= 0x80 || escape == "%25",
            Self::Zone => escape == "%25" || byte == b' ' || Self::Host.is_plain(byte),
            _ => true,
        }
    }
}

/// What a text stands for.
pub(super) fn decoded(text: &str, part: Part) -> Result<Vec<u8>, String> {
    let strict = matches!(part, Part::Host | Part::Zone);
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.as_bytes().get(at) {
        at += 1;
        match byte {
            b'%' => {
                decoded.push(escape(&text[at - 1..], part)?);
                at += 2;
            }
            b'+' if part == Part::Query => decoded.push(b' '),
            _ if strict && byte.is_ascii() && !part.is_plain(byte) => {
                let character = quoted(&char::from(byte).to_string());
                return Err(format!("invalid character {character} in host name"));
            }
            _ => decoded.push(byte),
        }
    }
    Ok(decoded)
}

/// The byte that the escape stands for with which the text begins.
fn escape(text: &str, part: Part) -> Result<u8, String> {
    let escape: String = text.chars().take(3).collect();
    let digits = escape.get(1..).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    digits
        .filter(|digits| digits.len() == 2)
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .filter(|byte| part.allows_escape(&escape, *byte))
        .ok_or_else(|| format!("invalid URL escape {}", quoted(&escape)))
}

/// The bytes as they are written in that part.
pub(super) fn encoded(bytes: &[u8], part: Part) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for &byte in bytes {
        if part.is_plain(byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// A path as it was written where that is a sound way to write it, otherwise as it should be.
pub(super) fn encoded_path(path: &str) -> Result<String, String> {
    let bytes = decoded(path, Part::Path)?;
    let sound = |byte: u8| b"!$&'()*+,;=:@[]%".contains(&byte) || Part::Path.is_plain(byte);
    Ok(if path == "*" || path.bytes().all(sound) {
        path.to_owned()
    } else {
        encoded(&bytes, Part::Path)
    })
}
