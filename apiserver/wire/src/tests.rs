//! Small messages, written by hand.

mod bodies;
mod faults;
mod fields;
mod random;

use crate::table::Table;

/// A field of a message under construction: number, then payload.
fn bytes(number: u32, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut out = number_bytes(u64::from(number) << 3 | 2);
    out.extend(number_bytes(payload.len() as u64));
    out.extend(payload);
    out
}

fn int(number: u32, value: i64) -> Vec<u8> {
    let mut out = number_bytes(u64::from(number) << 3);
    out.extend(number_bytes(value.cast_unsigned()));
    out
}

fn double(number: u32, value: f64) -> Vec<u8> {
    let mut out = number_bytes(u64::from(number) << 3 | 1);
    out.extend(value.to_le_bytes());
    out
}

fn number_bytes(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

/// A request body.
fn body(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let type_meta = [bytes(1, api_version), bytes(2, kind)].concat();
    [b"k8s\0".to_vec(), bytes(1, type_meta), bytes(2, object), bytes(3, ""), bytes(4, "")].concat()
}

/// A request body that has only one leaf, under fields named as in JSON.
fn nested(api_version: &str, kind: &str, path: &[&str], leaf: &[u8]) -> Vec<u8> {
    let mut message = Table::kubernetes().kind(api_version, kind).unwrap();
    let mut numbers = Vec::new();
    for name in path {
        let field = message.fields.iter().find(|field| field.name == *name).unwrap();
        numbers.push(field.number);
        if let crate::table::Content::Message(index) = field.content {
            message = Table::kubernetes().message(index).unwrap();
        }
    }
    let object = numbers.iter().rev().fold(leaf.to_vec(), |inner, number| bytes(*number, inner));
    body(api_version, kind, &object)
}
