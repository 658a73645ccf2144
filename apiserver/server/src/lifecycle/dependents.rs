//! Dependents of what is being deleted, or gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use apiserver_store as store;
use serde_json::Value;

use super::work::Owner;
use super::{Lifecycle, finalizers};
use crate::object::metadata;

impl Lifecycle {
    /// Does what the finalizers `orphan` and `foregroundDeletion` of an object that is being deleted wait for.
    pub(super) async fn finish_dependents(&self, key: &store::Key, object: &Value) {
        let held = metadata::finalizers(object);
        let owner =
            Owner { namespace: key.namespace.to_string(), uid: metadata::uid(object).to_owned() };
        let owners = BTreeSet::from([owner]);
        if held.contains(&finalizers::ORPHAN) {
            for dependent in self.dependents(&owners) {
                self.rewrite(&dependent.key, |dependent| disown(dependent, &owners)).await;
            }
            self.rewrite(key, |object| finalizers::remove(object, finalizers::ORPHAN)).await;
        } else if held.contains(&finalizers::FOREGROUND) {
            let mut left = false;
            for dependent in self.dependents(&owners) {
                left |= !self.delete(&dependent.key).await && blocks(&dependent, object);
            }
            if !left {
                self.rewrite(key, |object| finalizers::remove(object, finalizers::FOREGROUND))
                    .await;
            }
        }
    }

    /// Objects whose owners are all gone go too; others only lose the reference.
    pub(super) async fn collect_dependents(&self, owners: &BTreeSet<Owner>) {
        let gone = |uid: &str| owners.iter().any(|owner| owner.uid == uid);
        for object in self.dependents(owners) {
            let Ok(value) = serde_json::from_slice::<Value>(&object.json) else { continue };
            if references(&value).filter_map(|reference| reference["uid"].as_str()).all(gone) {
                self.delete(&object.key).await;
            } else {
                self.rewrite(&object.key, |object| disown(object, owners)).await;
            }
        }
    }

    /// All objects that name one of the owners. Looks for the word before it parses anything.
    fn dependents(&self, owners: &BTreeSet<Owner>) -> Vec<Arc<store::Object>> {
        let word = memchr::memmem::Finder::new(b"\"ownerReferences\":");
        let names = |object: &store::Object| {
            let Ok(value) = serde_json::from_slice::<Value>(&object.json) else { return false };
            references(&value).any(|reference| {
                let fits = |owner: &&Owner| {
                    owner.namespace.is_empty() || *owner.namespace == *object.key.namespace
                };
                owners.iter().filter(fits).any(|owner| reference["uid"] == owner.uid.as_str())
            })
        };
        self.objects
            .everything()
            .filter(|object| word.find(&object.json).is_some() && names(object))
            .collect()
    }
}

fn references(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

fn blocks(dependent: &store::Object, owner: &Value) -> bool {
    let Ok(dependent) = serde_json::from_slice::<Value>(&dependent.json) else { return false };
    let of_owner = |reference: &&Value| reference["uid"] == metadata::uid(owner);
    references(&dependent)
        .find(of_owner)
        .is_some_and(|reference| reference["blockOwnerDeletion"] == true)
}

fn disown(object: &mut Value, owners: &BTreeSet<Owner>) {
    let gone = |uid: &str| owners.iter().any(|owner| owner.uid == uid);
    if let Some(references) =
        object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut)
    {
        references.retain(|reference| !reference["uid"].as_str().is_some_and(gone));
    }
    metadata::tidy(object);
}
