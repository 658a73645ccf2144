//! The definitions and policies that the product installs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::needless_pass_by_value, clippy::too_many_lines)] // cases are written as data

mod definitions;
mod files;
mod policies;
#[path = "../common/schema.rs"]
mod schema;
