//! One module for each subcommand.

pub(crate) mod approve;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod cluster;
pub(crate) mod completion;
mod decision;
pub(crate) mod demo;
pub(crate) mod deny;
pub(crate) mod describe;
pub(crate) mod get;
pub(crate) mod inspect;
pub(crate) mod install;
pub(crate) mod policy;
mod related;
pub(crate) mod renew;
pub(crate) mod restore;
pub(crate) mod rotate;
pub(crate) mod serve;
pub(crate) mod trust;
pub(crate) mod verify;
pub(crate) mod version;
