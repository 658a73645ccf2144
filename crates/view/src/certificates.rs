//! Certificates, requests and Secrets as people read them. Read only, and no key is ever shown.

pub mod facts;
mod inspection;
pub mod layout;
mod pem_file;

pub use inspection::Inspection;
pub use pem_file::{Item, PemFile};
