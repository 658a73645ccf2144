//! Part of the embedded API server: rules written in the Common Expression Language.
//!
//! [`CompiledRules`] holds the rules of a schema (`x-kubernetes-validations`), [`Policy`] a ValidatingAdmissionPolicy,
//! [`MutatingPolicy`] a MutatingAdmissionPolicy, and [`Binding`] what puts one in force. The language itself is the crate `cel_language`; here is what of
//! it is Kubernetes' own: what expressions see, the authorizer, and what is said where one does not hold.

mod admission;
mod authorization;
mod binding;
mod denial;
mod escape_key;
mod field_name;
mod field_path;
mod functions;
mod matching;
mod mutating_policy;
mod mutation;
mod named_format;
mod policy;
mod policy_compiler;
mod policy_environment;
mod policy_evaluation;
mod rule_evaluation;
mod rule_tree;
mod rules;
mod schema_type;
mod verdict;

pub use admission::{Admission, Operation};
pub use binding::{Action, Binding};
pub use denial::Denial;
pub use mutating_policy::MutatingPolicy;
pub use mutation::Operations;
pub use policy::Policy;
pub use rules::CompiledRules;
pub use verdict::{Verdict, admit};
