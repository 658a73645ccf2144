//! The original API is published three times: as `.proto` files, as Rust types, as CRDs. These tests
//! hold the three together, field by field.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod defaults;
mod fields;
mod messages;
mod round_trip;
mod schemas;
