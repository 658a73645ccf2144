//! `core.zephyr.solo.io`: messages that the original API's packages share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::is_default;

/// Refers to an object by name and namespace, and to the cluster that holds it.
///
/// An empty `namespace` means the namespace of the object that refers; an empty `cluster` means the
/// cluster (or hub) that the referring object lives in.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRef {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 253))]
    pub name: String,
    /// Namespace of the object.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 253))]
    pub namespace: String,
    /// Cluster that holds the object.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(length(max = 253))]
    pub cluster: String,
}

impl ResourceRef {
    /// A reference within the cluster of the referring object.
    pub fn new(name: impl Into<String>, namespace: impl Into<String>) -> Self {
        Self { name: name.into(), namespace: namespace.into(), cluster: String::new() }
    }
}

impl std::fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// The service mesh that a certificate is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MeshType {
    /// Istio, the default.
    #[default]
    Istio,
    /// AWS App Mesh: known, but no intermediate can be plugged in.
    AppMesh,
    /// Consul Connect.
    Consul,
    /// Linkerd.
    Linkerd,
}

impl MeshType {
    /// The word that names this mesh in object names: `istio`, `appmesh`, `consul`, `linkerd`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Istio => "istio",
            Self::AppMesh => "appmesh",
            Self::Consul => "consul",
            Self::Linkerd => "linkerd",
        }
    }
}

/// What became of an object, for people and for `kubectl wait`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// UNKNOWN = waiting (the message says for whom), ACCEPTED = done, INVALID = the user must change
    /// something, PROCESSING_ERROR = retried by itself, CONFLICT = something that is not ours is in the way.
    #[serde(default, skip_serializing_if = "is_default")]
    pub state: State,
    /// One sentence for people: what is so, and what to do about it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub message: String,
}

impl Status {
    /// A status from its two parts.
    pub fn new(state: State, message: impl Into<String>) -> Self {
        Self { state, message: message.into() }
    }
}

/// The states of [`Status`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Waiting; the message says for whom. The default.
    #[default]
    Unknown,
    /// Done as asked.
    Accepted,
    /// The user must change something.
    Invalid,
    /// Failed for now and retried without anybody's help.
    ProcessingError,
    /// Something that is not ours is in the way.
    Conflict,
}

impl State {
    /// The name on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Accepted => "ACCEPTED",
            Self::Invalid => "INVALID",
            Self::ProcessingError => "PROCESSING_ERROR",
            Self::Conflict => "CONFLICT",
        }
    }
}
