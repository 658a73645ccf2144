//! ClusterRoles that collect the rules of others.

use apiserver_access::aggregated_rules;
use apiserver_store::Key;

use super::Lifecycle;
use crate::state::collections::CLUSTER_ROLES;

impl Lifecycle {
    /// Writes the rules that a role collects into it.
    pub(super) async fn settle_aggregated_roles(&self) {
        for (name, rules) in aggregated_rules(&self.objects.values(CLUSTER_ROLES)) {
            self.rewrite(&Key::new(CLUSTER_ROLES, "", name.as_str()), |role| {
                if !rules.is_empty() || role["rules"].is_array() {
                    role["rules"] = rules.clone().into();
                }
            })
            .await;
        }
    }
}
