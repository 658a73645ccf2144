//! The decisions, one subject a module. Certificates and requests are real ones, broken ones included.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod audit;
mod before;
mod cacerts;
mod identity;
mod issuance;
mod issuance_refusals;
mod lint;
mod mesh;
mod people;
mod pickup;
mod recorded;
mod renewal;
mod renewal_next;
mod revocation;
mod rotation;
mod rules;
mod scene;
mod terms;
mod told;
mod trust;
mod wishes;
#[allow(dead_code, reason = "shared with the tests of other crates")]
#[path = "../../../pki/tests/pki/support.rs"]
mod x509;
