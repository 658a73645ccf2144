//! The lines that a watch sends.

use apiserver_store::EventKind;
use bytes::Bytes;

use crate::failure::Failure;
use crate::object::encoding;

pub(super) const fn word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Added => "ADDED",
        EventKind::Modified => "MODIFIED",
        EventKind::Deleted => "DELETED",
    }
}

pub(super) fn raw_line(word: &str, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(object.len() + 32);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(word.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line.into()
}

pub(super) fn error_line(failure: &Failure) -> Bytes {
    raw_line("ERROR", &encoding::json(&failure.to_json()))
}
