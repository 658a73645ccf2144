//! The bytes of one log record.
//!
//! Framing, version 1: the version (one byte), the operation (one byte: 1 a put, 2 a deletion), a checksum of all that
//! follows (8 bytes, little endian), then the revision of creation, the collection, the namespace, the name, the number
//! of labels, each label's name and value, and the value, which is the rest. Numbers are LEB128, strings have their
//! length in front. The record's revision is its key in the log.

use std::sync::Arc;

use bytes::Bytes;

use crate::object::{Key, Labels, Object};

/// The framing this crate writes.
const VERSION: u8 = 1;
const HEADER: usize = 10;

/// What a record's change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Put = 1,
    Delete = 2,
}

/// One record of the log.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) operation: Operation,
    pub(crate) object: Arc<Object>,
}

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(
        "its framing has version {found}, newer than {VERSION}: it was written by a newer release"
    )]
    Newer { found: u8 },
    #[error("its operation is {found}, not a put (1) or a deletion (2)")]
    Operation { found: u8 },
    #[error("its checksum is {found:016x}, the header says {expected:016x}")]
    Checksum { found: u64, expected: u64 },
    #[error("it ends inside {field}")]
    Short { field: &'static str },
    #[error("its {field} is not UTF-8")]
    Text { field: &'static str },
}

impl Record {
    /// Writes the record to `out`, which is cleared first.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let object = &*self.object;
        out.clear();
        out.reserve(object.size() + object.key.collection.len() + HEADER + 64);
        out.extend_from_slice(&[VERSION, self.operation as u8]);
        out.extend_from_slice(&[0; 8]);
        put_number(out, object.created);
        for text in [&object.key.collection, &object.key.namespace, &object.key.name] {
            put_text(out, text);
        }
        put_number(out, object.labels.len() as u64);
        for (name, value) in object.labels.iter() {
            put_text(out, name);
            put_text(out, value);
        }
        out.extend_from_slice(&object.json);
        let sum = checksum(out.get(HEADER..).unwrap_or_default());
        if let Some(place) = out.get_mut(2..HEADER) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
    }

    /// Reads the record of `revision`. `intern` gives the shared form of the key's parts.
    pub(crate) fn decode(
        revision: u64,
        bytes: &[u8],
        intern: impl FnOnce(&str, &str, &str) -> Key,
    ) -> Result<Self, RecordError> {
        let mut input = Input(bytes);
        let version = input.byte("the framing version")?;
        if version != VERSION {
            return Err(RecordError::Newer { found: version });
        }
        let operation = match input.byte("the operation")? {
            1 => Operation::Put,
            2 => Operation::Delete,
            found => return Err(RecordError::Operation { found }),
        };
        let expected = u64::from_le_bytes(input.array("the checksum")?);
        let found = checksum(input.0);
        if found != expected {
            return Err(RecordError::Checksum { found, expected });
        }
        let created = input.number("the creation revision")?;
        let [collection, namespace, name] =
            [input.text("collection")?, input.text("namespace")?, input.text("name")?];
        let labels = input.labels()?;
        let key = intern(collection, namespace, name);
        let object =
            Object { key, revision, created, json: Bytes::copy_from_slice(input.0), labels };
        Ok(Self { operation, object: Arc::new(object) })
    }
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What is left of a record.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(RecordError::Short { field })?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, RecordError> {
        Ok(self.array::<1>(field)?[0])
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], RecordError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Short { field })?;
        self.0 = rest;
        Ok(*taken)
    }

    fn number(&mut self, field: &'static str) -> Result<u64, RecordError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(field)?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(RecordError::Short { field })
    }

    fn text(&mut self, field: &'static str) -> Result<&'a str, RecordError> {
        let length =
            usize::try_from(self.number(field)?).map_err(|_| RecordError::Short { field })?;
        str::from_utf8(self.take(length, field)?).map_err(|_| RecordError::Text { field })
    }

    fn labels(&mut self) -> Result<Labels, RecordError> {
        let count = self.number("the number of labels")?;
        let mut labels = Vec::new();
        for _ in 0..count {
            labels.push((self.text("label name")?.into(), self.text("label value")?.into()));
        }
        Ok(labels.into())
    }
}

/// A checksum against decay, not against an attacker: FNV-1a over words of 8 bytes, with the high half folded down so
/// that each bit of a word reaches the whole sum.
fn checksum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    let words = words.iter().chain(std::iter::once(&last)).map(|word| u64::from_le_bytes(*word));
    words.chain(std::iter::once(bytes.len() as u64)).fold(
        0xcbf2_9ce4_8422_2325,
        |sum: u64, word| {
            let mixed = (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ (mixed >> 32)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let labels: Labels = Arc::new([("app".into(), "web".into()), ("tier".into(), "".into())]);
        let json = Bytes::from_static(b"{\"kind\":\"Secret\"}");
        let object = Object {
            key: Key::new("secrets", "a", "b"),
            revision: 700,
            created: 300,
            json,
            labels,
        };
        Record { operation: Operation::Put, object: Arc::new(object) }
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let (mut bytes, record) = (Vec::new(), record());
        record.encode(&mut bytes);
        let read = Record::decode(700, &bytes, |c, ns, n| Key::new(c, ns, n)).unwrap();
        assert_eq!((read.operation, &*read.object), (Operation::Put, &*record.object));
    }

    #[test]
    fn a_record_with_any_changed_or_missing_byte_is_refused() {
        let mut bytes = Vec::new();
        record().encode(&mut bytes);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            assert!(
                Record::decode(700, &changed, |c, ns, n| Key::new(c, ns, n)).is_err(),
                "byte {place}"
            );
            assert!(
                Record::decode(700, &bytes[..place], |c, ns, n| Key::new(c, ns, n)).is_err(),
                "cut at {place}"
            );
        }
    }
}
