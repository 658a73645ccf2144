//! Decisions: approval, issuance, renewal and trust state, as pure functions of a snapshot and a clock.
//!
//! Nothing here does I/O. Each decision comes with a [`Reason`](meshroot_api::Reason) and, where a person has
//! to act, a message that names the object, the field, the value and what to do.

pub mod audit;
pub mod findings;
pub mod identity;
pub mod issuance;
pub mod key;
pub mod ledger;
pub mod membership;
pub mod mesh;
pub mod meshes;
pub mod notice;
pub mod pickup;
pub mod progress;
pub mod refusal;
pub mod renewal;
pub mod revocation;
pub mod rotation;
pub mod rules;
pub mod terms;
pub mod trust;

pub use notice::Notice;
pub use refusal::Refusal;
