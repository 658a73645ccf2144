//! Members for which nothing more can be created: their cluster's quota is full.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use meshroot_core::Refusal;
use meshroot_core::membership::Key;

/// What the API said of the last thing that this hub wanted to create for a mesh. There is no object yet that could
/// tell it, so the virtual mesh does.
#[derive(Debug, Default)]
pub(crate) struct Crowded(Mutex<HashMap<Key, Refusal>>);

impl Crowded {
    /// Notes that a mesh was refused something, or no longer is; whether that is news.
    pub(crate) fn note(&self, mesh: &Key, refusal: Option<&Refusal>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match refusal {
            Some(refusal) => all.insert(mesh.clone(), refusal.clone()),
            None => all.remove(mesh),
        };
        before.as_ref() != refusal
    }

    /// What a mesh was refused.
    pub(crate) fn refusal(&self, mesh: &Key) -> Option<Refusal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(mesh).cloned()
    }
}
