//! Certificates, requests and Secrets as people read them. Read only, and no key is ever shown.

pub mod facts;
mod inspection;
pub mod layout;

pub use inspection::Inspection;
