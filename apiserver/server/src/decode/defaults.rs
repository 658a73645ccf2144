//! Fields that a client leaves to the server.

use apiserver_kinds as kinds;
use serde_json::Value;

use crate::state::served::Served;

/// Defaults of the schema, and those of a built-in kind.
pub(crate) fn fill_in(served: &Served, object: &mut Value) {
    if served.kind.custom {
        served.validator().apply_defaults(object);
    } else {
        kinds::default_builtin(&served.kind, object);
    }
}

/// Defaults of what server-side apply has made. A null in a custom object is kept, and refused later.
pub(super) fn fill_in_applied(served: &Served, object: &mut Value) {
    if served.kind.custom {
        served.validator().apply_defaults_keeping_nulls(object);
    } else {
        fill_in(served, object);
    }
}
