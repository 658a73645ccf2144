//! Certificates, requests and Secrets as people read them. Read only, and no key is ever shown.

pub mod facts;
pub mod layout;
pub mod pem_file;

pub use pem_file::{Item, PemFile};
