//! Patches and field ownership: how an object changes, and who answers for which of its fields.
//!
//! JSON patch (RFC 6902), merge patch (RFC 7386), strategic merge patch, `metadata.managedFields` and server-side apply,
//! with the results and the words of kube-apiserver 1.37.

mod apply;
mod atom;
mod compare;
mod conflict;
mod element;
mod field_set;
mod fields_v1;
mod json_patch;
mod managed;
mod merge;
mod merge_patch;
mod object_meta;
mod patch_error;
mod prune;
mod reconcile;
mod remove;
mod strategic;
mod strategic_list;
mod to_field_set;
mod track;
mod updater;
mod user_agent;
mod validate;
mod writer;

pub use apply::{ApplyError, apply};
pub use conflict::{Conflict, Conflicts};
pub use json_patch::{OperationError, apply_operations, json_patch};
pub use merge_patch::merge_patch;
pub use patch_error::PatchError;
pub use strategic::strategic_merge_patch;
pub use track::{restore_times, track};
pub use user_agent::default_manager;
pub use writer::{Operation, Writer};
