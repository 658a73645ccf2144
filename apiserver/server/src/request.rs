//! What a client asks for, before anything of it is looked up.

pub(crate) mod accept;
pub(crate) mod body;
pub(crate) mod content_type;
pub(crate) mod field_selector;
pub(crate) mod info;
pub(crate) mod parameters;
pub(crate) mod path;
pub(crate) mod verb;
