//! Writes on one object: POST ([`create`]), PUT ([`update`]), PATCH ([`patch`], [`apply`]) and DELETE ([`delete`]), and
//! what all of them go through ([`change`]).

mod admission;
mod apply;
pub(crate) mod change;
mod create;
mod delete;
mod delete_collection;
pub(crate) mod delete_options;
mod mutation;
mod patch;
mod strategy;
mod update;
mod validation;
