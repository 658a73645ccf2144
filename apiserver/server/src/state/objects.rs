//! The objects that are stored.

use std::sync::Arc;

use apiserver_access::{Existence, SecretToken};
use apiserver_kinds::Kind;
use apiserver_store::{Key, Object, Store, Write, WriteError};
use serde_json::Value;

use crate::object::{metadata, token_secret};
use crate::state::collections::{DEFINITIONS, NAMESPACES, SECRETS, SERVICE_ACCOUNTS};
use crate::state::restore;

/// The store, read as objects of Kubernetes; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    pub(crate) store: Store,
    /// Nothing before this revision can be watched or listed.
    pub(crate) floor: u64,
}

impl Objects {
    pub(crate) fn new(store: Store) -> Self {
        Self { floor: restore::floor(&store), store }
    }

    /// The newest revision that is stored and visible.
    pub(crate) fn revision(&self) -> u64 {
        self.store.revision()
    }

    /// Collections of objects, with the number of objects in them. The server's own entries are no objects.
    pub(crate) fn collections(&self) -> impl Iterator<Item = (Arc<str>, usize)> {
        self.store.collections().into_iter().filter(|(collection, _)| collection.contains('/'))
    }

    /// All objects of a collection, in a namespace or all.
    pub(crate) fn list(&self, collection: &str, namespace: Option<&str>) -> Vec<Arc<Object>> {
        let listing = self.store.list(collection, namespace, None, 0, None);
        listing.map(|listing| listing.objects).unwrap_or_default()
    }

    /// All objects of a collection, parsed. One that cannot be read is left out, and logged.
    pub(crate) fn values(&self, collection: &str) -> Vec<Value> {
        self.list(collection, None).iter().filter_map(|object| value(object)).collect()
    }

    /// All objects of all kinds, also of those that are not served any more.
    pub(crate) fn everything(&self) -> impl Iterator<Item = Arc<Object>> {
        self.collections().flat_map(|(collection, _)| self.list(&collection, None))
    }

    pub(crate) fn read(&self, key: &Key) -> Option<Arc<Object>> {
        self.store.read(&key.collection, &key.namespace, &key.name)
    }

    /// One object, parsed.
    pub(crate) fn value(&self, collection: &str, namespace: &str, name: &str) -> Option<Value> {
        value(&*self.store.read(collection, namespace, name)?)
    }

    /// A namespace as it is stored, and its key: what a new object in it is made under the condition of.
    pub(crate) fn namespace(&self, name: &str) -> Option<Arc<Object>> {
        self.store.read(NAMESPACES, "", name)
    }

    /// The definition that a kind comes from.
    pub(crate) fn definition(&self, kind: &Kind) -> Option<Arc<Object>> {
        self.store.read(DEFINITIONS, "", &kind.resource())
    }

    pub(crate) async fn write(&self, write: Write) -> Result<Arc<Object>, WriteError> {
        self.store.write(write).await
    }
}

/// A stored object, parsed; one that cannot be read is logged.
pub(crate) fn value(object: &Object) -> Option<Value> {
    let value = serde_json::from_slice(&object.json);
    value
        .inspect_err(
            |error| tracing::error!(key = ?object.key, %error, "a stored object cannot be read"),
        )
        .ok()
}

impl Existence for Objects {
    fn service_account_uid(&self, namespace: &str, name: &str) -> Option<String> {
        let found = self.value(SERVICE_ACCOUNTS, namespace, name)?;
        (!metadata::is_being_deleted(&found)).then(|| metadata::uid(&found).to_owned())
    }

    fn object_uid(&self, kind: &str, namespace: &str, name: &str) -> Option<String> {
        let plural = match kind {
            "Pod" => "pods",
            "Secret" => "secrets",
            "Node" => "nodes",
            _ => return None,
        };
        let namespace = if kind == "Node" { "" } else { namespace };
        Some(metadata::uid(&self.value(&format!("core/{plural}"), namespace, name)?).to_owned())
    }

    fn secret_token(&self, namespace: &str, name: &str) -> Option<SecretToken> {
        let secret = self.value(SECRETS, namespace, name)?;
        let token = token_secret::entry(&secret, token_secret::TOKEN);
        (!metadata::is_being_deleted(&secret))
            .then(|| SecretToken::new(&token, token_secret::is_marked_invalid(&secret)))
    }
}
