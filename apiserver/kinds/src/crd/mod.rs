//! Kinds that a CustomResourceDefinition defines.

mod names;
mod places;
mod read;
mod status;
mod validate;
mod version;

pub use names::{AcceptedNames, accept_names};
pub use read::from_crd;
pub use status::crd_status;
pub(crate) use status::stored_versions;
pub use validate::validate_crd;
