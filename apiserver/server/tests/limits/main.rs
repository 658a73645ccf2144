//! How much the server takes when very much is asked of it, measured on a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../harness/mod.rs"]
mod harness;

mod expensive;
mod many;
mod process;
mod streams;
mod unread;
