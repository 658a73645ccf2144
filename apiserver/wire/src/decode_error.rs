//! Why a request body was not read.

use crate::wire::WireError;

/// Why a request body could not be read as a Kubernetes object in protobuf. The text never holds a field's value,
/// apart from numbers: the object may be a Secret.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body does not begin with `k8s\0`.
    #[error("the body is no Kubernetes protobuf: it must begin with the four bytes \"k8s\\0\"")]
    Magic,
    /// The object is compressed or otherwise transformed.
    #[error(
        "the object inside the body has content encoding {0:?}; only an object as it is can be read"
    )]
    ContentEncoding(String),
    /// The table has no message for this kind.
    #[error(
        "no protobuf message is known for kind {kind:?} in API version {api_version:?}; send it as JSON"
    )]
    UnknownKind {
        /// The body's `apiVersion`.
        api_version: String,
        /// The body's `kind`.
        kind: String,
    },
    /// The bytes do not follow protobuf's wire format, or not the message's.
    #[error("{message}: {fault}")]
    Wire {
        /// The message, `PACKAGE.NAME`.
        message: &'static str,
        /// What is wrong.
        #[source]
        fault: WireError,
    },
    /// Messages are nested too deeply.
    #[error("{message}: messages are nested more than {} deep", crate::DEPTH_LIMIT)]
    TooDeep {
        /// The innermost message.
        message: &'static str,
    },
    /// A string is no UTF-8.
    #[error("{message}.{field} is not UTF-8")]
    Text {
        /// The message, `PACKAGE.NAME`.
        message: &'static str,
        /// The field's name in JSON.
        field: &'static str,
    },
    /// A field that holds JSON holds something else.
    #[error("{message}.{field} holds no JSON: line {line}, column {column}")]
    Json {
        /// The message, `PACKAGE.NAME`.
        message: &'static str,
        /// The field's name in JSON.
        field: &'static str,
        /// Where the JSON breaks, from 1.
        line: usize,
        /// Where the JSON breaks in its line.
        column: usize,
    },
    /// A time before the year 1 or after the year 9999, which RFC 3339 cannot say.
    #[error(
        "{message}.{field} is {seconds} s and {nanoseconds} ns after 1970, which is no time of the years 1 to 9999"
    )]
    Time {
        /// The message, `PACKAGE.NAME`.
        message: &'static str,
        /// The field's name in JSON.
        field: &'static str,
        /// Seconds since 1970-01-01T00:00:00Z.
        seconds: i64,
        /// Nanoseconds after them.
        nanoseconds: i64,
    },
    /// An IntOrString is neither.
    #[error("{message}.{field} is of type {found}; it must be 0 (a number) or 1 (a string)")]
    IntOrString {
        /// The message, `PACKAGE.NAME`.
        message: &'static str,
        /// The field's name in JSON.
        field: &'static str,
        /// The type.
        found: u64,
    },
}
