//! Part of the embedded API server: rules written in the Common Expression Language.
//!
//! [`CompiledRules`] holds the rules of a schema (`x-kubernetes-validations`), [`Policy`] and [`Binding`] a
//! ValidatingAdmissionPolicy and what puts it in force. Expressions are parsed, type-checked and evaluated here, on JSON
//! as it is; the function libraries of Kubernetes for URLs, addresses, quantities, versions, formats and most string
//! functions are those of `kube-cel`.

mod admission;
mod authorization;
mod denial;
mod field_path;
mod language;
mod matching;
mod policy;
mod policy_environment;
mod policy_evaluation;
mod rule_evaluation;
mod rules;

pub use admission::{Admission, Authorizer, Check, Decision, Operation, UserInfo};
pub use denial::{Denial, Verdict, admit};
pub use policy::{Action, Binding, Policy};
pub use rules::CompiledRules;
