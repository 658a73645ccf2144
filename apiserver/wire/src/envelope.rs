//! What stands around an object: `k8s\0`, then a `runtime.Unknown` that names the object's kind and holds its bytes.

use serde_json::{Map, Value};

use crate::DecodeError;
use crate::message;
use crate::table::Table;
use crate::wire::{Reader, WireError};

/// The media type of a request body in this form.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// The object in a request body, as JSON: what the Go type of the same kind marshals to, without the fields that are
/// zero, `apiVersion` and `kind` included.
///
/// Fields that are not in the table are skipped. The work and the memory are proportional to the length of `bytes`,
/// whatever lengths are written in it; it never panics.
pub fn decode(bytes: &[u8]) -> Result<Value, DecodeError> {
    let body = bytes.strip_prefix(MAGIC).ok_or(DecodeError::Magic)?;
    let envelope = Envelope::read(body)?;
    if !envelope.content_encoding.is_empty() {
        return Err(DecodeError::ContentEncoding(lossy(envelope.content_encoding)));
    }
    let (api_version, kind) = (lossy(envelope.api_version), lossy(envelope.kind));
    let Some(message) = Table::kubernetes().kind(&api_version, &kind) else {
        return Err(DecodeError::UnknownKind { api_version, kind });
    };
    let mut object = Map::new();
    message::read(message, envelope.raw, 0, &mut object)?;
    object.insert("apiVersion".to_owned(), Value::String(api_version));
    object.insert("kind".to_owned(), Value::String(kind));
    Ok(Value::Object(object))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `runtime.Unknown` of k8s.io/apimachinery. Its content type is not read: it is empty, and says nothing else.
#[derive(Default)]
struct Envelope<'a> {
    api_version: &'a [u8],
    kind: &'a [u8],
    raw: &'a [u8],
    content_encoding: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut envelope = Self::default();
        envelope
            .fields(bytes)
            .map_err(|fault| DecodeError::Wire { message: "runtime.Unknown", fault })?;
        Ok(envelope)
    }

    fn fields(&mut self, bytes: &'a [u8]) -> Result<(), WireError> {
        let mut reader = Reader::new(bytes);
        while let Some((number, payload)) = reader.field()? {
            match number {
                1 => self.type_meta(payload.bytes(1)?)?,
                2 => self.raw = payload.bytes(2)?,
                3 => self.content_encoding = payload.bytes(3)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn type_meta(&mut self, bytes: &'a [u8]) -> Result<(), WireError> {
        let mut reader = Reader::new(bytes);
        while let Some((number, payload)) = reader.field()? {
            match number {
                1 => self.api_version = payload.bytes(1)?,
                2 => self.kind = payload.bytes(2)?,
                _ => {}
            }
        }
        Ok(())
    }
}
