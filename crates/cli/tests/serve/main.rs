//! `meshroot serve`, `backup` and `restore`: the built program, on loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod backup;
mod join;
mod life;
#[path = "../command/program.rs"]
#[allow(dead_code, reason = "shared with the tests of the other commands")]
mod program;
mod server;
