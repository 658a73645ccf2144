//! The words that all parts of the API server speak in: a place in an object and what is wrong there, who asks for
//! what, which objects are selected, and how the Go programs of Kubernetes write values.
//!
//! Nothing here knows a schema, a kind or a store; every other part of the server may depend on this one.

mod authorization;
mod field_error;
pub mod go_text;
mod label_selector;
pub mod names;
mod path;
mod subresource;
mod user;
mod verb;

pub use authorization::{
    Attributes, Authorizer, Decision, NonResourceAttributes, ResourceAttributes,
};
pub use field_error::{Fault, FieldError};
pub use label_selector::LabelSelector;
pub use path::{Path, field};
pub use subresource::Subresource;
pub use user::{AUTHENTICATED, CREDENTIAL_ID, MASTERS, UNAUTHENTICATED, User};
pub use verb::Verb;
