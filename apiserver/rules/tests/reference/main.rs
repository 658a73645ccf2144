//! The same rules and policies on a real kube-apiserver and here: both must say the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines)] // cases are written as data

mod policies;
mod policy_cases;
mod refused_rules;
mod rule_cases;
mod rules;
#[path = "../common/schema.rs"]
mod schema;
mod server;
