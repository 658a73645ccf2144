//! Kinds of the embedded API server: what it serves, how objects look, what discovery says of them.

mod annotation_table;
mod annotations;
mod builtin;
mod crd;
mod defaults;
mod definitions;
mod discovery;
mod empty;
mod events;
mod kind;
mod metadata;
mod names;
mod openapi;
mod path;
mod reading;
mod table;
mod time;
mod validate;
mod values;

pub use builtin::builtin;
pub use crd::{AcceptedNames, accept_names, crd_status, from_crd, validate_crd};
pub use defaults::default_builtin;
pub use discovery::{Document, aggregated, api_versions, group, groups, resources, version};
pub use empty::empty_object;
pub use events::{core_from_events_v1, events_v1_from_core};
pub use kind::{ASKED, CUSTOM, Column, Kind, NameRule, STORED, STORED_SINGLY, Scale, Subresources};
pub use metadata::validate_metadata;
pub use openapi::{openapi_document, openapi_hash, openapi_index};
pub use table::{
    IncludeObject, ListMetadata, partial_object_metadata, partial_object_metadata_list,
    selector_text, table,
};
pub use validate::validate_builtin;
pub use values::{count_of_quantity, decode_values, quantity_of_count};
