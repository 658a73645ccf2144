//! What a client may send and how: whatever it is, the answer is a clear one and nobody else notices.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../harness/mod.rs"]
mod harness;

mod bodies;
mod consistency;
mod durability;
mod http2;
mod in_process;
mod quotas;
mod requests;
mod slow;
mod standing;
mod token_secrets;
mod tokens;
mod values;
