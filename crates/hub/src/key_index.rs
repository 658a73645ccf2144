//! Which request used a public key first, by virtual mesh: a renewal must bring a new key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use meshroot_api::IssuanceRecord;
use meshroot_core::membership::Key;

/// Built from the ledger; grows with it.
#[derive(Debug, Default)]
pub(crate) struct KeyIndex {
    /// Virtual mesh and fingerprint of the public key → the request.
    first_use: Mutex<HashMap<(Key, String), Key>>,
}

impl KeyIndex {
    /// Learns from an entry of the ledger.
    pub(crate) fn learn(&self, record: &IssuanceRecord) {
        let request = Key::new(
            record.metadata.namespace.clone().unwrap_or_default(),
            &record.spec.request.name,
        );
        let virtual_mesh = Key::resolve(&record.spec.virtual_mesh_ref, &request.namespace);
        self.reserve(virtual_mesh, record.spec.public_key_sha256.clone(), &request);
    }

    /// Takes a key for a request; the other request, where one has it already. A request that was deleted before
    /// it was decided and is made again under its name keeps its key: nothing was signed for it.
    pub(crate) fn reserve(
        &self,
        virtual_mesh: Key,
        public_key: String,
        request: &Key,
    ) -> Option<Key> {
        let mut first_use = self.first_use.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = first_use.entry((virtual_mesh, public_key)).or_insert_with(|| request.clone());
        (holder != request).then(|| holder.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_the_request_that_used_it_first_within_a_virtual_mesh() {
        let index = KeyIndex::default();
        let (one, two) = (Key::new("east", "a.demo.1"), Key::new("west", "b.demo.1"));
        let demo = || Key::new("meshes", "demo");
        assert_eq!(index.reserve(demo(), "k".into(), &one), None);
        assert_eq!(index.reserve(demo(), "k".into(), &one), None);
        assert_eq!(index.reserve(demo(), "k".into(), &two), Some(one.clone()));
        assert_eq!(index.reserve(Key::new("meshes", "other"), "k".into(), &two), None);
    }
}
