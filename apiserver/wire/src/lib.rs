//! Reads the protobuf form of Kubernetes request bodies (`application/vnd.kubernetes.protobuf`), which typed Go clients
//! such as kubectl send, into the JSON form of the same object.
//!
//! The messages are described by a table of Kubernetes 1.37.2 (`fields.txt`): the built-in kinds that the server
//! stores or answers, `TokenRequest`, `Scale` and `DeleteOptions`. Answers are always JSON; such clients read both.
//!
//! ```
//! // k8s\0, Unknown { typeMeta: v1 ConfigMap, raw: ConfigMap { metadata: { name: "a" } } }
//! let body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x05\x0a\x03\x0a\x01a";
//! let object = apiserver_wire::decode(body)?;
//! assert_eq!(object["metadata"]["name"], "a");
//! assert_eq!(object["kind"], "ConfigMap");
//! # Ok::<(), apiserver_wire::DecodeError>(())
//! ```

mod decode_error;
mod envelope;
mod message;
mod table;
mod time;
mod wire;

pub use decode_error::DecodeError;
pub use envelope::{MEDIA_TYPE, decode};
pub use wire::WireError;

/// How many messages may be nested. A schema of a CustomResourceDefinition takes one or two for each of its levels.
pub const DEPTH_LIMIT: usize = 64;

#[cfg(test)]
mod tests;
