//! Which request used a public key first, by virtual mesh: a renewal must bring a new key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use meshroot_api::IssuanceRecord;
use meshroot_core::membership::Key;

/// Built from the ledger; grows with it.
#[derive(Debug, Default)]
pub(crate) struct KeyIndex {
    /// Virtual mesh and fingerprint of the public key → the request, and its uid.
    first_use: Mutex<HashMap<(Key, String), (Key, String)>>,
}

impl KeyIndex {
    /// Learns from an entry of the ledger.
    pub(crate) fn learn(&self, record: &IssuanceRecord) {
        let request = Key::new(record.metadata.namespace.clone().unwrap_or_default(), &record.spec.request.name);
        let virtual_mesh = Key::resolve(&record.spec.virtual_mesh_ref, &request.namespace);
        self.reserve(virtual_mesh, record.spec.public_key_sha256.clone(), request, &record.spec.request.uid);
    }

    /// Takes a key for a request; the other request, where one has it already.
    pub(crate) fn reserve(&self, virtual_mesh: Key, public_key: String, request: Key, uid: &str) -> Option<Key> {
        let mut first_use = self.first_use.lock().unwrap_or_else(PoisonError::into_inner);
        let (holder, holder_uid) =
            first_use.entry((virtual_mesh, public_key)).or_insert_with(|| (request, uid.to_owned()));
        (holder_uid.as_str() != uid).then(|| holder.clone())
    }
}
