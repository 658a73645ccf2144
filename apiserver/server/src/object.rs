//! Objects as JSON values, and as the bytes that are stored.

pub(crate) mod encoding;
pub(crate) mod identifiers;
pub(crate) mod metadata;
pub(crate) mod token_secret;
pub(crate) mod version;
