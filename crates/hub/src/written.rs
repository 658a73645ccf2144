//! MeshTrusts that were written and that the local copy does not show yet.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use meshroot_core::membership::Key;

use crate::standings::ARRIVES;

/// The last write to each MeshTrust. Who decided by an older copy would decide the same again, and be
/// refused.
#[derive(Debug, Default)]
pub(crate) struct Written(Mutex<HashMap<Key, Last>>);

/// Uid and generation, and when it was.
type Last = (Option<String>, Option<i64>, Instant);

impl Written {
    /// The API has taken this.
    pub(crate) fn note(&self, mesh: &Key, taken: &ObjectMeta, now: Instant) {
        let last = (taken.uid.clone(), taken.generation, now);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mesh.clone(), last);
    }

    /// Whether the watch is still to bring what was written not long ago, and with it another turn.
    pub(crate) fn is_awaited(&self, mesh: &Key, copy: &ObjectMeta, now: Instant) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_older = all.get(mesh).is_some_and(|(uid, generation, at)| {
            *uid == copy.uid && copy.generation < *generation && now.duration_since(*at) < ARRIVES
        });
        if !is_older {
            all.remove(mesh);
        }
        is_older
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uid: &str, generation: i64) -> ObjectMeta {
        ObjectMeta { uid: Some(uid.into()), generation: Some(generation), ..ObjectMeta::default() }
    }

    #[test]
    fn what_was_written_is_awaited_until_the_copy_shows_it() {
        let (written, mesh, now) = (Written::default(), Key::new("east", "m"), Instant::now());
        assert!(!written.is_awaited(&mesh, &at("a", 1), now));
        written.note(&mesh, &at("a", 2), now);
        assert!(written.is_awaited(&mesh, &at("a", 1), now));
        assert!(!written.is_awaited(&mesh, &at("a", 2), now));
        assert!(!written.is_awaited(&mesh, &at("a", 1), now), "it is known to have arrived");
    }

    #[test]
    fn another_object_of_the_name_and_an_api_that_went_back_are_not_waited_for() {
        let (written, mesh, now) = (Written::default(), Key::new("east", "m"), Instant::now());
        written.note(&mesh, &at("a", 2), now);
        assert!(!written.is_awaited(&mesh, &at("b", 1), now));
        written.note(&mesh, &at("a", 2), now);
        assert!(!written.is_awaited(&mesh, &at("a", 1), now + ARRIVES));
    }
}
