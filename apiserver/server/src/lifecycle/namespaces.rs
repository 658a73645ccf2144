//! The end of a Namespace.

use apiserver_store::Key;
use serde_json::json;

use super::Lifecycle;
use crate::state::collections::NAMESPACES;

impl Lifecycle {
    /// Deletes everything in a namespace; the namespace itself goes when nothing is left.
    pub(super) async fn finish_namespace(&self, name: &str) {
        for (collection, _) in self.objects.collections() {
            if !self.delete_all(&collection, Some(name)).await {
                return;
            }
        }
        let key = Key::new(NAMESPACES, "", name);
        self.rewrite(&key, |namespace| namespace["spec"] = json!({})).await;
    }
}
