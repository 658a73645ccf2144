//! The names of a kind.

use meshroot_embedded_schema::FieldError;
use serde_json::Value;

use crate::metadata::invalid;
use crate::names::label_1035;
use crate::reading::Reading;

/// Checks `spec.names` or `status.acceptedNames`; what is empty is not looked at.
pub(super) fn validate(names: &Value, path: &str, faults: &mut Vec<FieldError>) {
    for field in ["plural", "singular"] {
        let name = names.text(&[field]);
        let wrong = label_1035(name);
        if !name.is_empty() && !wrong.is_empty() {
            faults.push(invalid(&format!("{path}.{field}"), name, wrong.join(",")));
        }
    }
    for field in ["kind", "listKind"] {
        let name = names.text(&[field]);
        let wrong = label_1035(&name.to_lowercase());
        if !name.is_empty() && !wrong.is_empty() {
            let detail = format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
            faults.push(invalid(&format!("{path}.{field}"), name, detail));
        }
    }
    list(names, "shortNames", path, faults);
    let (kind, list_kind) = (names.text(&["kind"]), names.text(&["listKind"]));
    if !kind.is_empty() && kind == list_kind {
        faults.push(invalid(&format!("{path}.listKind"), list_kind, "kind and listKind may not be the same"));
    }
    list(names, "categories", path, faults);
}

fn list(names: &Value, field: &str, path: &str, faults: &mut Vec<FieldError>) {
    for (at, name) in names.texts(&[field]).into_iter().enumerate() {
        let wrong = label_1035(name);
        if !wrong.is_empty() {
            faults.push(invalid(&format!("{path}.{field}[{at}]"), name, wrong.join(",")));
        }
    }
}
