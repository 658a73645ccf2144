//! Defaults are values of their schema (`ValidateDefaults` of apiextensions).

use apiserver_object::{Fault, FieldError};

use crate::prune;
use crate::schema::Schema;
use crate::validate::check_default;

/// Checks every default: no unknown field, and valid. Defaults in maps' values and CEL rules are not looked at.
pub(super) fn check(schema: &Schema, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    walk(schema, path, &mut errors);
    errors
}

fn walk(schema: &Schema, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(default) = &schema.default {
        let place = format!("{path}.default");
        let mut pruned = default.clone();
        if !prune::prune(schema, &mut pruned, false).is_empty() || pruned != *default {
            let error =
                FieldError::new(Fault::Invalid, place.clone(), "must not have unknown fields");
            errors.push(error.with_value(default.clone()));
        }
        errors.extend(check_default(schema, default, &place));
    }
    if let Some(items) = &schema.items {
        walk(items, &format!("{path}.items"), errors);
    }
    for (name, property) in &schema.properties {
        walk(property, &format!("{path}.properties[{name}]"), errors);
    }
}
