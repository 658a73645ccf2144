//! Checks of a CustomResourceDefinition, beside those of its schemas' structure.

use std::collections::BTreeSet;

use apiserver_object::{Fault, FieldError};
use apiserver_object::names::{label_1035, subdomain};
use apiserver_schema::{check_status_root, check_structural};
use serde_json::{Value, json};

use super::names;
use super::version::Places;
use crate::metadata::immutable;
use crate::path::Path;
use crate::reading::Reading;

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];
const COLUMN_FORMATS: [&str; 8] =
    ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
/// Most fields of a version that a selector may name.
const SELECTABLE: usize = 8;
const APPROVAL: &str = "api-approved.kubernetes.io";

/// Checks a definition that has its defaults: a new one if `old` is `None`. Its metadata is checked elsewhere, but for
/// the rule that its name is plural and group.
pub fn validate_crd(crd: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if old.is_none() {
        let wanted =
            format!("{}.{}", crd.text(&["spec", "names", "plural"]), crd.text(&["spec", "group"]));
        let name = crd.text(&["metadata", "name"]);
        if !name.is_empty() && name != wanted {
            faults.push(FieldError::invalid(
                "metadata.name",
                name,
                "must be spec.names.plural+\".\"+spec.group",
            ));
        }
    }
    group_and_scope(crd, &mut faults);
    versions(crd, &mut faults);
    required_names(crd, &mut faults);
    conversion(crd, &mut faults);
    if let Some(old) = old {
        unchanged(crd, old, &mut faults);
    }
    if let Some(accepted) = crd.at(&["status", "acceptedNames"]) {
        names::validate(accepted, "status.acceptedNames", &mut faults);
    }
    stored_versions(crd, &mut faults);
    approval(crd, old, &mut faults);
    if crd.flag(&["spec", "preserveUnknownFields"]) {
        let instead =
            "set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        faults.push(FieldError::invalid(
            "spec.preserveUnknownFields",
            true,
            format!("cannot set to true, {instead}"),
        ));
    }
    faults
}

fn group_and_scope(crd: &Value, faults: &mut Vec<FieldError>) {
    let group = crd.text(&["spec", "group"]);
    let wrong = subdomain(group);
    if group.is_empty() {
        faults.push(FieldError::required("spec.group", ""));
    } else if !wrong.is_empty() {
        faults.push(FieldError::invalid("spec.group", group, wrong.join(",")));
    } else if !group.contains('.') {
        faults.push(FieldError::invalid(
            "spec.group",
            group,
            "should be a domain with at least one dot",
        ));
    }
    match crd.text(&["spec", "scope"]) {
        "Cluster" | "Namespaced" => {}
        "" => faults.push(FieldError::required("spec.scope", "")),
        other => {
            faults.push(FieldError::not_supported("spec.scope", other, &["Cluster", "Namespaced"]))
        }
    }
}

fn versions(crd: &Value, faults: &mut Vec<FieldError>) {
    let versions = crd.entries(&["spec", "versions"]);
    let all = || crd.at(&["spec", "versions"]).cloned().unwrap_or(Value::Null);
    for (at, version) in versions.iter().enumerate() {
        if version.at(&["schema", "openAPIV3Schema"]).is_none() {
            faults.push(FieldError::required(
                format!("spec.versions[{at}].schema.openAPIV3Schema"),
                "",
            ));
        }
    }
    if !versions.is_empty() {
        let places = Places::of(versions);
        for (at, each) in versions.iter().enumerate() {
            version(each, at, &places, faults);
        }
    }
    let distinct: BTreeSet<&str> = versions.iter().map(|version| version.text(&["name"])).collect();
    if distinct.len() != versions.len() {
        faults.push(FieldError::invalid(
            "spec.versions",
            all(),
            "must contain unique version names",
        ));
    }
    if versions.iter().filter(|version| version.flag(&["storage"])).count() != 1 {
        faults.push(FieldError::invalid(
            "spec.versions",
            all(),
            "must have exactly one version marked as storage version",
        ));
    }
}

fn version(version: &Value, at: usize, places: &Places, faults: &mut Vec<FieldError>) {
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
        if schema.is_none() && !version.entries(&["selectableFields"]).is_empty() {
            let top = "may only be set when validations.schema is included";
            let own = "may only be set when `version.schema.openAPIV3Schema` is not included";
            faults.push(FieldError::invalid(
                &path,
                "",
                if path == "spec.selectableFields" { top } else { own },
            ));
        } else {
            selectable_fields(version, &path, faults);
        }
    }
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

fn required_names(crd: &Value, faults: &mut Vec<FieldError>) {
    for field in ["plural", "singular", "kind", "listKind"] {
        if crd.text(&["spec", "names", field]).is_empty() {
            faults.push(FieldError::required(format!("spec.names.{field}"), ""));
        }
    }
    names::validate(crd.at(&["spec", "names"]).unwrap_or(&Value::Null), "spec.names", faults);
}

/// Versions of a kind are the same object with another `apiVersion`: this server calls no webhook.
fn conversion(crd: &Value, faults: &mut Vec<FieldError>) {
    match crd.text(&["spec", "conversion", "strategy"]) {
        "None" => {
            if crd.at(&["spec", "conversion", "webhook"]).is_some() {
                let detail = "should not be set when strategy is not set to Webhook";
                faults.push(FieldError::forbidden("spec.conversion.webhookClientConfig", detail));
            }
        }
        "" if crd.at(&["spec", "conversion"]).is_some() => {
            faults.push(FieldError::required("spec.conversion.strategy", ""))
        }
        "" => {}
        "Webhook" => {
            let detail =
                "this server does not call conversion webhooks: supported values: \"None\"";
            faults.push(
                FieldError::new(Fault::NotSupported, "spec.conversion.strategy", detail)
                    .with_value("Webhook".into()),
            );
        }
        other => faults.push(FieldError::not_supported(
            "spec.conversion.strategy",
            other,
            &["None", "Webhook"],
        )),
    }
}

fn unchanged(crd: &Value, old: &Value, faults: &mut Vec<FieldError>) {
    let conditions = old.entries(&["status", "conditions"]).iter();
    let established = conditions
        .filter(|condition| condition.text(&["type"]) == "Established")
        .any(|condition| condition.text(&["status"]) == "True");
    let mut check =
        |path: &[&str]| faults.extend(immutable(&path.join("."), crd.at(path), old.at(path)));
    if established {
        check(&["spec", "scope"]);
        check(&["spec", "names", "kind"]);
    }
    check(&["spec", "group"]);
    check(&["spec", "names", "plural"]);
}

fn stored_versions(crd: &Value, faults: &mut Vec<FieldError>) {
    let path = "status.storedVersions";
    let stored = crd.texts(&["status", "storedVersions"]);
    if stored.is_empty() {
        faults.push(FieldError::invalid(
            path,
            Value::Null,
            "must have at least one stored version",
        ));
        return;
    }
    let versions = crd.entries(&["spec", "versions"]);
    for version in versions.iter().filter(|version| version.flag(&["storage"])) {
        let name = version.text(&["name"]);
        if !stored.contains(&name) {
            faults.push(FieldError::invalid(
                path,
                json!(stored),
                format!("must have the storage version {name}"),
            ));
        }
    }
    for (at, name) in stored.iter().enumerate() {
        if !versions.iter().any(|version| version.text(&["name"]) == *name) {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until \
                 a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            faults.push(FieldError::invalid(format!("{path}[{at}]"), *name, detail));
        }
    }
}

/// Groups of the Kubernetes project need an annotation that links to the review of the API.
fn approval(crd: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    let group = crd.text(&["spec", "group"]);
    let protected = ["k8s.io", "kubernetes.io"];
    let is_protected =
        protected.iter().any(|owner| group == *owner || group.ends_with(&format!(".{owner}")));
    if !is_protected || old.is_some() {
        return;
    }
    let place = format!("metadata.annotations[{APPROVAL}]");
    let link = "see https://github.com/kubernetes/enhancements/pull/1111";
    let annotation = crd.text(&["metadata", "annotations", APPROVAL]);
    if annotation.is_empty() {
        let detail =
            format!("protected groups must have approval annotation \"{APPROVAL}\", {link}");
        faults.push(FieldError::required(&place, &detail));
    } else if !annotation.starts_with("unapproved") && !annotation.contains("://") {
        let detail = format!(
            "protected groups must have approval annotation \"{APPROVAL}\" with either a URL or a reason starting with \
             \"unapproved\", {link}"
        );
        faults.push(FieldError::invalid(&place, annotation, detail));
    }
}
