//! The same roles, bindings and questions for a real kube-apiserver and for this crate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod authorization;
mod defaults;
mod refusals;
mod requests;
