//! Checks of one version of a CustomResourceDefinition.

use std::collections::BTreeSet;

use apiserver_object::names::label_1035;
use apiserver_object::{Fault, FieldError};
use apiserver_schema::{check_status_root, check_structural};
use serde_json::Value;

use super::places::Places;
use crate::path::Path;
use crate::reading::Reading;

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] =
    ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
/// Most fields of a version that a selector may name.
const SELECTABLE: usize = 8;

/// Checks the version at this place in the definition's list.
pub(super) fn validate(version: &Value, at: usize, places: &Places, faults: &mut Vec<FieldError>) {
    let name = version.text(&["name"]);
    let wrong = label_1035(name);
    if !wrong.is_empty() {
        faults.push(FieldError::invalid(
            format!("spec.versions[{at}].name"),
            name,
            wrong.join(","),
        ));
        if at == 0 {
            faults.push(FieldError::invalid("spec.version", name, wrong.join(",")));
        }
    }
    deprecation(version, &format!("spec.versions[{at}].deprecationWarning"), faults);
    let schema = version.at(&["schema", "openAPIV3Schema"]);
    if let (Some(schema), Some(path)) = (schema, places.schema(at)) {
        if places.has_status(version) {
            faults.extend(check_status_root(schema, &path));
        }
        if schema.flag(&["nullable"]) {
            let detail = "nullable cannot be true at the root";
            faults.push(FieldError::forbidden(format!("{path}.nullable"), detail));
        }
        faults.extend(check_structural(schema, &path));
    }
    if let (Some(scale), Some(path)) =
        (version.at(&["subresources", "scale"]), places.subresources(at))
    {
        subresource_scale(scale, &format!("{path}.scale"), faults);
    }
    if let Some(path) = places.columns(at) {
        for (at, column) in version.entries(&["additionalPrinterColumns"]).iter().enumerate() {
            printer_column(column, &format!("{path}[{at}]"), faults);
        }
    }
    if let Some(path) = places.selectable(at) {
        selectable(version, &path, faults);
    }
}

/// Fields can be selected where there is a schema that declares them.
fn selectable(version: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let has_schema = version.at(&["schema", "openAPIV3Schema"]).is_some();
    if has_schema || version.entries(&["selectableFields"]).is_empty() {
        return selectable_fields(version, path, faults);
    }
    let top = "may only be set when validations.schema is included";
    let own = "may only be set when `version.schema.openAPIV3Schema` is not included";
    let detail = if path == "spec.selectableFields" { top } else { own };
    faults.push(FieldError::invalid(path, "", detail));
}

fn deprecation(version: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let Some(said) = version.at(&["deprecationWarning"]).and_then(Value::as_str) else { return };
    if !version.flag(&["deprecated"]) {
        faults.push(FieldError::invalid(path, said, "can only be set for deprecated versions"));
        return;
    }
    if said.len() > 256 {
        faults.push(FieldError::invalid(path, said, "must be <= 256 characters long"));
    }
    if said.is_empty() {
        faults.push(FieldError::invalid(path, said, "must not be an empty string"));
    }
    if let Some((at, _)) = said.char_indices().find(|(_, sign)| sign.is_control()) {
        let rule =
            "must only contain printable UTF-8 characters; non-printable character found at index";
        faults.push(FieldError::invalid(path, said, format!("{rule} {at}")));
    }
}

fn subresource_scale(scale: &Value, path: &str, faults: &mut Vec<FieldError>) {
    for (field, root) in [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")] {
        let place = format!("{path}.{field}");
        let value = scale.text(&[field]);
        if value.is_empty() {
            faults.push(FieldError::required(&place, ""));
        } else if !value.starts_with('.') {
            faults.push(FieldError::invalid(
                &place,
                value,
                "must be a simple json path starting with .",
            ));
        } else if !value.starts_with(root) {
            faults.push(FieldError::invalid(
                &place,
                value,
                format!("should be a json path under {}", root.trim_end_matches('.')),
            ));
        }
    }
    let place = format!("{path}.labelSelectorPath");
    let value = scale.text(&["labelSelectorPath"]);
    if !value.is_empty() && !value.starts_with('.') {
        faults.push(FieldError::invalid(
            &place,
            value,
            "must be a simple json path starting with .",
        ));
    } else if !value.is_empty() && !value.starts_with(".spec.") && !value.starts_with(".status.") {
        faults.push(FieldError::invalid(
            &place,
            value,
            "should be a json path under either .spec or .status",
        ));
    }
}

fn printer_column(column: &Value, path: &str, faults: &mut Vec<FieldError>) {
    if column.text(&["name"]).is_empty() {
        faults.push(FieldError::required(format!("{path}.name"), ""));
    }
    let kind = column.text(&["type"]);
    let types = format!("must be one of {}", COLUMN_TYPES.join(","));
    if kind.is_empty() {
        faults.push(FieldError::required(format!("{path}.type"), &types));
    } else if !COLUMN_TYPES.contains(&kind) {
        faults.push(FieldError::invalid(format!("{path}.type"), kind, types));
    }
    let format = column.text(&["format"]);
    if !format.is_empty() && !COLUMN_FORMATS.contains(&format) {
        let formats = format!("must be one of {}", COLUMN_FORMATS.join(","));
        faults.push(FieldError::invalid(format!("{path}.format"), format, formats));
    }
    let json_path = column.text(&["jsonPath"]);
    if json_path.is_empty() {
        faults.push(FieldError::required(format!("{path}.JSONPath"), ""));
    } else if !json_path.starts_with('.') {
        faults.push(FieldError::invalid(
            format!("{path}.JSONPath"),
            json_path,
            "must be a simple json path starting with .",
        ));
    }
}

fn selectable_fields(version: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let mut seen = BTreeSet::new();
    let schema = version.at(&["schema", "openAPIV3Schema"]).unwrap_or(&Value::Null);
    for (at, field) in version.entries(&["selectableFields"]).iter().enumerate() {
        let place = format!("{path}[{at}].jsonPath");
        let json_path = field.text(&["jsonPath"]);
        if json_path.is_empty() {
            faults.push(FieldError::required(&place, ""));
            continue;
        }
        if let Some(detail) = selectable_fault(json_path, schema) {
            faults.push(FieldError::invalid(&place, json_path, detail));
        }
        if !seen.insert(json_path) {
            faults.push(FieldError::duplicate(place, json_path));
        }
    }
    if seen.len() > SELECTABLE {
        let detail = format!("{}: must have at most {SELECTABLE} items", seen.len());
        faults.push(FieldError::new(Fault::TooMany, path, detail));
    }
}

/// What is wrong with a selectable field: it must be a declared field of a simple type.
fn selectable_fault(json_path: &str, schema: &Value) -> Option<String> {
    let Some(path) = Path::read(json_path) else {
        return Some("is an invalid path: not a simple path".to_owned());
    };
    let Some(names) = path.fields() else {
        return Some("is an invalid path: does not refer to a valid field".to_owned());
    };
    let found = names.iter().try_fold(schema, |schema, name| schema.at(&["properties", name]));
    let Some(found) = found else {
        return Some("is an invalid path: does not refer to a valid field".to_owned());
    };
    if names.first() == Some(&"metadata") {
        return Some("must not point to fields in metadata".to_owned());
    }
    let simple = matches!(found.text(&["type"]), "string" | "boolean" | "integer");
    let rule = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are \
                allowed.";
    (!simple).then(|| rule.to_owned())
}
