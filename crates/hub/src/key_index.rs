//! Which request used a public key first, by virtual mesh: a renewal must bring a new key.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use meshroot_api::IssuanceRecord;
use meshroot_api::record::Verdict;
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
        if record.spec.decision.verdict == Verdict::Revoked {
            return;
        }
        let request = Key::new(
            record.metadata.namespace.clone().unwrap_or_default(),
            &record.spec.request.name,
        );
        let virtual_mesh = Key::resolve(&record.spec.virtual_mesh_ref, &request.namespace);
        // An entry is made only for a request that holds its key.
        let _ = self.reserve(virtual_mesh, record.spec.public_key_sha256.clone(), &request);
    }

    /// The request other than this one, if any, that has a key.
    pub(crate) fn holder(
        &self,
        virtual_mesh: &Key,
        public_key: String,
        request: &Key,
    ) -> Option<Key> {
        let first_use = self.first_use.lock().unwrap_or_else(PoisonError::into_inner);
        first_use
            .get(&(virtual_mesh.clone(), public_key))
            .filter(|holder| *holder != request)
            .cloned()
    }

    /// Takes a key for a request that is to be issued: of two that have one key, exactly one gets it. A request that
    /// was deleted before it was recorded and is made again under its name keeps its key: nothing was signed for it.
    ///
    /// # Errors
    /// The other request, where one has the key already.
    pub(crate) fn reserve(
        &self,
        virtual_mesh: Key,
        public_key: String,
        request: &Key,
    ) -> Result<(), Key> {
        let mut first_use = self.first_use.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = first_use.entry((virtual_mesh, public_key)).or_insert_with(|| request.clone());
        if holder == request { Ok(()) } else { Err(holder.clone()) }
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
        assert_eq!(index.reserve(demo(), "k".into(), &one), Ok(()));
        assert_eq!(index.reserve(demo(), "k".into(), &one), Ok(()));
        assert_eq!(index.reserve(demo(), "k".into(), &two), Err(one.clone()));
        assert_eq!(index.reserve(Key::new("meshes", "other"), "k".into(), &two), Ok(()));
    }

    #[test]
    fn looking_for_a_holder_takes_no_key() {
        let index = KeyIndex::default();
        let (one, two) = (Key::new("east", "a.demo.1"), Key::new("west", "b.demo.1"));
        let demo = Key::new("meshes", "demo");
        assert_eq!(index.holder(&demo, "k".into(), &one), None);
        assert_eq!(index.reserve(demo.clone(), "k".into(), &two), Ok(()));
        assert_eq!(index.holder(&demo, "k".into(), &one), Some(two.clone()));
        assert_eq!(index.holder(&demo, "k".into(), &two), None);
    }

    #[test]
    fn of_many_requests_with_one_key_exactly_one_gets_it() {
        let index = KeyIndex::default();
        let take = |number: usize| {
            let request = Key::new("east", format!("a.demo.{number}"));
            index.reserve(Key::new("meshes", "demo"), "k".into(), &request).is_ok()
        };
        let taken = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    let take = &take;
                    scope.spawn(move || take(number))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    }
}
