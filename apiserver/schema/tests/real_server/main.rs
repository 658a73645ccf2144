//! The same schemas and objects through a kube-apiserver and through this crate.
#![recursion_limit = "512"]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod definitions;
mod objects;
mod server;
