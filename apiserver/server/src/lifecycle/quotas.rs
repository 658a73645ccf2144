//! What is used of quotas, for whoever looks at them: limits are kept at the commit, whatever the status says.

use apiserver_store as store;

use super::Lifecycle;
use super::work::Work;
use crate::state::collections::QUOTAS;
use crate::state::quotas;

impl Lifecycle {
    /// Leaves the count for later where a quota of the namespace may say something else now.
    pub(super) fn count_later(&self, stored: &store::Object, deleted: bool) {
        let namespace = &stored.key.namespace;
        let is_quota = stored.key.collection.as_ref() == QUOTAS;
        let is_another = deleted || stored.created == stored.revision || is_quota;
        if is_another && self.objects.store.count_in(QUOTAS, namespace) > 0 {
            // The receiver lives as long as the server.
            let _ = self.work.send(Work::Count(namespace.to_string()));
        }
    }

    /// Writes what is used into the quotas of a namespace, where that is another number than they say.
    pub(super) async fn count(&self, namespace: &str) {
        for quota in self.objects.list(QUOTAS, Some(namespace)) {
            self.rewrite(&quota.key, |quota| {
                quota["status"] = quotas::status(&self.objects, namespace, quota);
            })
            .await;
        }
    }
}
