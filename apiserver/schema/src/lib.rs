//! Structural schemas: what a kind's objects look like, and what is done with an object that does not.
//!
//! A schema is read with [`Schema::from_openapi`] after [`check_structural`] found nothing to refuse. [`Validator`]
//! is its compiled form: it removes unknown fields, fills in defaults and validates, in this order. The words of every
//! fault, its place and its order are those of a Kubernetes 1.37 API server.

mod defaults;
mod formats;
mod prune;
mod read;
mod regexp;
mod schema;
mod structural;
mod validate;

pub use defaults::{apply_defaults, apply_defaults_keeping_nulls};
pub use formats::is_of_format;
pub use prune::prune;
pub use read::DEPTH_LIMIT;
pub use schema::{Additional, Checks, Decoder, ListType, MapType, Merge, Rule, Schema, Type};
pub use structural::{check_status_root, check_structural};
pub use validate::{Validator, has_embedded_resources};

#[cfg(test)]
mod tests;
