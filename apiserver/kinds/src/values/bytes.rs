//! Base64 as Go's `encoding/base64` reads it: lines may be broken anywhere, and the bits after the last byte may be
//! anything.

use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde_json::Value;

/// Reads text that has no line breaks any more; a fault is looked for where it fails.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The text as it is stored, where that is another one.
pub(super) fn canonical(text: &str) -> Result<Option<Value>, String> {
    if STANDARD.decode(text).is_ok() {
        return Ok(None);
    }
    let joined: String = text.chars().filter(|sign| !matches!(sign, '\n' | '\r')).collect();
    let decoded = LENIENT.decode(joined).map_err(|_| {
        format!("illegal base64 data at input byte {}", fault(text.as_bytes()).unwrap_or(0))
    })?;
    Ok(Some(STANDARD.encode(decoded).into()))
}

/// Where Go sees the fault (`decodeQuantum` of `encoding/base64`).
fn fault(text: &[u8]) -> Option<usize> {
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let after_breaks =
        |from: usize| from + text[from..].iter().take_while(|byte| is_break(byte)).count();
    let (mut at, mut read) = (0, 0);
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            byte if is_break(byte) => {}
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/') => {
                read = (read + 1) % 4;
            }
            b'=' if read >= 2 => {
                if read == 2 {
                    at = after_breaks(at);
                    match text.get(at) {
                        None => return Some(text.len()),
                        Some(b'=') => at += 1,
                        Some(_) => return Some(at - 1),
                    }
                }
                let rest = after_breaks(at);
                return (rest < text.len()).then_some(rest);
            }
            _ => return Some(at - 1),
        }
    }
    (read > 0).then(|| text.len() - read)
}

/// Go also takes a list of numbers for bytes.
pub(super) fn of_numbers(numbers: &[Value]) -> Result<Option<Value>, String> {
    let byte = |number: &Value| match number {
        Value::Null => Ok(0),
        number => number
            .as_u64()
            .and_then(|number| u8::try_from(number).ok())
            .ok_or("json: an entry of the list is no Go value of type uint8"),
    };
    let bytes = numbers.iter().map(byte).collect::<Result<Vec<u8>, _>>()?;
    Ok(Some(STANDARD.encode(bytes).into()))
}

/// How many bytes are behind base64 in the form in which it is stored.
pub(crate) fn length(text: &str) -> usize {
    let padding = text.bytes().rev().take_while(|&byte| byte == b'=').count();
    (text.len() / 4 * 3).saturating_sub(padding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_stray_bits_go_away() {
        for (text, stored) in [
            ("", None),
            ("dmFsdWU=", None),
            ("dmFs\ndWU=\n", Some("dmFsdWU=")),
            ("d\r\nn=\n=\r\n", Some("dg==")),
            ("dn==", Some("dg==")),
            ("dmF=", Some("dmE=")),
            ("\n", Some("")),
        ] {
            assert_eq!(canonical(text), Ok(stored.map(Value::from)), "{text:?}");
        }
    }

    /// The places are those that Go 1.26 names.
    #[test]
    fn a_fault_is_named_by_its_place_alone() {
        for (text, at) in [
            ("plain text!", 5),
            ("dg", 0),
            ("dmFsd", 4),
            ("dmFsdW", 4),
            ("dg=", 3),
            ("dg=x", 2),
            ("dg==x", 4),
            ("dg==\nx", 5),
            ("d===", 1),
            ("====", 0),
            ("d_==", 1),
            ("dmE=dmE=", 4),
            ("dmF\u{e9}", 3),
            ("dg \n==", 2),
        ] {
            let said = format!("illegal base64 data at input byte {at}");
            assert_eq!(canonical(text), Err(said), "{text:?}");
        }
    }

    #[test]
    fn the_length_behind_base64_is_known_without_decoding() {
        for size in 0..9_usize {
            assert_eq!(length(&STANDARD.encode(vec![0; size])), size);
        }
    }
}
