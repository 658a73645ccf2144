//! Keys that are refused because somebody else has them, by lists.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::digest;

use crate::fingerprint::Fingerprint;
use crate::key::KeyError;
use crate::material::Material;

/// Keys that must not be certified, whatever they are made of.
///
/// A list is text, one key a line: 64 hexadecimal digits are the SHA-256 of a `SubjectPublicKeyInfo`; 20 are an RSA modulus
/// as Debian's openssl-blacklist has it, the last 20 digits of the SHA-1 of `Modulus=HEX` and a newline, with the modulus
/// in upper-case digits. What follows a `#` is a comment; beside a key it is repeated where the key is refused.
#[derive(Debug, Default)]
pub struct BlockList {
    name: String,
    keys: HashMap<Fingerprint, Entry>,
    moduli: HashMap<[u8; 10], Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Counted from 1.
    line: usize,
    comment: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " ({})", self.comment) }
    }
}

/// Why a text is no block list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} has {length} characters that are no key of a list, which is 64 hexadecimal digits (SHA-256 of \
     SubjectPublicKeyInfo) or 20 (openssl-blacklist); correct the line, or begin it with #"
)]
pub struct BlockListError {
    /// The line, counted from 1.
    pub line: usize,
    /// How much stands there. What it is is not repeated: it may be a private key whose file was given by mistake.
    pub length: usize,
}

static PUBLISHED: LazyLock<BlockList> = LazyLock::new(|| {
    // A test reads it; an empty list refuses nothing that it should not.
    BlockList::parse("published test keys", include_str!("published_keys.txt")).unwrap_or_default()
});

impl BlockList {
    /// Reads a list; `name` says in a refusal which one it was.
    pub fn parse(name: &str, text: &str) -> Result<Self, BlockListError> {
        let mut list = Self { name: name.to_owned(), ..Self::default() };
        for (index, text) in text.lines().enumerate() {
            list.read_line(index + 1, text.trim_start_matches('\u{feff}'))?;
        }
        Ok(list)
    }

    /// Keys of RFCs and of samples whose private halves everybody can read.
    pub fn published() -> &'static Self {
        &PUBLISHED
    }

    /// How many keys are on it.
    pub fn len(&self) -> usize {
        self.keys.len() + self.moduli.len()
    }

    /// Whether it refuses nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses a key that is on the list.
    pub(crate) fn check(
        &self,
        fingerprint: Fingerprint,
        material: &Material,
    ) -> Result<(), KeyError> {
        let found = self.keys.get(&fingerprint).or_else(|| self.modulus(material));
        found.map_or(Ok(()), |entry| {
            let entry = format!("{}, {entry}", self.name);
            Err(KeyError::Blocked { fingerprint, entry })
        })
    }

    fn modulus(&self, material: &Material) -> Option<&Entry> {
        match material {
            Material::Rsa { modulus, .. } if !self.moduli.is_empty() => {
                let text = format!("Modulus={modulus:X}\n");
                let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
                self.moduli.get(&digest.as_ref()[10..])
            }
            _ => None,
        }
    }

    fn read_line(&mut self, line: usize, text: &str) -> Result<(), BlockListError> {
        let (value, comment) = text.split_once('#').unwrap_or((text, ""));
        let (value, comment) = (value.trim(), comment.trim());
        let entry = Entry { line, comment: comment.to_owned() };
        let digits = value.to_ascii_lowercase();
        if value.is_empty() {
        } else if let Ok(fingerprint) = digits.parse() {
            self.keys.entry(fingerprint).or_insert(entry);
        } else if let Some(truncated) = truncated_digest(&digits) {
            self.moduli.entry(truncated).or_insert(entry);
        } else {
            return Err(BlockListError { line, length: value.chars().count() });
        }
        Ok(())
    }
}

fn truncated_digest(digits: &str) -> Option<[u8; 10]> {
    let is_digest = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u128::from_str_radix(digits, 16).ok().filter(|_| is_digest)?;
    number.to_be_bytes()[6..].try_into().ok()
}
