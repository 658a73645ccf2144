//! The shape of ObjectMeta, which is the same for every kind.

use std::sync::{Arc, OnceLock};

use apiserver_kinds as kinds;
use apiserver_schema::Validator;

/// Judges the metadata of any object.
pub(super) fn validator() -> &'static Validator {
    static OBJECT_META: OnceLock<Validator> = OnceLock::new();
    OBJECT_META.get_or_init(|| {
        let config_map =
            kinds::builtin().into_iter().find(|kind| kind.kind.as_ref() == "ConfigMap");
        let schema = config_map.and_then(|kind| kind.schema().properties.get("metadata").cloned());
        Validator::compile(Arc::new(schema.unwrap_or_default()))
    })
}
