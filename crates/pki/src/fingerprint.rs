//! SHA-256 fingerprints of DER: how the whole product names bytes.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;

/// The SHA-256 of some bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why a text is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    /// A fingerprint is 64 digits long.
    #[error("a fingerprint has 64 hexadecimal digits, this text has {found} characters")]
    Length {
        /// Characters found.
        found: usize,
    },
    /// A character is no lower-case hexadecimal digit.
    #[error("a fingerprint has only the digits 0-9 and a-f, character {position} is another")]
    Digit {
        /// Position of the character, counted from 1.
        position: usize,
    },
}

impl Fingerprint {
    /// The fingerprint of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut value = [0; 32];
        value.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(value)
    }

    /// The digest itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = text.chars().count();
        if found != 64 {
            return Err(FingerprintError::Length { found });
        }
        let mut value = [0; 32];
        for (index, digit) in text.chars().enumerate() {
            let four_bits =
                hexadecimal_digit(digit).ok_or(FingerprintError::Digit { position: index + 1 })?;
            value[index / 2] = (value[index / 2] << 4) | four_bits;
        }
        Ok(Self(value))
    }
}

/// One spelling only, so that fingerprints can be compared as text in records.
fn hexadecimal_digit(digit: char) -> Option<u8> {
    match digit {
        '0'..='9' | 'a'..='f' => digit.to_digit(16).and_then(|value| u8::try_from(value).ok()),
        _ => None,
    }
}
