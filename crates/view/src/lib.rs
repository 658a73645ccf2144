//! What objects say to people: objects and the time in, tables ([`Table`]) and sheets ([`Sheet`]) out.
//!
//! Nothing here asks an API, reads a clock or knows how its words are drawn: the command line and a console show the
//! same. Text that clusters wrote is handed on as it is; whoever draws it for a terminal or a browser makes it harmless
//! there.
//!
//! - [`kinds`]: what may be looked at, and its columns
//! - [`describe`]: everything about one object
//! - [`clusters`]: who takes part
//! - [`check`]: what is wrong, or will be
//! - [`certificates`]: what certificates, requests and Secrets say
//! - [`verify`]: whether a chain is accepted
//! - [`age`]: how long ago

pub mod age;
pub mod certificates;
pub mod check;
pub mod clusters;
pub mod describe;
pub mod kinds;
mod sheet;
mod table;
pub mod verify;

pub use sheet::{Entry, Sheet};
pub use table::Table;

use kube::core::ObjectMeta;

/// `namespace/name`.
pub fn full_name(metadata: &ObjectMeta) -> String {
    let name = metadata.name.as_deref().unwrap_or_default();
    match metadata.namespace.as_deref() {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}
