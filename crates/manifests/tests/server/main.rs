//! The definitions, policies and roles on a real kube-apiserver.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod approval;
mod approvers;
mod definitions;
mod discovery_rules;
mod hub_rights;
mod joining;
mod ledger;
mod mesh_trusts;
mod request_rights;
mod request_rules;
mod setup;
mod typed;
mod workloads;
