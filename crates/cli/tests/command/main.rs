//! The `meshroot` command against real Kubernetes API servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod audit;
mod certificates;
mod check;
mod cluster;
mod decide;
mod describe;
mod get;
mod inspect;
mod install;
mod policy;
mod program;
mod renew;
mod rotate;
mod stage;
mod verify;
