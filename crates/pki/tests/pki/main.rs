//! The crate's behaviour, one subject a module; OpenSSL and rustls-webpki are asked for a second opinion.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod agreement;
mod block_lists;
mod certificates;
mod gate;
mod hosts;
mod keys;
mod names;
mod path_refusals;
mod paths;
mod properties;
mod requests;
mod revocation;
mod support;
mod text;

/// By how much more is tried than in every run: `cargo xtask ci --full` sets it.
fn times() -> u32 {
    std::env::var("MESHROOT_TEST_TIMES").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}
