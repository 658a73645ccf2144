//! Libraries of functions. [`ALL`] are those of the language and of Kubernetes 1.37 that need nothing but their arguments.
//!
//! Sources: CEL specification ("Standard Definitions"); cel-go's extensions `strings` (version 2), `sets` and `lists`
//! (version 3); Kubernetes' libraries for URLs, addresses, quantities, versions and regular expressions.

mod address;
mod address_block;
mod address_text;
mod conversions;
mod decimal;
mod format;
mod format_clause;
mod lists;
mod optionals;
mod patterns;
mod quantity;
mod sets;
mod standard;
mod strings;
mod timestamps;
mod url;
mod url_encoding;
mod version;

use crate::function::Function;

pub use url::request_uri_fault;

/// All libraries.
pub const ALL: [&[Function]; 14] = [
    standard::FUNCTIONS,
    conversions::FUNCTIONS,
    patterns::FUNCTIONS,
    timestamps::FUNCTIONS,
    optionals::FUNCTIONS,
    strings::FUNCTIONS,
    format::FUNCTIONS,
    lists::FUNCTIONS,
    sets::FUNCTIONS,
    url::FUNCTIONS,
    address::FUNCTIONS,
    address_block::FUNCTIONS,
    quantity::FUNCTIONS,
    version::FUNCTIONS,
];
