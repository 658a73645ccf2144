//! Objects as they are stored: a key, a revision and bytes.

use std::sync::Arc;

use bytes::Bytes;

/// Labels of an object, sorted by name. They are kept beside the bytes so that selecting by label parses nothing.
pub type Labels = Arc<[(Box<str>, Box<str>)]>;

/// The place of an object: a collection (a resource of a group), a namespace and a name.
///
/// Inside a collection objects are ordered as etcd orders `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The collection, as the caller names it.
    pub collection: Arc<str>,
    /// The namespace; empty for an object of the cluster scope.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl Key {
    /// A key of its three parts.
    pub fn new(
        collection: impl Into<Arc<str>>,
        namespace: impl Into<Arc<str>>,
        name: impl Into<Arc<str>>,
    ) -> Self {
        Self { collection: collection.into(), namespace: namespace.into(), name: name.into() }
    }
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Where it is.
    pub key: Key,
    /// The revision of the change that made this version.
    pub revision: u64,
    /// The revision of the change that created the object.
    pub created: u64,
    /// The stored bytes, with the revision in them.
    pub json: Bytes,
    /// The labels that were given with this version.
    pub labels: Labels,
}

impl Object {
    /// Bytes that this version occupies, about: the value, the key and the labels.
    pub(crate) fn size(&self) -> usize {
        let labels: usize = self.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.json.len() + self.key.namespace.len() + self.key.name.len() + labels
    }
}
