//! Role-based access control (`rbac.authorization.k8s.io/v1`), answering as kube-apiserver does.

mod aggregation;
mod bindings;
mod bootstrap;
mod escalation;
mod index;
mod policy_rule;
mod refusal;

pub use aggregation::aggregated_rules;
pub use bootstrap::bootstrap;
pub use escalation::{AGGREGATION_FORBIDDEN, escalation_message};
pub use index::{Rbac, RuleLists};
pub use refusal::forbidden_message;
