//! What this crate says of kinds and objects, compared with what a real kube-apiserver says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod defaults;
mod discovery;
mod documents;
mod samples;
mod server;
mod tables;
mod validation;
