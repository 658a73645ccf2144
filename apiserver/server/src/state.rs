//! What is stored, and what is made from it.

pub(crate) mod catalog;
pub(crate) mod collections;
pub(crate) mod derived;
pub(crate) mod objects;
pub(crate) mod policies;
pub(crate) mod quotas;
pub(crate) mod restore;
mod revisioned;
pub(crate) mod served;
