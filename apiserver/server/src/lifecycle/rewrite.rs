//! Writes of the server itself.

use apiserver_store as store;
use jiff::Timestamp;
use serde_json::Value;

use super::{Lifecycle, finalizers};
use crate::clock;
use crate::object::{encoding, metadata};

const TRIES: usize = 20;

/// Begins the end of an object.
pub(super) fn mark_deleted(object: &mut Value, now: Timestamp) {
    if !metadata::is_being_deleted(object) {
        metadata::set(object, "deletionTimestamp", now.to_string());
        metadata::set(object, "deletionGracePeriodSeconds", 0);
    }
}

impl Lifecycle {
    /// Deletes the objects of a collection, in a namespace or all; false where some are held, or the server stops.
    pub(super) async fn delete_all(&self, collection: &str, namespace: Option<&str>) -> bool {
        let mut left = false;
        for object in self.objects.list(collection, namespace) {
            if self.stop.is_cancelled() {
                return false;
            }
            left |= !self.delete(&object.key).await;
        }
        !left
    }

    /// Deletes an object; false where a finalizer still holds it.
    pub(super) async fn delete(&self, key: &store::Key) -> bool {
        let now = clock::now();
        self.rewrite(key, |object| mark_deleted(object, now)).await
    }

    /// Changes an object, and removes it where it is being deleted and nothing holds it any more. True: it is gone.
    pub(super) async fn rewrite(&self, key: &store::Key, change: impl Fn(&mut Value)) -> bool {
        for _ in 0..TRIES {
            match self.rewrite_once(key, &change).await {
                Ok(gone) => return gone,
                Err(store::WriteError::Conflict { .. }) => {}
                Err(error) => {
                    // The next sweep takes it up again.
                    tracing::warn!(?key, %error, "what follows a write could not be stored");
                    return false;
                }
            }
        }
        false
    }

    async fn rewrite_once(
        &self,
        key: &store::Key,
        change: &impl Fn(&mut Value),
    ) -> Result<bool, store::WriteError> {
        let Some(stored) = self.objects.read(key) else { return Ok(true) };
        let Ok(before) = serde_json::from_slice::<Value>(&stored.json) else { return Ok(false) };
        let mut object = before.clone();
        change(&mut object);
        let gone =
            metadata::is_being_deleted(&object) && !finalizers::is_held(&key.collection, &object);
        if object == before && !gone {
            return Ok(false);
        }
        let value = encoding::stored(&object);
        let write = store::Write {
            key: key.clone(),
            condition: store::Condition::Revision(stored.revision),
            change: if gone { store::Change::Delete(value) } else { store::Change::Put(value) },
            labels: metadata::labels(&object),
            given: None,
        };
        let stored = self.objects.write(write).await?;
        self.follow_up(&stored, gone);
        Ok(gone)
    }
}
