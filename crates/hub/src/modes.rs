//! How the members of each virtual mesh are told what to use, as last looked at, and what was seen of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use meshroot_api::MeshTrust;
use meshroot_core::membership::Key;
use meshroot_core::rotation::{self, Rotation};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// How the members of a virtual mesh are told what to use.
#[derive(Clone)]
pub(crate) enum Mode {
    /// Its root was never replaced: all are told the same.
    Steady,
    /// The planner says it.
    Planned(Arc<Rotation>),
}

/// What is known of rotations in this term of leadership.
#[derive(Default)]
pub(crate) struct Rotations {
    modes: Mutex<HashMap<Key, Mode>>,
    /// Held by who plans for a virtual mesh that nothing is known of.
    planning: Mutex<HashMap<Key, Arc<AsyncMutex<()>>>>,
    /// Since when each mesh was seen to have loaded what a revision of its MeshTrust tells.
    loaded: Mutex<HashMap<Key, (String, i64, Timestamp)>>,
}

impl Rotations {
    /// What another leader has done since is not known here.
    pub(crate) fn forget(&self) {
        self.modes().clear();
    }

    /// It is gone.
    pub(crate) fn forget_one(&self, virtual_mesh: &Key) {
        self.modes().remove(virtual_mesh);
    }

    pub(crate) fn mode(&self, virtual_mesh: &Key) -> Option<Mode> {
        self.modes().get(virtual_mesh).cloned()
    }

    /// `None` while another one plans: each would do as much work as there are members, as all do when a term begins.
    pub(crate) fn begin(&self, virtual_mesh: &Key) -> Option<OwnedMutexGuard<()>> {
        let mut planning = self.planning.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(planning.entry(virtual_mesh.clone()).or_default()).try_lock_owned().ok()
    }

    pub(crate) fn set_mode(&self, virtual_mesh: Key, mode: Mode) {
        self.modes().insert(virtual_mesh, mode);
    }

    fn modes(&self) -> MutexGuard<'_, HashMap<Key, Mode>> {
        self.modes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when what MeshTrust tells now, in terms of roots, is loaded: seen here, or, by `noted`, by a hub before this
    /// one. Once seen it stays so until something else is told: an agent goes back to nothing.
    pub(crate) fn loaded_since(
        &self,
        mesh: &Key,
        trust: &MeshTrust,
        noted: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let uid = trust.metadata.uid.clone().unwrap_or_default();
        let told = match &trust.spec.rotation {
            Some(telling) => telling.revision,
            None => trust.metadata.generation.unwrap_or_default(),
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, at, since)) = loaded.get(mesh)
            && (of, *at) == (&uid, told)
        {
            return Some(*since);
        }
        // A clock that was ahead would end the wait too early.
        let noted = noted.filter(|noted| *noted <= now);
        let seen = rotation::is_loaded(trust).then(|| full_second(now));
        let Some(since) = noted.or(seen) else {
            loaded.remove(mesh);
            return None;
        };
        loaded.insert(mesh.clone(), (uid, told, since));
        Some(since)
    }
}

/// Statuses are written in whole seconds.
fn full_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second().saturating_add(1)).unwrap_or(now)
}
