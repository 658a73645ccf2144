//! Role-based access control (`rbac.authorization.k8s.io/v1`), answering as kube-apiserver does.

mod aggregation;
mod attributes;
mod bindings;
mod bootstrap;
mod escalation;
mod index;
mod label_selector;
mod policy_rule;

pub use aggregation::aggregated_rules;
pub use attributes::{Attributes, Decision, forbidden_message};
pub use bootstrap::bootstrap;
pub use escalation::{AGGREGATION_FORBIDDEN, escalation_message};
pub use index::{Rbac, RuleLists};
