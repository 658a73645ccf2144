//! Role-based access control (`rbac.authorization.k8s.io/v1`), answering as kube-apiserver does.

mod aggregation;
mod attributes;
mod bindings;
mod bootstrap;
mod escalation;
mod index;
mod label_selector;
mod label_syntax;
mod policy_rule;
mod validation;

pub use aggregation::aggregated_rules;
pub use attributes::{Attributes, Decision, forbidden_message};
pub use bootstrap::bootstrap;
pub use escalation::{AGGREGATION_FORBIDDEN, escalation_message};
pub use index::{Rbac, RuleLists};
pub use validation::{
    default_binding, validate_cluster_role, validate_cluster_role_binding, validate_role, validate_role_binding,
};
